"""Targets: the runtimes that files are made for and what each of them has; one TOML file each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ondevice.converters.op_versions import order
from ondevice.errors import OnDeviceError
from ondevice.toml_family import TomlFamily

PER_TENSOR, PER_CHANNEL = "per_tensor", "per_channel"
GRANULARITIES = (PER_TENSOR, PER_CHANNEL)


@dataclass(frozen=True)
class Target:
    """What a runtime can be trusted with, beyond what operation versions say.

    Args:
        name: name of the target, the file's name.
        title: one line for lists.
        release: the newest release, as `ondevice.converters.op_versions` counts them, whose operations it has in full.
        int8_dense: how the int8 weights of a dense layer with float32 activations may be scaled, of `GRANULARITIES`.
        int4_dense: the same of int4 weights; empty where it computes no dense layer with them.
        float16_gather: whether it gathers rows of a float16 table.
        int4_gather: whether it gathers rows of a packed int4 table.
        ahead: the newest version that it has of operations whose versions came with later releases, by name.
        sources: where each of these statements comes from, by its name.
    """

    name: str
    title: str
    release: str
    int8_dense: tuple[str, ...]
    int4_dense: tuple[str, ...]
    float16_gather: bool
    int4_gather: bool
    ahead: dict[str, int]
    sources: dict[str, str]

    def __post_init__(self) -> None:
        for field, scales in (("int8_dense", self.int8_dense), ("int4_dense", self.int4_dense)):
            if not set(scales) <= set(GRANULARITIES):
                raise OnDeviceError(f"{field} is {list(scales)}; allowed are any of {list(GRANULARITIES)}.")
        statements = sorted(set(vars(self)) - {"name", "title", "sources"})
        if sorted(self.sources) != statements or not all(self.sources.values()):
            raise OnDeviceError(f"sources are of {sorted(self.sources)}; allowed is one of each of {statements}.")

    def dense_scales(self, dtype: str) -> tuple[str, ...]:
        """Return how the weights of a dense layer may be scaled.

        Args:
            dtype: type of the weights, `"int8"` or `"int4"`.
        """
        return self.int4_dense if dtype == "int4" else self.int8_dense

    def has(self, release: str) -> bool:
        """Tell whether the target has the operations that came with a release, e.g. `"2.8.0"`."""
        return order(release) <= order(self.release)

    def has_ahead(self, name: str, version: int) -> bool:
        """Tell whether the target has a version of an operation that came with a later release."""
        return version <= self.ahead.get(name, 0)


family = TomlFamily("target runtime", Target, Path(__file__).parent / "targets")
names, load = family.names, family.load


def runtimes_for(target: str, minimum: str, runtimes: Sequence[str]) -> list[str]:
    """Return the runtimes that a file has to work on: all but those that its target allowed it to be too new for.

    Args:
        target: name of the target that the file is for, empty if it is for none.
        minimum: the oldest release that has all operations of the file, e.g. `"2.17.0"`.
        runtimes: names of runtimes; one that is a target itself is of that release.

    Raises:
        OnDeviceError: that leaves none.
    """
    older = {name for name in runtimes if target and name in names() and name != target and not load(name).has(minimum)}
    found = [name for name in runtimes if name not in older]
    if older and not found:
        raise OnDeviceError(
            f"the file is for {target} and needs runtime {minimum}, which {', '.join(sorted(older))} does not have; "
            "choose a device with a newer runtime, or export for an older target."
        )
    return found
