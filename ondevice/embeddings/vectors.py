"""The vectors of all ids as a tensor that is never out of date: what a layer answers where Keras' has its table."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ondevice.errors import OnDeviceError


class Vectors:
    """Stands where a table's variable stood: wherever a tensor is expected it becomes the layer's vectors of then.

    Gradients pass to the layer's tables.

    Args:
        layer: a built `CompressedEmbedding`.
    """

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    @property
    def shape(self) -> tuple[int, int]:
        """Ids, and numbers of each vector."""
        return (self.layer.input_dim, self.layer.method.output_width)

    @property
    def ndim(self) -> int:
        """Two."""
        return len(self.shape)

    @property
    def dtype(self) -> str:
        """Type of the numbers."""
        return str(self.layer.compute_dtype)

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        # Not the layer itself, which may do more than to look up.
        from ondevice.embeddings.layer import CompressedEmbedding

        vectors = CompressedEmbedding.call(self.layer, tf.range(self.layer.input_dim))
        return vectors if dtype is None else tf.cast(vectors, dtype)

    def numpy(self) -> np.ndarray:
        """Return them as an array."""
        return np.asarray(tf.convert_to_tensor(self))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.numpy().astype(dtype or self.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        return tf.convert_to_tensor(self)[index]

    def __matmul__(self, other: Any) -> Any:
        return tf.convert_to_tensor(self) @ other

    def __rmatmul__(self, other: Any) -> Any:
        return other @ tf.convert_to_tensor(self)

    def __mul__(self, other: Any) -> Any:
        return tf.convert_to_tensor(self) * other

    def assign(self, values: Any) -> None:
        """Refuse new values.

        Raises:
            OnDeviceError: always.
        """
        raise OnDeviceError(
            f"the vectors of layer {self.layer.name!r} are computed from compressed tables; allowed is to read "
            f"them, and `ondevice.compress` fits tables to a trained model."
        )
