"""Local low rank: a low-rank layer of its own for every run of neighbours, so that few numbers per id go a long way."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from ondevice.embeddings.method import FloatArray, Method, require
from ondevice.embeddings.run_layout import RunLayout
from ondevice.ids import RESERVED_IDS, run_starts
from ondevice.models.four_bits import even, whole_rows, widened
from ondevice.models.output import Output, dense_bytes, require_ratio
from ondevice.models.output_parts import LEVELS, Tables, Weight
from ondevice.topk.parts import FLOAT32, INT4, INT8, Arrays, Part, as_float
from ondevice.topk.run_bests import arrays_of_bests, bests_of_runs, parts_of_bests

IDS_PER_CUT = 64
"""Ids that share rows where the embedding does not say which: about as many as a row has numbers.

Then rows and multipliers take as many bytes. At equal bytes much fewer ids leave no rank, much more no likeness.
"""
FEWEST_IDS, MOST_IDS = 32, 128
"""Ids that share rows where these have to be whole runs of the embedding, between which the budget decides."""
USED = 0.96
"""Share of the budget that has to be used before anything else counts, where that can be."""


@dataclass(frozen=True)
class LocalLowRank(Output):
    """`sum over r of (h . U[g(i), r] + c[g(i), r]) * V[r, i]`: stores `r * (n + (e + 1) * m)` numbers, `m` cuts `g`.

    A low-rank matrix approximation that is local (Lee et al., ICML 2013): the ids are cut into `m` runs of neighbours,
    and each has `r` rows of `e` numbers with a bias that its ids share. With rank one it is MEmCom with tables of its
    own. In the semantic order an id is near few directions: at equal bytes this is nearer to a dense layer than one
    low-rank layer for all. A cut is one or more whole runs of the embedding where that has some: one order for both.

    The initial values make the composed kernel vary as much as that of an ordinary dense layer. As int8, a row with its
    bias is scaled to the same largest number as every other, and its ids' multipliers to 127; both are undone by a
    factor per row. As int4, a row has a bias apart, which four bits are too few for; multipliers stay int8: with one
    scale for all ids of a cut, four bits of them cost ten times as much accuracy as four bits of the rows.

    Args:
        runs: runs of neighbours into which the embedding, or else this layer, cuts the items.
        joined: neighbouring runs that make one cut.
        rank: rows of a cut, and multipliers of an id.
    """

    runs: int
    joined: int
    rank: int

    def check(self) -> None:
        """Refuse cuts that do not exist, and a rank that is more than the hidden vector has."""
        items = self.vocabulary_size - RESERVED_IDS
        require("runs", self.runs, 1 <= self.runs <= items, f"1 to {items}")
        require("joined", self.joined, 1 <= self.joined <= self.runs, f"1 to {self.runs}")
        require("rank", self.rank, 1 <= self.rank <= self.width, f"1 to {self.width}")

    @property
    def wanted_runs(self) -> int:
        """Return the runs of this layer."""
        return self.runs

    @property
    def cuts(self) -> int:
        """Return how many cuts there are, with the one of the ids that are no items."""
        return 1 - (-self.runs // self.joined)

    @property
    def by_runs(self) -> bool:
        """Whether the best items are found from the best runs of neighbours."""
        return self.rank == self.joined == 1 < self.runs

    @property
    def layout(self) -> RunLayout:
        """How multipliers are laid out where the best items are found by runs."""
        return RunLayout(self.vocabulary_size - RESERVED_IDS, self.runs)

    def weights(self) -> tuple[Weight, ...]:
        """Declare the rows of all cuts, rank by rank, their biases, and the multipliers."""
        # Multipliers around one share at once what a cut has in common; with one per id they have no other task.
        spread = 1.0 if self.rank > 1 else 0.0
        dense = (2 / (self.width + self.vocabulary_size)) ** 0.5
        return (
            Weight("rows", (self.rank * self.cuts, self.width), dense / (self.rank * (1 + spread**2)) ** 0.5),
            Weight("bias", (self.rank * self.cuts,), decays=False),
            Weight("multiplier", (self.rank, self.vocabulary_size), spread, center=1.0, decays=False),
        )

    def parts(self, number_format: str, arrays: Arrays | None = None) -> tuple[Part, ...]:
        """Declare rows with their biases as a last column, what that is multiplied by, and the multipliers.

        As int4 the biases are apart.
        """
        rows = self.rank * self.cuts
        by_id = self.layout.shape if self.by_runs else (self.rank, self.vocabulary_size)
        if number_format == INT4:
            return (
                Part("rows", (rows, even(self.width)), INT4),
                Part("multiplier", by_id, INT8),
                Part("factor", (1, rows), FLOAT32),
                Part("bias", (1, rows), FLOAT32),
                *(parts_of_bests(self.runs, INT8, False, None) if self.by_runs else ()),
            )
        parts: tuple[Part, ...] = (
            Part("rows", (rows, self.width + 1), number_format),
            Part("one", (1, 1), FLOAT32),
            Part("multiplier", by_id, number_format),
        )
        if number_format == INT8:
            parts += (Part("factor", (1, rows), FLOAT32),)
        if self.by_runs:
            parts += parts_of_bests(self.runs, number_format, False, None)
        return parts

    def training_scores(self, hidden: Any, weights: Mapping[str, Any]) -> Any:
        """Compose the kernel first: one product of matrices, which batches make good use of."""
        import tensorflow as tf

        rows, biases = (tf.split(tf.convert_to_tensor(weights[name]), self.rank) for name in ("rows", "bias"))
        multipliers = tf.unstack(tf.convert_to_tensor(weights["multiplier"]))
        pairs = list(zip(rows, biases, multipliers, strict=True))
        kernel = tf.add_n([self._by_id(row) * multiplier[:, None] for row, _, multiplier in pairs])
        bias = tf.add_n([self._by_id(each) * multiplier for _, each, multiplier in pairs])
        return tf.matmul(hidden, kernel, transpose_b=True) + bias

    def as_dense(self, weights: Arrays) -> tuple[FloatArray, FloatArray]:
        """Compose the kernel."""
        cut = self._cut_of_ids()
        rows = weights["rows"].reshape(self.rank, self.cuts, self.width)
        biases, multipliers = weights["bias"].reshape(self.rank, self.cuts), weights["multiplier"]
        kernel = np.zeros((self.vocabulary_size, self.width), np.float32)
        for row, multiplier in zip(rows, multipliers, strict=True):
            kernel += row[cut] * multiplier[:, None]
        return kernel.T, np.sum(biases[:, cut] * multipliers, axis=0, dtype=np.float32)

    def fitted(
        self, kernel: FloatArray, bias: FloatArray, seed: int, vectors: FloatArray | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """Cut the singular value decomposition of every cut's columns, the bias as one more number of each.

        The means over all ids are taken off first: they shift all scores of a history alike, so they change no rank.
        """
        columns = np.concatenate([kernel, bias[None]]).astype(np.float64)
        columns -= columns.mean(axis=1, keepdims=True)
        rows = np.zeros((self.rank, self.cuts, self.width + 1))
        multiplier = np.ones((self.rank, self.vocabulary_size))
        starts = np.searchsorted(self._cut_of_ids(), np.arange(self.cuts + 1))
        for cut, (start, stop) in enumerate(itertools.pairwise(starts)):
            left, values, right = np.linalg.svd(columns[:, start:stop], full_matrices=False)
            found = min(self.rank, len(values))
            # Multipliers have a mean square of one and a positive sum, so that all cuts start at the same scale.
            turn = np.where(right[:found].sum(axis=1) < 0, -1, 1) * np.sqrt(stop - start)
            rows[:found, cut] = (left[:, :found] * (values[:found] / turn)).T
            multiplier[:found, start:stop] = right[:found] * turn[:, None]
        rows = rows.reshape(-1, self.width + 1)
        fit = {"rows": rows[:, :-1], "bias": rows[:, -1], "multiplier": multiplier}
        return {name: np.asarray(array, np.float32) for name, array in fit.items()}

    def stored(self, weights: Arrays, number_format: str, tables: Tables | None) -> dict[str, npt.NDArray[Any]]:
        """Join rows and biases, and for int8 scale every row, and the multipliers of its ids, to the same largest."""
        rows = np.concatenate([weights["rows"], weights["bias"][:, None]], axis=1)
        multiplier = weights["multiplier"]
        one = np.ones((1, 1), np.float32)
        arrays: dict[str, npt.NDArray[Any]] = {"rows": rows, "one": one, "multiplier": multiplier}
        if number_format != FLOAT32:
            starts = np.searchsorted(self._cut_of_ids(), np.arange(self.cuts))
            step = _not_zero(np.maximum.reduceat(np.abs(multiplier), starts, axis=1) / np.float32(LEVELS))
            arrays["multiplier"] = np.rint(multiplier / step[:, self._cut_of_ids()]).astype(np.int8)
        if number_format == INT8:
            size = _not_zero(np.max(np.abs(rows), axis=1))
            arrays["rows"] = rows / size[:, None]
            arrays["factor"] = (size * step.ravel())[None, :]
        elif number_format == INT4:
            whole, size = whole_rows(weights["rows"])
            del arrays["one"]
            arrays |= {"rows": whole, "factor": size.T * step.ravel(), "bias": weights["bias"][None] * step.ravel()}
        if self.by_runs:
            arrays |= arrays_of_bests(arrays["multiplier"][0, RESERVED_IDS:], None, None, self.runs)
            arrays["multiplier"] = self.layout.laid_out(arrays["multiplier"])
        return arrays

    def scores(self, hidden: Any, arrays: Arrays, place: Any) -> Any:
        """Multiply the hidden vector by all rows, then repeat each rank's products for the ids that share them."""
        import tensorflow as tf

        from ondevice.topk.runs import joined

        if self.by_runs:
            products = tf.reshape(self._products(hidden, arrays, place), [-1, 1])
            return joined(products * as_float(arrays["multiplier"][None], place)[0], self.layout)[None, :]
        total = None
        for number, part in enumerate(tf.split(self._products(hidden, arrays, place)[0], self.rank)):
            multiplier = tf.cast(tf.gather(arrays["multiplier"], place + number), tf.float32)
            found = self._by_id(part)[None, :] * multiplier
            total = found if total is None else total + found
        return tf.ensure_shape(total, [1, self.vocabulary_size])

    def best(
        self, hidden: Any, excluded: Any, k: int, arrays: Arrays, place: Any, tables: Tables | None
    ) -> tuple[Any, Any]:
        """Rank the items of the best runs only, where an id has one multiplier and a cut is one run."""
        import tensorflow as tf

        from ondevice.topk.runs import best_of_runs

        if not self.by_runs:
            return super().best(hidden, excluded, k, arrays, place, tables)
        products = self._products(hidden, arrays, place)[:, 1:]
        bests, products = bests_of_runs(products, arrays, place), tf.reshape(products, [-1, 1])

        def scores_of(run: Any) -> Any:
            return tf.gather(products, run) * tf.cast(tf.gather(arrays["multiplier"], run + 1), tf.float32)

        return best_of_runs(bests, scores_of, self.layout, excluded, k)

    def _products(self, hidden: Any, arrays: Arrays, place: Any) -> Any:
        """Return the number of every row, `[1, rank * cuts]`."""
        import tensorflow as tf

        if "bias" in arrays:
            products = tf.matmul(widened(hidden, self.width), arrays["rows"], transpose_b=True)
            return products * tf.gather(arrays["factor"], place) + tf.gather(arrays["bias"], place)
        products = tf.matmul(tf.concat([hidden, arrays["one"]], axis=1), arrays["rows"], transpose_b=True)
        # Gathered, since the converter would multiply a constant into the rows and so store these once more.
        return products * tf.gather(arrays["factor"], place) if "factor" in arrays else products

    def _by_id(self, rows: Any) -> Any:
        """Turn what there is of every cut into that of every id, `[cuts, ...]` to `[vocabulary_size, ...]`."""
        import tensorflow as tf

        from ondevice.topk.runs import spread

        if self.joined > 1:
            each = [1, self.joined] + [1] * len(rows.shape[1:])
            by_run = tf.reshape(tf.tile(tf.expand_dims(rows[1:], 1), each), [-1, *rows.shape[1:]])
            rows = tf.concat([rows[:1], by_run[: self.runs]], axis=0)
        return spread(rows, self.vocabulary_size - RESERVED_IDS, self.runs)

    def _cut_of_ids(self) -> npt.NDArray[np.int64]:
        """Return the cut of every id, `[vocabulary_size]`; rising, and zero for the ids that are no items."""
        lengths = np.diff(run_starts(self.vocabulary_size - RESERVED_IDS, self.runs))
        by_run = np.arange(self.runs) // self.joined + 1
        return np.concatenate([np.zeros(RESERVED_IDS, np.int64), np.repeat(by_run, lengths)])

    @classmethod
    def for_ratio(cls, method: Method, width: int, ratio: float, **options: Any) -> Self:
        """Choose cuts and rank, from whole runs of the embedding where that has runs."""
        size, items = method.vocabulary_size, method.items
        whole_runs = method.runs < items
        require_ratio(cls(size, width, 1, 1, 1, **options), ratio)
        # Everything but one number is there once per rank: multipliers, and per cut a row, its bias and its factor.
        budget, per_cut = (dense_bytes(size, width) - 4 * ratio) / ratio, width + 5

        def highest_rank(cuts: float) -> int:
            return min(width, int(budget / (size + (1 + cuts) * per_cut)))

        if not whole_runs:
            rank = max(1, highest_rank(items / IDS_PER_CUT))
            runs = max(1, min(items, int((budget / rank - size) / per_cut) - 1))
            # Found by runs, they take some bytes more, which a few runs less make up for.
            while (found := cls(size, width, runs, 1, rank, **options)).by_runs and found.ratio < ratio:
                runs -= max(1, runs // 200)
            return found
        joins = [(joined, -(-method.runs // joined)) for joined in range(1, method.runs + 1)]
        ranked = [(joined, cuts, highest_rank(cuts)) for joined, cuts in joins if highest_rank(cuts)]
        ranked = [each for each in ranked if cls(size, width, method.runs, each[0], each[2]).ratio >= ratio]
        usual = [each for each in ranked if FEWEST_IDS <= items / each[1] <= MOST_IDS] or ranked
        used = [rank * (size + (1 + cuts) * per_cut) / budget for _, cuts, rank in usual]
        # Of those that use what there is, the one that suits best.
        enough = min(max(used), USED)
        full = [each for each, share in zip(usual, used, strict=True) if share >= enough]
        joined, _, rank = min(full, key=lambda each: abs(math.log(items / each[1] / IDS_PER_CUT)))
        return cls(size, width, method.runs, joined, rank, **options)


def _not_zero(values: FloatArray) -> FloatArray:
    return np.where(values > 0, values, np.float32(1))
