"""What is inside a `.tflite` file and which runtimes can be trusted with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ondevice.bundle import MANIFEST_FILE, MODEL_FILE, read_manifest
from ondevice.converters import flatbuffer, lint
from ondevice.converters import target as targets
from ondevice.converters.summary import FileSummary
from ondevice.devices.trial import Trial, trials
from ondevice.encoding_error import EncodingError
from ondevice.errors import OnDeviceError


@dataclass(frozen=True)
class Operation:
    """One operation of a file, counted over all its graphs.

    Args:
        name: builtin or custom name.
        version: version of the operation.
        count: how often it occurs.
        oldest_runtime: oldest release that has this version, empty if none is known.
    """

    name: str
    version: int
    count: int
    oldest_runtime: str


@dataclass(frozen=True)
class Inspection:
    """A file's content and the verdict on it.

    Args:
        summary: what the file holds.
        operations: its operations by name and version.
        minimum_runtime: oldest release that has every operation, empty if none is known.
        flaws: what is wrong with the file whatever runs it.
        not_judged: of which operations nothing can be said.
        weight_bytes: bytes of the model that are constants.
        overhead_bytes: bytes of the model that are not.
        problems: why a target runtime refuses the file or computes wrongly, by the target's name.
        errors: what encoding the tables changed by layer, which only a bundle says.
        trials: what the runtimes of this machine did with the file, if it was tried.
    """

    summary: FileSummary
    operations: tuple[Operation, ...]
    minimum_runtime: str
    flaws: tuple[str, ...]
    not_judged: tuple[str, ...]
    weight_bytes: int
    overhead_bytes: int
    problems: dict[str, tuple[str, ...]]
    errors: dict[str, EncodingError] = field(default_factory=dict)
    trials: dict[str, Trial] = field(default_factory=dict)


def inspect(path: Path | str, *, run: bool = False) -> Inspection:
    """Read a `.tflite` file and check it against every target runtime.

    Args:
        path: the file, or a bundle that holds one.
        run: whether the runtimes of this machine try it, too, each in a process of its own.

    Raises:
        UsageError: there is no such file.
        OnDeviceError: the file or the bundle's manifest is damaged.
    """
    path = Path(path)
    model = path / MODEL_FILE if path.is_dir() else path
    summary = flatbuffer.read(model)
    releases = {(operator.name, operator.version): _release(operator) for operator in summary.operators}
    counts = Counter((operator.name, operator.version) for operator in summary.operators)
    return Inspection(
        summary=summary,
        operations=tuple(Operation(*key, counts[key], releases[key]) for key in sorted(counts)),
        minimum_runtime=lint.minimum_runtime(summary) if all(releases.values()) else "",
        flaws=lint.flaws(summary),
        not_judged=lint.not_judged(summary),
        weight_bytes=summary.weight_bytes,
        overhead_bytes=summary.overhead_bytes,
        problems={target: lint.refusals(summary, target) for target in targets.names()},
        errors=_encoding_errors(path),
        trials=trials(model) if run else {},
    )


def _encoding_errors(path: Path) -> dict[str, EncodingError]:
    manifest = path / MANIFEST_FILE
    if not manifest.is_file():
        return {}
    return {each.layer: each.error for each in read_manifest(manifest).embeddings}


def _release(operator: flatbuffer.Operator) -> str:
    # An inspection describes what it cannot place; only an export must refuse it.
    try:
        return lint.oldest_runtime(operator)
    except OnDeviceError:
        return ""
