"""What the stock converter made of a model is read off its file: formats, tables and their errors."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
import tiny_models

from ondevice.converters import dense, flatbuffer
from ondevice.converters.stock import StockFile, stock_file
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.errors import UsageError
from ondevice.feature import Feature
from ondevice.head import values

ROWS, WIDTH, LENGTH = 300, 8, 5
INPUTS = ("item", "city")


def model(method: str = "full", rows: int = ROWS) -> keras.Model:
    """Return a model of two inputs with tables of equal shape, one of Keras."""
    keras.utils.set_random_seed(0)
    inputs = [keras.Input((LENGTH,), dtype="int32", name=name) for name in INPUTS]
    first = CompressedEmbedding(rows, WIDTH, method, name="item_table")(inputs[0])
    second = keras.layers.Embedding(rows, WIDTH, name="city_table")(inputs[1])
    return keras.Model(inputs, keras.layers.Concatenate()([first, second]))


def features(rows: int) -> list[Feature]:
    return [Feature(name, "ids", (1, LENGTH), "int32", rows) for name in INPUTS]


@functools.cache
def made(rows: int = ROWS) -> tuple[keras.Model, StockFile]:
    model_of = model(rows=rows)
    return model_of, stock_file(wrapped(model_of), features(rows), values())


def wrapped(model_of: keras.Model) -> keras.Model:
    """Return the model with its output by name, as a head of values wants it."""
    return keras.Model({each.name: each for each in model_of.inputs}, {"vectors": model_of.output})


def table_of(model_of: keras.Model, layer: str) -> np.ndarray:
    [found] = [np.asarray(variable) for variable in model_of.get_layer(layer).variables]
    return found


@pytest.mark.parametrize(("per_channel", "expected"), [(True, "int8_per_channel"), (False, "int8_per_tensor")])
def test_dense_layers_are_described_as_they_are_stored(per_channel: bool, expected: str) -> None:
    assert dense.dense_format(flatbuffer.read(tiny_models.dynamic_range(per_channel))) == expected
    assert dense.dense_format(flatbuffer.read(tiny_models.plain())) == "float32"


@pytest.mark.parametrize("layer", ["item_table", "city_table"])
def test_a_table_with_one_scale_is_decoded(layer: str) -> None:
    """Each layer's own: both are of one shape."""
    model_of, stock = made()
    table, record = table_of(model_of, layer), stock.tables[layer]
    assert (record.scheme, record.payload_bytes, record.shape) == ("int8_per_tensor", table.size, table.shape)
    scale = np.float32(np.abs(table).max() / 127)
    error = np.abs(np.round(table / scale) * scale - table)
    assert record.max_error == pytest.approx(error.max(), rel=1e-3)
    expected = np.sqrt(np.mean(error**2) / np.mean(table**2))
    assert record.relative_error == pytest.approx(expected, rel=1e-3)
    assert stock.errors[layer].max_error == pytest.approx(record.max_error)


def test_a_table_left_as_it_was_has_no_scale() -> None:
    """The converter leaves small tables alone."""
    model_of, stock = made(rows=40)
    for layer, record in stock.tables.items():
        assert record.scheme == "float32"
        assert record.payload_bytes == table_of(model_of, layer).nbytes
        assert (record.max_error, record.relative_error) == (0, 0)


def test_the_layers_are_those_of_the_model_and_no_look_up_is_left_out() -> None:
    _, stock = made()
    assert {name: layer.features for name, layer in stock.converted.layers.items()} == {
        "item_table": ("item",),
        "city_table": ("city",),
    }
    assert {output.name for output in stock.converted.outputs} == {"vectors"}
    [signature] = stock.converted.summary.signatures
    assert [output.name for output in signature.outputs] == ["vectors"]


def test_a_compressed_table_is_refused() -> None:
    with pytest.raises(UsageError, match=r"layer 'item_table' is compressed; allowed for 'stock_dynamic_range' are"):
        stock_file(wrapped(model("hashing")), features(ROWS), values())
