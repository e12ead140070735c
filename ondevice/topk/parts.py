"""What a file holds to score ids, array by array."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = Mapping[str, npt.NDArray[Any]]

FLOAT32, INT8, INT4 = "float32", "int8", "int4"


@dataclass(frozen=True)
class Part:
    """One array of the layer as an exported file holds it: its name, shape and NumPy type name."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def payload_bytes(self) -> int:
        """Bytes of the array."""
        if self.dtype == INT4:
            return -(-math.prod(self.shape) // 2)
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


def as_float(array: npt.NDArray[Any], place: Any) -> Any:
    """Return a constant `[1, ...]` as float32 within the graph, such that integers are stored as they are.

    Args:
        array: the constant.
        place: int32 `[1]`, zero, which the converter can't know; see `ondevice.models.output.Output.scores`.
    """
    import tensorflow as tf

    return array if array.dtype == np.float32 else tf.cast(tf.gather(array, place), tf.float32)
