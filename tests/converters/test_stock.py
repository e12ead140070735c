"""What the stock converter made of a model is read off its file: formats, tables and their errors."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf
import tiny_models

from converters import dense, flatbuffer, stock
from ondevice.errors import OnDeviceError

TABLE = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)


@functools.cache
def quantized_table() -> bytes:
    """A file whose look-up table is large enough for the converter to quantize it."""
    settings = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    return tiny_models.convert(lambda ids: tf.gather(TABLE, ids), tiny_models.IDS, **settings)


@pytest.mark.parametrize(("per_channel", "expected"), [(True, "int8_per_channel"), (False, "int8_per_tensor")])
def test_dense_layers_are_described_as_they_are_stored(per_channel: bool, expected: str) -> None:
    assert dense.dense_format(flatbuffer.read(tiny_models.dynamic_range(per_channel))) == expected
    assert dense.dense_format(flatbuffer.read(tiny_models.plain())) == "float32"


def test_a_table_with_one_scale_is_decoded() -> None:
    content = quantized_table()
    table = stock.look_up_table(flatbuffer.read(content), TABLE.shape)
    assert (dense.number_format(table), table.buffer_bytes) == ("int8_per_tensor", TABLE.size)
    scale = np.float32(np.abs(TABLE).max() / 127)
    np.testing.assert_allclose(stock.stored_values(content, table), np.round(TABLE / scale) * scale, rtol=1e-6)


def test_a_table_left_as_it_was_has_no_scale() -> None:
    content = tiny_models.dynamic_range(True)
    table = stock.look_up_table(flatbuffer.read(content), tiny_models.TABLE.shape)
    assert dense.number_format(table) == "float32"
    np.testing.assert_array_equal(stock.stored_values(content, table), tiny_models.TABLE)


def test_a_table_that_is_not_there_is_named() -> None:
    with pytest.raises(OnDeviceError, match=r"no table of shape \[7, 8\] that it gathers from"):
        stock.look_up_table(flatbuffer.read(quantized_table()), (7, 8))
