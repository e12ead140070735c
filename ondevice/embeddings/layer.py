"""The Keras layer around any method: it derives weights, call, mask, config and shapes from the method."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

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
from ondevice.errors import UsageError
from ondevice.ids import PADDING_ID, RESERVED_IDS

DEFAULT_RATIO = 16.0


class EqualShares(keras.initializers.Initializer):
    """Gives each number of a row one over the square root of their count."""

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        """Return the values, `[rows, width]`."""
        return keras.ops.full(shape, 1 / math.sqrt(shape[-1]), dtype)


class Scaled(keras.initializers.Initializer):
    """Gives the values of another initializer times a factor."""

    def __init__(self, initializer: keras.initializers.Initializer, gain: float) -> None:
        self.initializer = initializer
        self.gain = gain

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        """Return the values, of the shape asked for."""
        return self.initializer(shape, dtype) * self.gain


class Given(keras.initializers.Initializer):
    """Gives the values that it was made with."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        """Return the values, which have the shape asked for."""
        return keras.ops.convert_to_tensor(self.values, dtype)


INITIALIZERS: Mapping[str, Callable[[], keras.initializers.Initializer]] = {
    # Made anew for every table: one initializer object gives equal values to tables of equal shape.
    "uniform": lambda: keras.initializers.RandomUniform(-0.05, 0.05),
    # The sum of two such rows varies as much as one ordinary row.
    "uniform_of_two": lambda: keras.initializers.RandomUniform(-0.05 / math.sqrt(2), 0.05 / math.sqrt(2)),
    # Standard deviation one: rows multiplied by such a matrix keep their size once the table's gain divides by the
    # root of how many products are added up.
    "unit": lambda: keras.initializers.RandomUniform(-math.sqrt(3), math.sqrt(3)),
    "near_one": lambda: keras.initializers.RandomNormal(1.0, 0.1),
    # The sum of so many ordinary rows with these weights varies as much as one of them.
    "equal_shares": EqualShares,
    "ones": keras.initializers.Ones,
    "zeros": keras.initializers.Zeros,
}


class Unwritten(keras.initializers.Initializer):
    """Gives memory as it comes, most of which the system provides only once it is written to."""

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        """Return any values, of the shape asked for."""
        return tf.raw_ops.Empty(shape=shape, dtype=dtype, init=False)


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


PER_ID_MARK = "per_id"
"""Part of the variable name of tables with one row per id, by which weight decay leaves them out."""


@keras.saving.register_keras_serializable(package="ondevice")
class CompressedEmbedding(keras.layers.Layer):
    """Looks ids up with a compressed table, wherever `keras.layers.Embedding` stands.

    Args:
        input_dim: ids are 0 to this number minus one.
        output_dim: numbers per vector.
        method: name of a method, e.g. `"memcom"`; or the method itself, or its config, of so many ids and numbers.
        ratio: numbers of the full table over numbers stored; 1 for the method `"full"`, else 16, without it.
        mask_zero: whether id 0 is padding, as in `keras.layers.Embedding`.
        reserved_ids: how many of the first ids stand for none in particular, as padding and unknown: each has a row of
            its own in methods that share rows. 1 with `mask_zero` and else 0, without it; at most 2.
        options: further fields of the method, e.g. `{"bias": True}`.

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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.input_dim, self.output_dim, self.mask_zero = input_dim, output_dim, mask_zero
        self.reserved_ids = int(mask_zero) if reserved_ids is None else reserved_ids
        require("reserved_ids", self.reserved_ids, 0 <= self.reserved_ids <= RESERVED_IDS, f"0 to {RESERVED_IDS}")
        self.method = _method(method, input_dim + self.offset, output_dim, ratio, options or {})
        self.tables: dict[str, keras.Variable] = {}
        self.rounded: Mapping[str, Callable[[Any], Any]] = {}
        self.supports_masking = mask_zero

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

    def build(self, input_shape: Any) -> None:
        """Create one variable per table of the method; what is chosen is so as if nothing were known of the ids."""
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

    def call(self, ids: Any, training: bool | None = None) -> Any:
        """Look ids up: fast in training, otherwise equal to the NumPy reference bit for bit."""
        ids = tf.cast(ids, tf.int32)
        return self.method.lookup(
            ids + self.offset if self.offset else ids, self.rows(), TensorFlowOps(not training, self.batched)
        )

    @property
    def embeddings(self) -> Any:
        """The vectors of all ids, float32 `[input_dim, output_dim]`, computed at every use."""
        return self(tf.range(self.input_dim))

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

    def load_own_variables(self, store: Any) -> None:
        """Load the tables as Keras does, but within `unwritten_tables`."""
        if not _UNWRITTEN.get():
            super().load_own_variables(store)

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
        own = {name: getattr(self, name) for name in ("input_dim", "output_dim", "mask_zero", "reserved_ids")}
        return {**super().get_config(), **own, "method": method_config(self.method)}


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
