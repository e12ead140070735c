"""The Keras layer around any method: it derives weights, call, mask, config and shapes from the method."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ondevice.embeddings.initializers import INITIALIZERS, Given, Scaled, Unwritten
from ondevice.embeddings.method import (
    FULL,
    Method,
    Rows,
    method_config,
    method_from_config,
    registry,
    require,
)
from ondevice.embeddings.options import check_options
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.embeddings.vectors import Vectors
from ondevice.errors import UsageError
from ondevice.ids import PADDING_ID, RESERVED_IDS

DEFAULT_RATIO = 16.0


ROWS_AT_ONCE = 65_536
"""Rows of a table that are written at a time."""

_UNWRITTEN: ContextVar[bool] = ContextVar("unwritten tables", default=False)


@contextmanager
def unwritten_tables() -> Iterator[None]:
    """Make and load layers whose tables hold anything, for `CompressedEmbedding.write_tables`.

    Initial values, and what Keras reads from a file as a whole, take several times the memory of a large table.
    """
    token = _UNWRITTEN.set(True)
    try:
        yield
    finally:
        _UNWRITTEN.reset(token)


MARK = "compressed_embedding"
"""Name beside a layer's saved variables under which stands what the layer is."""
OWN = ("method", "reserved_ids", "ordered", "scheme")
OF_TABLE = ("embeddings_initializer", "embeddings_regularizer", "embeddings_constraint", "quantization_config")
"""Arguments that Keras' layer does not have, and those that are about its one table."""

PER_ID_MARK = "per_id"
"""Part of the variable name of tables with one row per id, by which weight decay leaves them out."""


@keras.saving.register_keras_serializable(package="ondevice")
class CompressedEmbedding(keras.layers.Embedding):
    """Looks ids up with a compressed table, wherever `keras.layers.Embedding` stands.

    It is one, so that what is derived from that layer works on a compressed table, too.

    Args:
        input_dim: ids are 0 to this number minus one.
        output_dim: numbers per vector.
        method: name of a method, e.g. `"memcom"`; or the method itself, or its config, of so many ids and numbers.
        ratio: numbers of the full table over numbers stored; 1 for the method `"full"`, else 16, without it.
        mask_zero: whether id 0 is padding, as in `keras.layers.Embedding`.
        reserved_ids: how many of the first ids stand for none in particular, as padding and unknown: each has a row of
            its own in methods that share rows. 1 with `mask_zero` and else 0, without it; at most 2.
        options: further fields of the method, e.g. `{"bias": True}`.
        ordered: whether ids have an order of their own, the variable `order`, int32 `[input_dim]`: the place of each.
        scheme: name of the scheme that export encodes the tables with; that of the recipe without it.

    Shapes: int `[...]` in, float32 `[..., output_dim]` out; narrower where the method makes narrower vectors.

    Raises:
        UsageError: there is no such method, or it can't reach the ratio.

    Example:
        >>> layer = CompressedEmbedding(10_000, 32, method="memcom", ratio=16)
        >>> layer(np.array([[3, 9_999]])).shape
        TensorShape([1, 2, 32])
    """

    batched: ClassVar[bool] = True
    """Whether it is for batches of many ids, see `ondevice.embeddings.ops.Ops`."""

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        method: str | Method | Mapping[str, Any] = "memcom",
        ratio: float | None = None,
        mask_zero: bool = False,
        reserved_ids: int | None = None,
        options: Mapping[str, Any] | None = None,
        ordered: bool = False,
        scheme: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(input_dim, output_dim, mask_zero=mask_zero, **kwargs)
        self.take(method, ratio, reserved_ids, options, ordered, scheme)

    def take(
        self,
        method: str | Method | Mapping[str, Any],
        ratio: float | None = None,
        reserved_ids: int | None = None,
        options: Mapping[str, Any] | None = None,
        ordered: bool = False,
        scheme: str = "",
    ) -> None:
        """Set what it has beside what `keras.layers.Embedding` has; the arguments are those of the layer."""
        for name in ("embeddings_regularizer", "embeddings_constraint", "lora_rank"):
            value = getattr(self, name, None)
            require(f"{name} of layer {self.name!r}", value, value is None, "None, since there is no such table")
        self.reserved_ids = int(self.mask_zero) if reserved_ids is None else reserved_ids
        require("reserved_ids", self.reserved_ids, 0 <= self.reserved_ids <= RESERVED_IDS, f"0 to {RESERVED_IDS}")
        self.method = _method(method, self.input_dim + self.offset, self.output_dim, ratio, options or {})
        self.ordered, self.scheme = ordered, scheme
        self.tables: dict[str, keras.Variable] = {}
        self.rounded: Mapping[str, Callable[[Any], Any]] = {}

    @classmethod
    def of(cls, method: Method, **kwargs: Any) -> CompressedEmbedding:
        """Return the layer of a method whose ids 0 and 1 are padding and unknown, as in the networks of this package.

        Args:
            method: the method.
            kwargs: what every Keras layer takes, e.g. its name.
        """
        size, width = method.vocabulary_size, method.width
        return cls(size, width, method, mask_zero=True, reserved_ids=RESERVED_IDS, **kwargs)

    @property
    def offset(self) -> int:
        """What is added to an id to get the method's, whose first ones stand for none in particular."""
        return RESERVED_IDS - self.reserved_ids

    def build(self, input_shape: Any = None) -> None:
        """Create one variable per table of the method; what is chosen is so as if nothing were known of the ids."""
        if getattr(self, "built", False):
            return
        chosen = self.method.chosen_tables(None, 0)
        for table in self.method.tables():
            start = Scaled(INITIALIZERS[table.initializer](), table.gain)
            initializer = start if table.trainable else Given(chosen[table.name])
            self.tables[table.name] = self.add_weight(
                name=f"{table.name}_{PER_ID_MARK}" if table.per_id else table.name,
                shape=(table.rows, table.width),
                initializer=Unwritten() if _UNWRITTEN.get() else initializer,
                trainable=table.trainable,
                dtype=table.dtype,
            )
        if self.ordered:
            start = Given(np.arange(self.input_dim, dtype=np.int32))
            self.order = self.add_weight(
                name="order", shape=(self.input_dim,), initializer=start, trainable=False, dtype="int32"
            )
        self.built = True

    def call(self, ids: Any, training: bool | None = None) -> Any:
        """Look ids up: fast in training, otherwise equal to the NumPy reference bit for bit."""
        ids = tf.cast(ids, tf.int32)
        if self.ordered:
            ids = tf.gather(self.order.value, ids)
        return tf.cast(self.vectors_at(ids + self.offset if self.offset else ids, training), self.compute_dtype)

    def vectors_at(self, places: Any, training: bool | None = True) -> Any:
        """Look up the method's own ids, whatever their order, int32 `[...]`; gives float32 `[..., output_width]`."""
        return self.method.lookup(places, self.rows(), TensorFlowOps(not training, self.batched))

    @property
    def embeddings(self) -> Vectors:
        """The vectors of all ids, float32 `[input_dim, output_width]`, computed whenever they are used."""
        return Vectors(self)

    @property
    def places(self) -> npt.NDArray[np.int32] | None:
        """The place of each id in its order, int32 `[input_dim]`; None where ids are their own places."""
        return np.asarray(self.order.numpy()) if self.ordered else None

    def rows(self) -> Rows:
        """Return the access to table rows that the look-up uses; a subclass may decode them first.

        What `rounded` names by table is done to the rows; gradients pass as if it were not (Bengio et al., 2013).
        """

        def of(name: str, index: Any) -> Any:
            # TensorFlow's own variable is gathered from where it is; Keras' one would be read as a whole.
            rows = tf.gather(self.tables[name].value, index)
            if name not in self.rounded:
                return rows
            return rows + tf.stop_gradient(self.rounded[name](rows) - rows)

        return of

    def compute_mask(self, ids: Any, mask: Any = None) -> Any:
        """Mark what is not padding, if id 0 is that, from the ids and not from the vectors."""
        return keras.ops.not_equal(ids, PADDING_ID) if self.mask_zero else None

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Append the width of the vectors."""
        return (*input_shape, self.method.output_width)

    def table_values(self) -> dict[str, np.ndarray]:
        """Return the values of every table by name, `[rows, width of the table]` of the table's type, read-only."""
        # Views, since a copy takes as much memory as the table; TensorFlow writes to another place while one is held.
        return {
            name: np.asarray(memoryview(tf.convert_to_tensor(variable.value))) for name, variable in self.tables.items()
        }

    def save_own_variables(self, store: Any) -> None:
        """Save the tables as Keras does any variables, and what the layer is for a model that has another one there."""
        keras.layers.Layer.save_own_variables(self, store)
        given = json.dumps({name: self.get_config()[name] for name in OWN}).encode()
        store[MARK] = np.frombuffer(given, np.uint8)

    def load_own_variables(self, store: Any) -> None:
        """Load the tables as Keras does, but within `unwritten_tables`."""
        if not _UNWRITTEN.get():
            given = {name: store[name] for name in store.keys() if name != MARK}  # noqa: SIM118 - Keras' has no more
            keras.layers.Layer.load_own_variables(self, given)

    def quantize(self, *args: Any, **kwargs: Any) -> None:
        """Leave the layer out of `keras.Model.quantize`: export encodes its tables."""
        raise NotImplementedError(f"layer {self.name!r} is compressed, and encoded by `ondevice.export`")

    def write_tables(self, values: Mapping[str, Any]) -> None:
        """Set the tables, some rows at a time, so that none is held twice.

        Args:
            values: arrays, or what is read by slices as such, `[rows, width of the table]` by the table's name.
        """
        for name, variable in self.tables.items():
            for start in range(0, len(values[name]), ROWS_AT_ONCE):
                rows = values[name][start : start + ROWS_AT_ONCE]
                # Unlike assigning to a slice of it, this makes no copy of the variable.
                variable.value.scatter_update(tf.IndexedSlices(rows, tf.range(start, start + len(rows))))

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        config = {name: value for name, value in super().get_config().items() if name not in OF_TABLE}
        own = {name: getattr(self, name) for name in ("reserved_ids", "ordered", "scheme")}
        return {**config, **own, "method": method_config(self.method)}


def _method(
    method: str | Method | Mapping[str, Any], size: int, width: int, ratio: float | None, options: Mapping[str, Any]
) -> Method:
    if isinstance(method, str):
        wanted = (1.0 if method == FULL else DEFAULT_RATIO) if ratio is None else ratio
        kind = registry.load(method)
        check_options(options, kind, f"method {method}")
        return kind.for_ratio(size, width, wanted, **options)
    found = method if isinstance(method, Method) else method_from_config(method)
    if (found.vocabulary_size, found.width) != (size, width) or ratio is not None or options:
        given = f"{found.vocabulary_size} ids of width {found.width}"
        raise UsageError(
            f"method is one of {given}; allowed is one of {size} of width {width}, without ratio and options."
        )
    return found
