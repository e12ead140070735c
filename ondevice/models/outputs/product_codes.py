"""Product codes: every id is a few bytes, each of which names a codeword for one part of the hidden vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from ondevice.embeddings.method import FloatArray, Method, require
from ondevice.models.clusters import cluster, nearest
from ondevice.models.output import Output, dense_bytes, require_ratio
from ondevice.models.output_parts import Tables, Weight, at_least_int8
from ondevice.topk.parts import FLOAT32, INT8, Arrays, Part

MOST_CODEWORDS = 256
"""What a byte can name."""


@dataclass(frozen=True)
class ProductCodes(Output):
    """`sum of T_j[c_j(i)]` with `T_j = C_j h_j + b_j` (after Jégou et al., PAMI 2011): stores `k * n + (e + k) * w`.

    The hidden vector of `e` numbers is cut into `k` parts; each part has a codebook of `w` codewords with a bias each,
    so that biases cost nothing per id. The codes, one byte each for `n` ids, are chosen before training and kept; the
    codebooks are trained. The initial values make an id's joined codewords vary as much as a column of an ordinary
    dense kernel.

    As int4 it is what it is as int8: the codes are most of it, and coarser codewords would be those of many ids.

    On the device the codewords' scores are computed once and then gathered, `k` numbers per id, which takes a runtime
    far longer than multiplying as many bytes: at equal size an answer costs some ten times as much as with low_rank.

    Args:
        codes: parts of the hidden vector, `k`.
        codewords: codewords per part, `w`.
    """

    codes: int
    codewords: int = MOST_CODEWORDS

    def check(self) -> None:
        """Refuse more parts than the hidden vector has numbers, and codewords that a byte can't name."""
        require("codes", self.codes, 1 <= self.codes <= self.width, f"1 to {self.width}")
        require("codewords", self.codewords, 2 <= self.codewords <= MOST_CODEWORDS, f"2 to {MOST_CODEWORDS}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers of each part of the hidden vector; the first ones are one longer where the width does not divide."""
        short, longer = divmod(self.width, self.codes)
        return (short + 1,) * longer + (short,) * (self.codes - longer)

    def weights(self) -> tuple[Weight, ...]:
        """Declare the codes, the codebooks side by side, and the codewords' biases."""
        spread = (2 / (self.width + self.vocabulary_size)) ** 0.5
        return (
            Weight("codes", (self.codes, self.vocabulary_size), trainable=False),
            Weight("codebooks", (self.codewords, self.width), spread),
            Weight("bias", (self.codewords, self.codes), decays=False),
        )

    def parts(self, number_format: str, arrays: Arrays | None = None) -> tuple[Part, ...]:
        """Declare the codes, and per part of the hidden vector a codebook with its biases."""
        parts = [Part("codes", (self.codes, self.vocabulary_size), "uint8")]
        for number, width in enumerate(self.widths):
            parts.append(Part(f"codebook_{number}", (self.codewords, width), at_least_int8(number_format)))
            parts.append(Part(f"bias_{number}", (self.codewords,), FLOAT32))
        return tuple(parts)

    def training_scores(self, hidden: Any, weights: Mapping[str, Any]) -> Any:
        """Join every id's codewords to a kernel: one product of matrices, which batches make good use of."""
        import tensorflow as tf

        indices = [tf.cast(weights["codes"][number], tf.int32) for number in range(self.codes)]
        books = tf.split(weights["codebooks"], self.widths, axis=1)
        kernel = tf.concat([tf.gather(book, index) for book, index in zip(books, indices, strict=True)], axis=1)
        biases = [tf.gather(weights["bias"][:, number], index) for number, index in enumerate(indices)]
        return tf.matmul(hidden, kernel, transpose_b=True) + tf.add_n(biases)

    def as_dense(self, weights: Arrays) -> tuple[FloatArray, FloatArray]:
        """Join every id's codewords."""
        bias = np.zeros(self.vocabulary_size, np.float32)
        columns = []
        for number, book in enumerate(self._cut(weights["codebooks"])):
            codes = weights["codes"][number]
            columns.append(book[codes])
            bias += weights["bias"][codes, number]
        return np.concatenate(columns, axis=1).T, bias

    def chosen(self, vectors: FloatArray | None, seed: int) -> dict[str, npt.NDArray[np.uint8]]:
        """Cluster each part of the ids' vectors, turned at random so that every part says as much; else draw codes."""
        rng = np.random.default_rng(seed)
        if vectors is None:
            codes = rng.integers(0, self.codewords, (self.codes, self.vocabulary_size))
            return {"codes": codes.astype(np.uint8)}
        width = max(vectors.shape[1], self.codes)
        turn = np.linalg.qr(rng.standard_normal((width, width)))[0][: vectors.shape[1]]
        parts = np.array_split(vectors.astype(np.float64) @ turn, self.codes, axis=1)
        found = [nearest(part, cluster(part, self.codewords, rng)) for part in parts]
        return {"codes": np.stack(found).astype(np.uint8)}

    def fitted(
        self, kernel: FloatArray, bias: FloatArray, seed: int, vectors: FloatArray | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """Cluster the kernel part by part, with what is left of the biases as one more number of each vector."""
        rng = np.random.default_rng(seed)
        left = bias.astype(np.float64)
        codes, books, biases = [], [], []
        for part in self._cut(kernel.T.astype(np.float64)):
            points = np.concatenate([part, left[:, None]], axis=1)
            centers = cluster(points, self.codewords, rng)
            found = nearest(points, centers)
            codes.append(found)
            books.append(centers[:, :-1])
            biases.append(centers[:, -1])
            left = left - centers[found, -1]
        return {
            "codes": np.stack(codes).astype(np.uint8),
            "codebooks": np.concatenate(books, axis=1).astype(np.float32),
            "bias": np.stack(biases, axis=1).astype(np.float32),
        }

    def stored(self, weights: Arrays, number_format: str, tables: Tables | None) -> dict[str, npt.NDArray[Any]]:
        """Cut the codebooks apart: each becomes a dense layer of its own, with a scale of its own for int8."""
        arrays: dict[str, npt.NDArray[Any]] = {"codes": weights["codes"]}
        for number, book in enumerate(self._cut(weights["codebooks"])):
            arrays[f"codebook_{number}"] = np.ascontiguousarray(book)
            arrays[f"bias_{number}"] = np.ascontiguousarray(weights["bias"][:, number])
        return arrays

    def scores(self, hidden: Any, arrays: Arrays, place: Any) -> Any:
        """Score all codewords, then gather and add up those of each id, one code after the other."""
        import tensorflow as tf

        total = None
        for number, part in enumerate(tf.split(hidden, self.widths, axis=1)):
            table = tf.matmul(part, arrays[f"codebook_{number}"], transpose_b=True) + arrays[f"bias_{number}"]
            codes = tf.cast(tf.gather(arrays["codes"], place + number), tf.int32)
            # [codewords] at [n] -> [1, n]; part by part, so that only one code of each id is widened at a time.
            found = tf.gather(tf.reshape(table, [self.codewords]), codes)
            total = found if total is None else total + found
        return total

    def _cut(self, columns: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        return np.split(columns, np.cumsum(self.widths)[:-1], axis=1)

    @classmethod
    def for_ratio(cls, method: Method, width: int, ratio: float, **options: Any) -> Self:
        """Choose the number of codes."""
        size = method.vocabulary_size
        least = cls(size, width, 1, **options)
        require_ratio(least, ratio)
        per_code = size + least.codewords * 4
        beside = least.payload_bytes(INT8) - per_code
        codes = int((dense_bytes(size, width) / ratio - beside) // per_code)
        return cls(size, width, min(codes, width), **options)
