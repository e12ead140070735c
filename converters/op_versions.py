"""Which runtime release first had which version of an operation, and what an operation needs for its types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ondevice.converters.summary import Operator, TensorInfo
from ondevice.toml_family import read_toml

OLDEST = "1.5.0"


def _full(release: str) -> str:
    return release if release.count(".") == 2 else f"{release}.0"


_LINES = read_toml(Path(__file__).with_name("op_releases.toml"))
RELEASES: dict[tuple[str, int], str] = {
    (name, version): _full(release)
    for name, releases in _LINES.items()
    for version, release in enumerate(releases.split(), start=1)
    if release != "-"
}

NEVER = frozenset(_LINES) - {name for name, _ in RELEASES}
"""Operations of the schema for which no runtime has ever had a kernel."""
_MOST = max(version for _, version in RELEASES)
_TYPES = read_toml(Path(__file__).with_name("op_types.toml"))
SEVERAL = "+"
"""What stands behind a type in that table where it is the type of a tensor with several scales."""


def least_version(operator: Operator, tensors: tuple[TensorInfo, ...]) -> int:
    """Return the version that an operation needs for the types and the scales of what it reads.

    What the converter writes has it; quantizers that edit a finished file leave the version of the float operation,
    so that runtimes without the kernel load the file and answer wrongly.

    Args:
        operator: the operation.
        tensors: the tensors of its file.
    """
    return max(_entries("versions", operator, tensors), default=1)


def unversioned_release(operator: Operator, tensors: tuple[TensorInfo, ...]) -> str:
    """Return the oldest release known to have the operation on the types it reads; `OLDEST` where its version tells.

    Args:
        operator: the operation.
        tensors: the tensors of its file.
    """
    return max(_entries("releases", operator, tensors), key=order, default=OLDEST)


def _entries(table: str, operator: Operator, tensors: tuple[TensorInfo, ...]) -> Iterator[Any]:
    """Give what a table has for the types that an operation reads."""
    known = {} if operator.custom else _TYPES[table].get(operator.name, {})
    for types, entry in known.items():
        wanted = types.split()
        given = [tensors[index] if index >= 0 else None for index in operator.inputs[: len(wanted)]]
        if len(given) == len(wanted) and all(map(_fits, given, wanted)):
            yield entry


def _fits(tensor: TensorInfo | None, wanted: str) -> bool:
    if tensor is None or (wanted.endswith(SEVERAL) and tensor.scales <= 1):
        return False
    return wanted.removesuffix(SEVERAL) in ("*", tensor.dtype)


def constant_read(operator: Operator, tensors: tuple[TensorInfo, ...]) -> TensorInfo | None:
    """Return the table of a look-up, the weights of a dense layer or what is cast, None for other operations.

    Args:
        operator: the operation.
        tensors: the tensors of its file.
    """
    # EMBEDDING_LOOKUP has its ids first and the table second.
    place = {"GATHER": 0, "EMBEDDING_LOOKUP": 1, "FULLY_CONNECTED": 1, "CAST": 0}.get(operator.name)
    if place is None or operator.custom or len(operator.inputs) <= place or min(operator.inputs[: place + 1]) < 0:
        return None
    return tensors[operator.inputs[place]]


def came_with(name: str, version: int) -> str:
    """Return the release that brought a version of an operation, or the newest known before; empty if none is known.

    Args:
        name: name of the operation.
        version: its version.
    """
    # Versions of an operation come one after another, so a runtime without an earlier one has no later one.
    return next((RELEASES[name, each] for each in range(min(version, _MOST), 0, -1) if (name, each) in RELEASES), "")


def order(release: str) -> tuple[int, ...]:
    """Return a key that sorts releases by age, e.g. `(2, 14, 0)`."""
    return tuple(int(part) for part in release.split("."))
