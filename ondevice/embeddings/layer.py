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

from ondevice.embeddings.method import Method, Rows, registry
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.ids import PADDING_ID
from ondevice.registry import member_name


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
    """Looks ids up with a compressed table.

    Args:
        method: the method, or its config as `{"name": ..., "parameters": {...}}`.

    Shapes: int `[...]` in, float32 `[..., output_width]` out. The mask is true where the id is not padding.
    """

    batched: ClassVar[bool] = True
    """Whether it is for batches of many ids, see `ondevice.embeddings.ops.Ops`."""

    def __init__(self, method: Method | Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.method = method if isinstance(method, Method) else method_from_config(method)
        self.tables: dict[str, keras.Variable] = {}
        self.rounded: Mapping[str, Callable[[Any], Any]] = {}
        self.supports_masking = True

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
        return self.method.lookup(tf.cast(ids, tf.int32), self.rows(), TensorFlowOps(not training, self.batched))

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
        """Mark what is not padding, from the ids and not from the vectors."""
        return keras.ops.not_equal(ids, PADDING_ID)

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
        return {**super().get_config(), "method": method_config(self.method)}


def method_config(method: Method) -> dict[str, Any]:
    """Return a method as plain values: its name and its parameters."""
    return {"name": member_name(type(method)), "parameters": method.parameters()}


def method_from_config(config: Mapping[str, Any]) -> Method:
    """Build a method from what `method_config` gave."""
    return registry.load(config["name"])(**config["parameters"])
