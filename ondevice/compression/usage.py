"""What a model does with its tables: which ids examples look up, together with which others, and what hangs on each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ondevice.data.lists import Lists
from ondevice.data.split_data import SplitData
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import FloatArray

EXAMPLES = 50_000
"""Examples that are looked at, at most."""
ROWS = 256
"""Examples that are answered at a time."""
ALIKE = 0.1
"""Share of what hangs on a direction that all have alike: slopes are noisy, and change as training goes on."""


@dataclass(frozen=True, eq=False)
class Usage(SplitData):
    """What was seen of one table; an id order takes it for a data set whose items are the ids.

    Args:
        seen: how often each id was looked up, int64 `[ids]`.
        products: what hangs on each direction of the vectors: the products of the slopes of the loss by them, added
            up, float64 `[width, width]`.
        lists: the ids that one example looks up in the table, where these are several.
    """

    seen: npt.NDArray[np.int64]
    products: npt.NDArray[np.float64]
    lists: list[npt.NDArray[np.int32]] = field(default_factory=list)

    @classmethod
    def none(cls, ids: int, width: int) -> Usage:
        """Return what is known of a table before anything is."""
        return cls("", (), np.zeros(ids, np.int64), np.zeros((width, width)))

    @property
    def items(self) -> int:
        """Number of ids."""
        return len(self.seen)

    @property
    def item_fields(self) -> npt.NDArray[np.int64]:
        """All ids are of one field."""
        return np.zeros(self.items, np.int64)

    @property
    def contexts(self) -> Lists:
        """What examples look up together."""
        return Lists.of(self.lists)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """How often each id was looked up."""
        return self.seen

    @property
    def metric(self) -> FloatArray | None:
        """What errors of vectors are multiplied by, `[width, width]`: directions count by what hangs on them."""
        width, trace = len(self.products), float(np.trace(self.products))
        if not np.isfinite(trace) or trace <= 0:
            return None
        shares = (1 - ALIKE) * width / trace * self.products + ALIKE * np.eye(width)
        squares, directions = np.linalg.eigh(shares)
        return (directions * np.sqrt(np.maximum(squares, 0))).astype(np.float32)

    def described(self) -> str:
        """Return how much there is of what."""
        return f"{int(self.seen.sum())} look-ups of {self.items} ids"

    def of_ids(self, ids: npt.NDArray[Any]) -> Usage:
        """Return what was seen of some of the ids, which are numbered anew in the order given."""
        places = np.full(self.items, -1, np.int32)
        places[ids] = np.arange(len(ids), dtype=np.int32)
        lists = [kept[kept >= 0] for kept in (places[each] for each in self.lists)]
        return Usage("", (), self.seen[ids], self.products, [each for each in lists if len(each)])

    def add(self, ids: npt.NDArray[Any], slopes: FloatArray | None) -> None:
        """Take note of one look-up of a batch: `[batch, ...]` ids, and the loss by their vectors."""
        # Keras' Sequential makes fractions of whatever it is given.
        ids = ids.astype(np.int64)
        flat = ids.reshape(-1)
        inside = (flat >= 0) & (flat < self.items)
        np.add.at(self.seen, flat[inside], 1)
        if ids.ndim > 1 and ids.shape[1] > 1:
            self.lists.extend(np.unique(row).astype(np.int32) for row in ids.reshape(len(ids), -1))
        if slopes is not None:
            rows = slopes.reshape(len(flat), -1)[inside].astype(np.float64)
            np.add(self.products, rows.T @ rows, out=self.products)


def observe(model: Any, layers: Mapping[str, Any], batches: Iterable[tuple[Any, Any]]) -> dict[str, Usage]:
    """Let a model answer examples as in training, and see what it looks up and what hangs on it.

    Its variables are as they were afterwards. What hangs on a vector is told by the slope of the loss where the model
    is compiled and targets are given, and else by that of the outputs in random directions.

    Args:
        model: a built model.
        layers: embedding layers by name.
        batches: inputs and targets, the latter perhaps None.
    """
    found = {name: Usage.none(layer.input_dim, layer.output_dim) for name, layer in layers.items()}
    names = {id(layer): name for name, layer in layers.items()}
    kept = [(variable, variable.numpy()) for variable in model.non_trainable_variables]
    for x, y in _rows(batches):
        calls: list[tuple[str, Any, Any]] = []
        with tf.GradientTape() as tape, _noted(names, calls, tape):
            answers = model(x, training=True)
            loss = _loss(model, x, y, answers)
        slopes = tape.gradient(loss, [vectors for _, _, vectors in calls]) if loss is not None else [None] * len(calls)
        for (name, ids, _), slope in zip(calls, slopes, strict=True):
            found[name].add(np.asarray(ids), None if slope is None else np.asarray(slope))
    for variable, value in kept:
        variable.assign(value)
    return found


def _rows(batches: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    left = EXAMPLES
    for x, y in batches:
        count = len(keras.tree.flatten(x)[0])
        for start in range(0, min(count, left), ROWS):
            part = slice(start, min(start + ROWS, count, start + left))
            yield _part(x, part), _part(y, part)
        left -= count
        if left <= 0:
            return


def _part(values: Any, part: slice) -> Any:
    return None if values is None else keras.tree.map_structure(lambda array: _tensor(array[part]), values)


def _tensor(values: Any) -> Any:
    is_text = isinstance(values, np.ndarray) and values.dtype.kind == "U"
    return tf.convert_to_tensor(values.astype(object) if is_text else values)


def _loss(model: Any, x: Any, y: Any, answers: Any) -> Any:
    if y is not None and model.compiled:
        return model.compute_loss(x=x, y=y, y_pred=answers, training=True)
    floats = [each for each in keras.tree.flatten(answers) if each.dtype.is_floating]
    parts = [
        tf.reduce_sum(each * tf.random.stateless_normal(tf.shape(each), [0, 0], dtype=each.dtype)) for each in floats
    ]
    return tf.add_n(parts) if parts else None


@contextmanager
def _noted(names: Mapping[int, str], calls: list[tuple[str, Any, Any]], tape: Any) -> Iterator[None]:
    """Take note of every look-up within a `with` block."""

    def noted(own: Callable[..., Any]) -> Callable[..., Any]:
        def call(layer: Any, ids: Any, *args: Any, **kwargs: Any) -> Any:
            vectors = own(layer, ids, *args, **kwargs)
            if id(layer) in names:
                tape.watch(vectors)
                calls.append((names[id(layer)], ids, vectors))
            return vectors

        return call

    with ExitStack() as stack:
        for kind in (keras.layers.Embedding, CompressedEmbedding):
            stack.enter_context(patch.object(kind, "call", noted(kind.call)))
        yield
