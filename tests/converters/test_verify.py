"""The gate on a finished file: whatever it should hold and does not is named."""

from __future__ import annotations

import functools
import struct
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from ondevice.converters.constants import require_finite_weights
from ondevice.converters.convert import convert
from ondevice.converters.converted import Converted
from ondevice.converters.equality import holds
from ondevice.converters.summary import TensorInfo
from ondevice.converters.verify import verify
from ondevice.devices.runtimes import DEFAULT_TARGET
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.errors import OnDeviceError
from ondevice.feature import Feature
from ondevice.head import values
from ondevice.manifest import Tensor
from ondevice.quantize import recipe as recipes
from ondevice.quantize.encode import EncodedEmbedding

ROWS, WIDTH = 200, 8
TWINS = ("from", "to")


@functools.cache
def twins(recipe: str = "int8") -> Converted:
    """Return the file of a model with two tables of one shape."""
    keras.utils.set_random_seed(0)
    inputs = [keras.Input((2,), dtype="int32", name=f"{name}_city") for name in TWINS]
    layers = [CompressedEmbedding(ROWS, WIDTH, ratio=4, name=name) for name in TWINS]
    joined = keras.layers.Concatenate()([layer(each) for layer, each in zip(layers, inputs, strict=True)])
    model = keras.Model(
        {each.name: each for each in inputs}, {"prices": keras.layers.Dense(3, bias_initializer="ones")(joined)}
    )
    features = [Feature(each.name, "ids", (1, 2), "int32", ROWS) for each in inputs]
    return convert(model, features, values(), recipes.load(recipe), DEFAULT_TARGET)


def problems(converted: Converted, target: str = DEFAULT_TARGET) -> str:
    with pytest.raises(OnDeviceError, match=r"^the converted file is not what was asked for: ") as raised:
        verify(converted, target)
    return str(raised.value)


def with_encoded(**encoded: EncodedEmbedding) -> Converted:
    converted = twins()
    layers = {
        name: replace(layer, encoded=encoded.get(name, layer.encoded)) for name, layer in converted.layers.items()
    }
    return replace(converted, layers=layers)


def test_what_was_asked_for_passes() -> None:
    verify(twins(), DEFAULT_TARGET)
    verify(twins("float32"), DEFAULT_TARGET)


def test_tables_of_another_layer_do_not_stand_for_its_own() -> None:
    """All are somewhere in the file, and of the right shape."""
    one, other = (twins().layers[name].encoded for name in TWINS)
    said = problems(with_encoded(**dict(zip(TWINS, (other, one), strict=True))))
    for layer in TWINS:
        for table in ("shared", "multiplier"):
            assert f"Table '{layer}/{table}' (values, " in said
    assert problems(with_encoded(to=one)).count("is not stored as encoded.") == 2


@pytest.mark.parametrize("layer", TWINS)
@pytest.mark.parametrize("table", ["shared", "multiplier"])
def test_one_number_that_is_another_is_noticed(layer: str, table: str) -> None:
    encoded = twins().layers[layer].encoded
    entry = encoded.tables[table]
    wrong = entry.arrays["values"].copy()
    wrong.reshape(-1).view(np.uint8)[-1] ^= 1
    tables = {**encoded.tables, table: replace(entry, arrays={**entry.arrays, "values": wrong})}
    said = problems(with_encoded(**{layer: replace(encoded, tables=tables)}))
    assert f"Table '{layer}/{table}' (values, {wrong.dtype.name} {list(wrong.shape)}) is not stored as encoded." in said
    assert said.count("is not stored") == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"signature": "rate"}, "Its signatures are ['serving_default'], expected ['rate']."),
        (
            {"outputs": (Tensor("prices", (1, 4), "float32"),)},
            "outputs are [('prices', (1, 2, 3), 'float32')], expected",
        ),
        ({"outputs": (Tensor("price", (1, 3), "float32"),)}, "expected [('price', (1, 3), 'float32')]."),
        ({"inputs": ()}, "Its inputs are [('from_city', (1, 2), 'int32'), ('to_city', (1, 2), 'int32')], expected []."),
    ],
)
def test_another_signature_is_noticed(changes: dict[str, Any], says: str) -> None:
    assert says in problems(replace(twins(), **changes))


def changed(converted: Converted, tensor: TensorInfo, offset: int, dtype: str, by: float) -> Converted:
    """Add to one number of a constant, or of its steps."""
    content = bytearray(converted.content)
    np.frombuffer(content, dtype, 1, offset)[...] += np.array(by, dtype)
    return replace(converted, content=bytes(content))


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_one_number_of_a_dense_layer_that_is_another_is_noticed(recipe: str) -> None:
    converted = twins(recipe)
    dense = [each for each in converted.summary.constants if each.shape in ((3, 2 * WIDTH), (3,))]
    assert {each.dtype for each in dense} == {"float32", recipe}
    for tensor in dense:
        wrong = changed(converted, tensor, tensor.buffer_offset, tensor.dtype, 1)
        assert problems(wrong).count("is not what was trained") == 1
        if tensor.scales:
            [step] = np.frombuffer(converted.content, "<f4", 1, tensor.scale_offset)
            wrong = changed(converted, tensor, tensor.scale_offset, "<f4", 0.01 * step)
            assert f"Constant {tensor.name!r}" in problems(wrong)


def test_steps_coarser_than_the_numbers_need_hold_only_what_they_give() -> None:
    """With a step that is large enough, nothing but zeros would be within half of one."""
    content = struct.pack("<f", 100.0) + bytes([0, 0, 1, 2])
    tensor = TensorInfo(0, 0, "kernel", (2, 2), "int8", 4, 4, 1, 0, 0)
    assert holds(content, tensor, np.array([[0, 0], [100, 200]], np.float32))
    assert not holds(content, tensor, np.array([[1, 0], [100, 200]], np.float32))
    assert not holds(content, tensor, np.array([[0, 0], [100, np.nan]], np.float32))


def test_each_row_has_the_step_of_its_own() -> None:
    content = struct.pack("<2f", 1.0, 2.0) + bytes([0x79, 0x72])
    tensor = TensorInfo(0, 0, "kernel", (2, 2), "int4", 2, 8, 2, 0, 0)
    assert holds(content, tensor, np.array([[-7, 7], [4, 14]], np.float32))
    assert not holds(content, tensor, np.array([[-7, 7], [2, 7]], np.float32))


def test_weights_that_are_not_finite_are_refused() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, bias_initializer=lambda *_, **__: [np.nan])])
    with pytest.raises(OnDeviceError, match=r"weight '.*bias' holds values that are not finite"):
        require_finite_weights(model)
