"""Which runtime release first had which version of an operation, and which version an operation needs."""

from __future__ import annotations

from pathlib import Path

from ondevice.converters.summary import Operator, TensorInfo
from ondevice.toml_family import read_toml

OLDEST = "1.5.0"


def _full(release: str) -> str:
    return release if release.count(".") == 2 else f"{release}.0"


RELEASES: dict[tuple[str, int], str] = {
    (name, version): _full(release)
    for name, releases in read_toml(Path(__file__).with_name("op_releases.toml")).items()
    for version, release in enumerate(releases.split(), start=1)
    if release != "-"
}

_UNVERSIONED = {("GATHER", "float16"): "2.18.0", ("FULLY_CONNECTED", "int4"): "2.14.0"}
"""Operations on a type for which no version tells: the release of the oldest target that was measured to have them."""


def least_version(operator: Operator, tensors: tuple[TensorInfo, ...]) -> int:
    """Return the version that an operation needs for the type and the scales of what it reads.

    What the converter writes has it; quantizers that edit a finished file leave the version of the float operation,
    so that runtimes without the kernel load the file and answer wrongly.

    Args:
        operator: the operation.
        tensors: the tensors of its file.
    """
    table = constant_read(operator, tensors)
    if table is None:
        return 1
    if operator.name == "FULLY_CONNECTED" and tensors[operator.inputs[0]].dtype == "float32":
        return {"int2": 14, "int8": 12 if table.scales > 1 else 3}.get(table.dtype, 1)
    if operator.name == "EMBEDDING_LOOKUP":
        return {"int2": 5, "int4": 4}.get(table.dtype, 4 if table.scales > 1 else 1)
    if operator.name == "GATHER":
        return {"int4": 7, "int8": 2}.get(table.dtype, 1)
    if operator.name == "CAST":
        return {"int4": 6}.get(table.dtype, 1)
    return 1


def unversioned_release(operator: Operator, tensors: tuple[TensorInfo, ...]) -> str:
    """Return the oldest release known to have the operation on the type it reads; `OLDEST` where its version tells.

    Args:
        operator: the operation.
        tensors: the tensors of its file.
    """
    table = constant_read(operator, tensors)
    return OLDEST if table is None else _UNVERSIONED.get((operator.name, table.dtype), OLDEST)


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


def order(release: str) -> tuple[int, ...]:
    """Return a key that sorts releases by age, e.g. `(2, 14, 0)`."""
    return tuple(int(part) for part in release.split("."))
