"""Whole arrays in place of their placeholders."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.converters.model_file import Constant, ModelFile
from ondevice.converters.passes import Facts
from ondevice.errors import OnDeviceError


def apply(file: ModelFile, facts: Facts) -> None:
    """Put every array where its placeholder is, and its length into the tensors.

    Raises:
        OnDeviceError: a placeholder is not in the file as it was given.
    """
    for placeholder in facts.placeholders:
        few, short = len(placeholder.rows), _flat(placeholder.rows)
        places = {index for index, constant in enumerate(file.data) if np.array_equal(constant, short)}
        tensors = [tensor for tensor in file.tensors() if tensor.buffer in places]
        if not tensors or any(tensor.shape[0] != few for tensor in tensors):
            shape, dtype = list(placeholder.array.shape), placeholder.array.dtype.name
            raise OnDeviceError(
                f"the converted file does not hold the table of shape {shape} ({dtype}) as it was given."
            )
        for tensor in tensors:
            tensor.shape = [len(placeholder.array), *tensor.shape[1:]]
        for index in places:
            file.data[index] = _flat(placeholder.array)


def _flat(array: npt.NDArray[Any]) -> Constant:
    """View an array's bytes, little-endian as in the file."""
    ordered = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return ordered.reshape(-1).view(np.uint8)
