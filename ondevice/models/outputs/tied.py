"""Tied: the rows that ids share in MEmCom's table score them, too, so that an id needs one number at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from ondevice.embeddings.method import FloatArray, Method, require
from ondevice.embeddings.methods.memcom import MEmCom
from ondevice.embeddings.ops import NumpyOps
from ondevice.embeddings.run_layout import RunLayout
from ondevice.embeddings.sharing import BLOCK, reserved_rows
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.models.four_bits import int8_steps
from ondevice.models.output import Output, require_ratio
from ondevice.models.output_parts import LEVELS, Tables, Weight, at_least_int8
from ondevice.models.rank_one import rank_one
from ondevice.registry import member_name
from ondevice.topk.parts import FLOAT32, INT8, Arrays, Part, as_float
from ondevice.topk.run_bests import arrays_of_bests, bests_of_runs, parts_of_bests

OWN = "output_multiplier"

KERNEL_NUMBERS = 1 << 27
"""Numbers of a kernel that is composed for a batch, at most: half a GB, which is held several times."""


@dataclass(frozen=True)
class Tied(Output):
    """`(h . U[row(i)]) * V[i] (+ b[i])` with MEmCom's own rows U (Pansare et al., MLSys 2022): stores `n` numbers.

    None at all where MEmCom's multipliers V serve here, too, which costs accuracy; `n` more with biases; `h` is
    projected where it is not as wide as the rows. Multipliers of its own start at one, biases at zero.

    On the device the `m` rows are multiplied by `h` once. Where neighbours share a row, most multipliers are not even
    read: the best score of a run is that of its highest or lowest multiplier, or with biases that of one of the corners
    of the upper hull of its (multiplier, bias) points, and the runs that are best by it hold the best items (see
    `ondevice.topk.runs`).

    As int8, multipliers of its own have one scale per row, which is multiplied to the row's product with `h`. MEmCom's
    tables are those that the file holds for the look-up, not stored again. As int4, rows that the look-up has
    in whole numbers of four bits are multiplied with as such. Multipliers, biases and the projection stay int8: best
    items found by runs read numbers of single ids, which could not be packed in pairs, and a projection is small.

    Args:
        method: the network's MEmCom, without bias and with one multiplier per id.
        own_multipliers: whether an id has another multiplier here than at the input.
        bias: whether an id has a bias.
    """

    method: MEmCom
    own_multipliers: bool = True
    bias: bool = False

    def check(self) -> None:
        """Refuse every other embedding method and those of MEmCom's options that scores have no use for."""
        size = _suitable(self.method).vocabulary_size
        require("vocabulary_size", self.vocabulary_size, self.vocabulary_size == size, f"{size} as in the embedding")

    @property
    def uses_tables(self) -> tuple[str, ...]:
        """Both tables of MEmCom."""
        return ("shared", "multiplier")

    @property
    def reads_whole(self) -> tuple[str, ...]:
        """MEmCom's multipliers where they serve here, too, and all scores are computed."""
        return () if self.own_multipliers or self.by_runs else ("multiplier",)

    @property
    def projects(self) -> bool:
        """Whether the hidden vector is of another width than the rows."""
        return self.width != self.method.width

    @property
    def by_runs(self) -> bool:
        """Whether the best items are found from the best runs of neighbours."""
        return self.method.sharing == BLOCK

    @property
    def gathered(self) -> tuple[str, ...]:
        """The numbers of single ids, where only those of the best runs are read."""
        return (OWN, "bias") if self.by_runs else ()

    @property
    def layout(self) -> RunLayout:
        """How numbers of ids are laid out where the best items are found by runs."""
        return RunLayout(self.method.items, self.method.runs)

    @property
    def layouts(self) -> dict[str, RunLayout]:
        """Lay out MEmCom's multipliers where they serve here, too."""
        return {"multiplier": self.layout} if self.by_runs and not self.own_multipliers else {}

    def weights(self) -> tuple[Weight, ...]:
        """Declare what MEmCom does not have."""
        declared = []
        if self.projects:
            spread = (2 / (self.width + self.method.width)) ** 0.5
            declared.append(Weight("projection", (self.width, self.method.width), spread))
        if self.own_multipliers:
            declared.append(Weight(OWN, (self.vocabulary_size,), center=1.0, decays=False))
        if self.bias:
            declared.append(Weight("bias", (self.vocabulary_size,), decays=False))
        return tuple(declared)

    def parts(self, number_format: str, arrays: Arrays | None = None) -> tuple[Part, ...]:
        """Declare what the look-up's tables do not hold; how many corners the hulls have depends on the values."""
        number_format = at_least_int8(number_format)
        small = number_format == INT8
        by_id = self.layout.shape if self.by_runs else (1, self.vocabulary_size)
        parts = []
        if self.projects:
            parts.append(Part("projection", (self.method.width, self.width), number_format))
        if self.own_multipliers:
            parts.append(Part(OWN, by_id, number_format))
            if small:
                parts.append(Part("factor", (1, self.method.shared_rows), FLOAT32))
        if self.bias:
            parts.append(Part("bias", by_id, number_format))
            if small:
                parts.append(Part("bias_step", (1, 1), FLOAT32))
        if self.by_runs:
            multipliers = number_format if self.own_multipliers else FLOAT32
            parts += parts_of_bests(self.method.runs, multipliers, self.bias, arrays)
        return tuple(parts)

    def training_scores(self, hidden: Any, weights: Mapping[str, Any]) -> Any:
        """Compose the kernel first, if it is not too large: one product of matrices, which batches make good use of."""
        import tensorflow as tf

        multiplier = weights[OWN][:, None] if self.own_multipliers else weights["multiplier"]
        shared = tf.convert_to_tensor(weights["shared"])
        if self.projects:
            hidden = tf.matmul(hidden, weights["projection"])
        if self.vocabulary_size * self.method.width <= KERNEL_NUMBERS:
            scores = tf.matmul(hidden, self._spread(shared) * multiplier, transpose_b=True)
        else:
            scores = tf.transpose(self._spread(tf.matmul(shared, hidden, transpose_b=True)) * multiplier)
        return scores + weights["bias"] if self.bias else scores

    def as_dense(self, weights: Arrays) -> tuple[FloatArray, FloatArray]:
        """Compose the kernel."""
        multiplier = weights[OWN] if self.own_multipliers else weights["multiplier"][:, 0]
        kernel = (weights["shared"][self._rows()] * multiplier[:, None]).T
        if self.projects:
            kernel = weights["projection"] @ kernel
        return kernel, weights["bias"] if self.bias else np.zeros(self.vocabulary_size, np.float32)

    def fitted(
        self, kernel: FloatArray, bias: FloatArray, seed: int, vectors: FloatArray | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """Fit one row to the columns, and if given the input vectors, of all ids that share it (rank one per row).

        Columns and input vectors are brought to the same size first, so that neither counts for more.
        """
        width = self.method.width
        fit: dict[str, npt.NDArray[Any]] = {}
        columns = kernel.T.astype(np.float64)
        if self.projects:
            left = np.linalg.svd(kernel.astype(np.float64), full_matrices=False)[0]
            projection = np.zeros((self.width, width))
            projection[:, : min(width, left.shape[1])] = left[:, :width]
            columns = columns @ projection
            fit["projection"] = projection
        inputs = columns if vectors is None else vectors.astype(np.float64)
        size, input_size = (float(np.sqrt(np.mean(each**2))) or 1.0 for each in (columns, inputs))
        columns, inputs = columns / size, inputs / input_size
        row = self._rows()
        if self.own_multipliers:
            shared, both = rank_one(np.concatenate([columns, inputs]), np.tile(row, 2), self.method.shared_rows)
            fit[OWN] = both[: len(row)] * size
            multiplier = both[len(row) :]
        else:
            # One multiplier has to serve both, at the size of the columns.
            input_size = size
            shared, multiplier = rank_one((columns + inputs) / 2, row, self.method.shared_rows)
        fit["shared"], fit["multiplier"] = shared * input_size, multiplier[:, None]
        if self.own_multipliers:
            fit[OWN] = fit[OWN] / input_size
        if self.bias:
            fit["bias"] = bias
        return {name: np.asarray(array, np.float32) for name, array in fit.items()}

    def stored(self, weights: Arrays, number_format: str, tables: Tables | None) -> dict[str, npt.NDArray[Any]]:
        """Take the rows as the file's look-up has them, and make the multipliers fit these."""
        if tables is None:
            raise ValueError("a tied output layer needs the embedding's tables")
        small, row = number_format != FLOAT32, self._rows()
        rows = tables.decoded["shared"]
        arrays: dict[str, npt.NDArray[Any]] = {"shared": rows}
        if self.projects:
            arrays["projection"] = np.ascontiguousarray(weights["projection"].T)
        if self.own_multipliers:
            size = _sizes(rows, tables.original["shared"])
            multiplier: npt.NDArray[Any] = weights[OWN]
            if small:
                largest = np.zeros(len(rows), np.float32)
                np.maximum.at(largest, row, np.abs(multiplier))
                step = np.where(largest > 0, largest / LEVELS, 1).astype(np.float32)
                arrays["factor"] = (size * step)[None, :]
                multiplier = np.rint(multiplier / step[row]).astype(np.int8)
            else:
                multiplier = multiplier * size[row]
            arrays[OWN] = self._arranged(multiplier)
        else:
            multiplier = tables.decoded["multiplier"][:, 0]
            arrays["multiplier"] = self._arranged(multiplier)
        bias: npt.NDArray[Any] | None = weights["bias"] if self.bias else None
        if bias is not None:
            if small:
                bias, step_of_bias = int8_steps(bias)
                arrays["bias_step"] = np.full((1, 1), step_of_bias)
            arrays["bias"] = self._arranged(bias)
        if self.by_runs:
            biases = None if bias is None else bias[RESERVED_IDS:]
            arrays |= arrays_of_bests(multiplier[RESERVED_IDS:], biases, arrays.get("bias_step"), self.method.runs)
        return arrays

    def scores(self, hidden: Any, arrays: Arrays, place: Any) -> Any:
        """Repeat each row's product for the ids that share it, without an index per id; multiply and add."""
        import tensorflow as tf

        from ondevice.topk.runs import joined

        name = OWN if self.own_multipliers else "multiplier"
        products = tf.reshape(self._products(hidden, arrays, place), [-1])
        # Laid out by runs, [rows] -> [rows, 1]: a row's product meets the numbers of its ids.
        products = products[:, None] if self.by_runs else self._spread(products)
        scores = products * as_float(arrays[name][None], place)[0]
        if self.bias:
            scores = scores + self._scaled(as_float(arrays["bias"][None], place)[0], arrays)
        if self.by_runs:
            scores = joined(scores, self.layout)[None, :]
        return tf.ensure_shape(scores, [1, self.vocabulary_size])

    def best(
        self, hidden: Any, excluded: Any, k: int, arrays: Arrays, place: Any, tables: Tables | None
    ) -> tuple[Any, Any]:
        """Rank the items of the best runs only, where neighbours share a row."""
        import tensorflow as tf

        from ondevice.topk.runs import best_of_runs

        if not self.by_runs:
            return super().best(hidden, excluded, k, arrays, place, tables)
        products = self._products(hidden, arrays, place)[:, reserved_rows(BLOCK) :]
        bests = bests_of_runs(products, arrays, place)
        products = tf.reshape(products, [-1, 1])

        def scores_of(run: Any) -> Any:
            row = run + reserved_rows(BLOCK)
            scores = tf.gather(products, run) * self._multipliers(row, arrays, tables)
            if not self.bias:
                return scores
            return scores + self._scaled(tf.cast(tf.gather(arrays["bias"], row), tf.float32), arrays)

        return best_of_runs(bests, scores_of, self.layout, excluded, k)

    def _scaled(self, bias: Any, arrays: Arrays) -> Any:
        return bias * arrays["bias_step"] if "bias_step" in arrays else bias

    def _products(self, hidden: Any, arrays: Arrays, place: Any) -> Any:
        import tensorflow as tf

        if self.projects:
            hidden = tf.matmul(hidden, arrays["projection"], transpose_b=True)
        products = tf.matmul(hidden, arrays["shared"], transpose_b=True)
        # Gathered, since the converter would multiply a constant into the rows and so store these once more.
        return products * tf.gather(arrays["factor"], place) if "factor" in arrays else products

    def _multipliers(self, row: Any, arrays: Arrays, tables: Tables | None) -> Any:
        import tensorflow as tf

        if self.own_multipliers:
            return tf.cast(tf.gather(arrays[OWN], row), tf.float32)
        if tables is None:
            raise ValueError("a tied output layer needs the embedding's tables")
        return tables.laid_out("multiplier", row)

    def _arranged(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Lay out one number per id as the graph reads them."""
        return self.layout.laid_out(values) if self.by_runs else values[None, :]

    def _spread(self, rows: Any) -> Any:
        """Turn what there is of every row into that of every id, `[rows, ...]` to `[vocabulary_size, ...]`."""
        import tensorflow as tf

        from ondevice.topk.runs import spread

        if self.method.sharing == BLOCK:
            return spread(rows, self.method.items, self.method.runs)
        repeats = [-(-self.method.items // self.method.item_rows)] + [1] * len(rows.shape[1:])
        return tf.concat([rows[:RESERVED_IDS], tf.tile(rows[RESERVED_IDS:], repeats)[: self.method.items]], axis=0)

    def _rows(self) -> npt.NDArray[np.int32]:
        row: npt.NDArray[np.int32] = self.method.shared_row(np.arange(self.vocabulary_size, dtype=np.int32), NumpyOps())
        return row

    @classmethod
    def for_ratio(cls, method: Method, width: int, ratio: float, **options: Any) -> Self:
        """Return the only size there is for an embedding."""
        output = cls(method.vocabulary_size, width, _suitable(method), **options)
        require_ratio(output, ratio)
        return output


def _suitable(method: Method) -> MEmCom:
    if isinstance(method, MEmCom) and not method.bias and method.multipliers == 1:
        return method
    name = member_name(type(method))
    own = {key: value for key, value in method.parameters().items() if key in ("bias", "multipliers")}
    raise UsageError(
        f"embedding method is {name}{f' with {own}' if own else ''}; allowed for output layer tied is memcom with "
        "bias=False and multipliers=1."
    )


def _sizes(rows: FloatArray, original: FloatArray) -> FloatArray:
    """Return by how much each row of the file has to be multiplied to come nearest to what it was."""
    own = np.sum(rows.astype(np.float64) ** 2, axis=1)
    both = np.sum(rows.astype(np.float64) * original, axis=1)
    sizes: FloatArray = np.where(own > 0, both / np.where(own > 0, own, 1), 1).astype(np.float32)
    return sizes
