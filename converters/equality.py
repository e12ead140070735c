"""Comparing large arrays without an array of as many answers, and what a file makes of them with steps of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.converters.flatbuffer import buffer_of
from ondevice.converters.summary import TensorInfo
from ondevice.topk.parts import INT4, INT8

NUMBERS_PER_BLOCK = 1 << 20
"""Numbers that are compared at once."""

LARGEST = {INT8: 127, INT4: 7}
"""The largest whole number of a type with scales and no zero point."""
ROUNDING = 0.501
"""Steps that a number may be off: half of one, and what float32 adds to that."""


def equal_numbers(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> bool:
    """Tell whether two arrays hold the same numbers in the same order, whatever their shapes."""
    if left.size != right.size:
        return False
    one, other = left.reshape(-1), right.reshape(-1)
    blocks = (slice(start, start + NUMBERS_PER_BLOCK) for start in range(0, one.size, NUMBERS_PER_BLOCK))
    return all(np.array_equal(one[block], other[block]) for block in blocks)


def holds(model: bytes, tensor: TensorInfo, array: npt.NDArray[Any]) -> bool:
    """Tell whether a constant holds an array: equal numbers, or whole ones of steps that are fine enough for it.

    Args:
        model: the file.
        tensor: the constant.
        array: what it should hold.
    """
    if tensor.dtype == array.dtype.name:
        return tensor.buffer_bytes == array.nbytes and equal_numbers(buffer_of(model, tensor), array)
    if tensor.dtype not in LARGEST or not tensor.scales or array.dtype != np.float32 or tensor.shape != array.shape:
        return False
    axis = tensor.quantized_dimension if tensor.scales > 1 else 0
    steps = np.frombuffer(model, "<f4", tensor.scales, tensor.scale_offset).reshape(-1, 1)
    whole = _whole(model, tensor)
    if tensor.scales not in (1, array.shape[axis]) or whole.size != array.size:
        return False
    rows, numbers = (np.moveaxis(each, axis, 0).reshape(array.shape[axis], -1) for each in (array, whole))
    if tensor.scales == 1:
        sizes = np.max(np.abs(rows), initial=0, keepdims=True)
    else:
        sizes = np.max(np.abs(rows), axis=1, initial=0, keepdims=True)
    # A coarser step than the numbers need has to give each of them nevertheless.
    allowed = ROUNDING * np.minimum(steps, sizes / LARGEST[tensor.dtype])
    step = max(1, NUMBERS_PER_BLOCK // max(rows.shape[1], 1))
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        own, room = (each if len(each) == 1 else each[block] for each in (steps, allowed))
        if not (np.abs(numbers[block] * own - rows[block]) <= room).all():
            return False
    return True


def _whole(model: bytes, tensor: TensorInfo) -> npt.NDArray[Any]:
    """Return a constant's whole numbers; of four bits, two are in a byte, the first one in its lower half."""
    stored: npt.NDArray[Any] = buffer_of(model, tensor)
    if tensor.dtype != INT4:
        return stored
    halves = np.stack([np.left_shift(stored, 4), stored], axis=1).reshape(-1).view(np.int8) >> 4
    return halves[: int(np.prod(tensor.shape))].reshape(tensor.shape)
