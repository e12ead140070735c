"""Dense: a vector of its own for every id, the layer that the others are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from ondevice.embeddings.method import FloatArray, Method
from ondevice.models.four_bits import even, int8_steps, whole_rows_in_bytes, widened
from ondevice.models.output import Output, require_ratio
from ondevice.models.output_parts import Tables, Weight
from ondevice.topk.parts import FLOAT32, INT4, INT8, Arrays, Part, as_float


@dataclass(frozen=True)
class Dense(Output):
    """`h . K[i] + b[i]`: stores `(e + 1) * n` numbers for `n` ids and `e` hidden units, all of them trained.

    It starts and learns as Keras' own layer does. As int8 the kernel has one scale and the biases stay float32,
    `(e + 4) * n` bytes. As int4 every id has a byte for its column's step and one for its bias, `(e / 2 + 2) * n`
    bytes: one step for all would double the error.
    """

    def weights(self) -> tuple[Weight, ...]:
        """Declare kernel and biases."""
        spread = (2 / (self.width + self.vocabulary_size)) ** 0.5
        return (
            Weight("kernel", (self.width, self.vocabulary_size), spread),
            Weight("bias", (self.vocabulary_size,), decays=False),
        )

    def parts(self, number_format: str, arrays: Arrays | None = None) -> tuple[Part, ...]:
        """Declare the kernel, transposed, and the biases, and as int4 what both are multiplied by."""
        if number_format == INT4:
            one, each = (1, 1), (1, self.vocabulary_size)
            return (
                Part("kernel", (self.vocabulary_size, even(self.width)), INT4),
                Part("unit", one, FLOAT32),
                Part("factor", each, "uint8"),
                Part("bias", each, INT8),
                Part("bias_step", one, FLOAT32),
            )
        kernel = Part("kernel", (self.vocabulary_size, self.width), number_format)
        return (kernel, Part("bias", (self.vocabulary_size,), FLOAT32))

    def training_scores(self, hidden: Any, weights: Mapping[str, Any]) -> Any:
        """Multiply by the kernel and add the biases."""
        import keras

        return keras.ops.add(keras.ops.matmul(hidden, weights["kernel"]), weights["bias"])

    def as_dense(self, weights: Arrays) -> tuple[FloatArray, FloatArray]:
        """Return kernel and biases."""
        return weights["kernel"], weights["bias"]

    def fitted(
        self, kernel: FloatArray, bias: FloatArray, seed: int, vectors: FloatArray | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """Take the layer as it is."""
        return {"kernel": kernel, "bias": bias}

    def stored(self, weights: Arrays, number_format: str, tables: Tables | None) -> dict[str, npt.NDArray[Any]]:
        """Transpose the kernel, as dense layers are stored in a file, and as int4 round it."""
        kernel = np.ascontiguousarray(weights["kernel"].T)
        if number_format != INT4:
            return {"kernel": kernel, "bias": weights["bias"]}
        whole, factor, unit = whole_rows_in_bytes(kernel)
        bias, step = int8_steps(weights["bias"])
        sizes = {"unit": np.full((1, 1), unit), "bias_step": np.full((1, 1), step)}
        return {"kernel": whole, "factor": factor[None], "bias": bias[None], **sizes}

    def scores(self, hidden: Any, arrays: Arrays, place: Any) -> Any:
        """Apply one FULLY_CONNECTED; to the hidden vector in units where the kernel is rounded."""
        import tensorflow as tf

        if "factor" in arrays:
            # Gathered, since the converter would multiply a constant into the kernel.
            hidden = widened(hidden * tf.gather(arrays["unit"], place), self.width)
            products = tf.matmul(hidden, arrays["kernel"], transpose_b=True) * as_float(arrays["factor"], place)
            return products + as_float(arrays["bias"], place) * arrays["bias_step"]
        return tf.nn.bias_add(tf.matmul(hidden, arrays["kernel"], transpose_b=True), arrays["bias"])

    @classmethod
    def for_ratio(cls, method: Method, width: int, ratio: float, **options: Any) -> Self:
        """Return the only size there is."""
        output = cls(method.vocabulary_size, width, **options)
        require_ratio(output, ratio)
        return output
