"""The constants of a finished file against what was trained: the same numbers, or rounded to steps of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ondevice.converters.converted import Place, Trained
from ondevice.converters.equality import equal_numbers, holds
from ondevice.converters.model_file import ModelFile
from ondevice.converters.placeholder import Placeholder
from ondevice.converters.summary import FileSummary
from ondevice.errors import OnDeviceError


def require_finite_weights(model: keras.Model) -> None:
    """Refuse a model with a weight that is no finite number.

    Args:
        model: the model.

    Raises:
        OnDeviceError: it has one.
    """
    for variable in model.weights:
        with np.errstate(invalid="ignore"):
            # One float32 for all numbers might overflow.
            total = np.sum(np.asarray(variable), dtype=np.float64) if "float" in str(variable.dtype) else 0.0
        if not np.isfinite(total):
            raise OnDeviceError(f"weight {variable.path!r} holds values that are not finite; training has diverged.")


def trained_constants(file: ModelFile, placeholders: Iterable[Placeholder]) -> dict[Place, npt.NDArray[Any]]:
    """Return the float32 constants of a file before its dense layers are quantized, without a copy.

    Args:
        file: the file.
        placeholders: what stands for an array; such constants are compared with that array instead, and left out.
    """
    rows = [each.rows for each in placeholders]
    found = {}
    for graph, each in enumerate(file.model.subgraphs):
        infos = (info for info in file.tensor_infos() if info.subgraph == graph)
        for number, (tensor, info) in enumerate(zip(each.tensors, infos, strict=True)):
            if info.buffer_bytes and info.dtype == "float32":
                values = file.data[tensor.buffer].view(np.float32).reshape(info.shape)
                if not any(values.shape == short.shape and np.array_equal(values, short) for short in rows):
                    found[graph, number] = values
    return found


def constant_problems(model: bytes, summary: FileSummary, trained: Trained) -> Iterator[str]:
    """Say which constants of a finished file are not those it had before its dense layers were quantized.

    Args:
        model: the file.
        summary: what `ondevice.converters.flatbuffer.read` says of it.
        trained: what `trained_constants` gave.
    """
    firsts: dict[int, int] = {}
    for tensor in summary.tensors:
        firsts.setdefault(tensor.subgraph, tensor.index)
    for (graph, number), values in trained.items():
        index = firsts[graph] + number
        tensor = summary.tensors[index]
        if tensor.subgraph != graph or not holds(model, tensor, values):
            yield f"Constant {tensor.name!r} ({tensor.dtype} {list(tensor.shape)}) is not what was trained."


def require_weights(model: keras.Model, trained: Trained) -> None:
    """Refuse a file without a weight of a hidden layer of a network of ours, whose graph keeps all of them apart.

    Args:
        model: the network.
        trained: what `trained_constants` gave.

    Raises:
        OnDeviceError: a weight is not there.
    """
    for layer in model.layers:
        for variable in layer.weights if isinstance(layer, keras.layers.Dense) else ():
            values = np.asarray(variable).T
            # What adds nothing is left out by TensorFlow's converter.
            if values.any() and not any(equal_numbers(values, each) for each in trained.values()):
                raise OnDeviceError(f"the converted file does not hold weight {variable.path!r} as it was trained.")
