"""What is inside a `.tflite` file and which runtimes can be trusted with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ondevice.bundle import MANIFEST_FILE, MODEL_FILE, read_manifest
from ondevice.converters import flatbuffer, lint
from ondevice.converters import target as targets
from ondevice.converters.summary import FileSummary
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
        weight_bytes: bytes of the model that are constants.
        overhead_bytes: bytes of the model that are not.
        problems: what is wrong with the file, by target runtime.
        errors: what encoding the tables changed by layer, which only a bundle says.
    """

    summary: FileSummary
    operations: tuple[Operation, ...]
    minimum_runtime: str
    weight_bytes: int
    overhead_bytes: int
    problems: dict[str, tuple[str, ...]]
    errors: dict[str, EncodingError] = field(default_factory=dict)


def inspect(path: Path | str) -> Inspection:
    """Read a `.tflite` file and check it against every target runtime.

    Args:
        path: the file, or a bundle that holds one.

    Raises:
        UsageError: there is no such file.
        OnDeviceError: the file or the bundle's manifest is damaged.
    """
    path = Path(path)
    summary = flatbuffer.read(path / MODEL_FILE if path.is_dir() else path)
    releases = {(operator.name, operator.version): _release(operator) for operator in summary.operators}
    counts = Counter((operator.name, operator.version) for operator in summary.operators)
    return Inspection(
        summary=summary,
        operations=tuple(Operation(*key, counts[key], releases[key]) for key in sorted(counts)),
        minimum_runtime=lint.minimum_runtime(summary) if all(releases.values()) else "",
        weight_bytes=summary.weight_bytes,
        overhead_bytes=summary.overhead_bytes,
        problems={target: lint.check(summary, target) for target in targets.names()},
        errors=_encoding_errors(path),
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
