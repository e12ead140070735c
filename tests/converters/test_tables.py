"""The tables of a model: every layer by a name of its own, its method's ids, and the encoding that a target has."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from ondevice.converters.tables import LayerTables, encoded_for, layers_of
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import Method, registry
from ondevice.errors import OnDeviceError
from ondevice.quantize import recipe as recipes
from ondevice.quantize.encode import EncodedEmbedding, EncodedTable
from ondevice.quantize.scheme import INT4
from tests.samples import METHODS, sample_tables

OLD, NEW = "tflite-2.14", "litert-2.3"
FULL = registry.load("full")


def encoded(method: Method, recipe: recipes.Recipe, target: str) -> EncodedEmbedding:
    return encoded_for(LayerTables(None, method, sample_tables(method, 2), 0), recipe, target)


def full_table(width: int, recipe: str) -> EncodedTable:
    return encoded(FULL(40, width), recipes.load(recipe), NEW).tables["table"]


def test_elsewhere_the_portable_form_stays_with_the_reason() -> None:
    old, new = (
        encoded(METHODS["memcom block"], recipes.single("int4_row"), name).tables["shared"] for name in (OLD, NEW)
    )
    assert (new.storage, new.portable) == (INT4, "")
    assert (old.storage, old.portable) == ("", "tflite-2.14 does not gather rows of an int4 table")
    odd = full_table(7, "int4")
    assert (odd.scheme, odd.storage, odd.portable) == (
        "int4_row",
        "",
        "rows of 7 do not fill whole bytes, so that runtimes would read wrong ones",
    )
    plain = full_table(8, "int8")
    assert (plain.storage, plain.portable) == ("", "")


def test_every_layer_is_found_once_by_a_name_of_its_own() -> None:
    """One that two inputs share, one of Keras, one within a model, and two of one name."""
    ids = [keras.Input((3,), dtype="int32", name=name) for name in ("a", "b")]
    shared = CompressedEmbedding(40, 8, ratio=4, name="shared")
    inner_ids = keras.Input((3,), dtype="int32")
    inner = keras.Model(inner_ids, keras.layers.Embedding(30, 8, name="table")(inner_ids), name="inner")
    outer = keras.layers.Embedding(20, 8, name="table")
    joined = keras.layers.Concatenate()([shared(ids[0]), shared(ids[1]), inner(ids[0]), outer(ids[1])])
    found = layers_of(keras.Model(ids, joined))
    assert {id(each.layer) for each in found.values()} == {
        id(layer) for layer in (shared, outer, inner.get_layer("table"))
    }
    assert found["shared"].layer is shared
    assert found["shared"].size == 40
    assert len(set(found)) == 3
    full = {each.size: each for name, each in found.items() if name != "shared"}
    assert set(full) == {20, 30}
    np.testing.assert_array_equal(full[20].values["table"], np.asarray(outer.embeddings))


def test_a_layer_that_keras_has_quantized_is_refused() -> None:
    ids = keras.Input((3,), dtype="int32")
    model = keras.Model(ids, keras.layers.Embedding(20, 8, name="table")(ids))
    model.get_layer("table").quantize("int8")
    with pytest.raises(OnDeviceError, match=r"layer 'table' was quantized by Keras \(int8\); allowed is a model that"):
        layers_of(model)
