"""Lowering: every layer looks up in its own tables, whatever model it is in, and what can't be is refused."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ondevice.converters.lower import Lowering, held, lowered, moved_from
from ondevice.converters.signature import Signature
from ondevice.converters.tables import layers_of
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.errors import OnDeviceError
from ondevice.feature import Feature
from ondevice.head import values
from ondevice.quantize.encode import encode

ROWS, WIDTH, LENGTH = 40, 8, 5
SHARED, OWN = "items_table", "country_table"
IDS = [np.arange(start, start + LENGTH, dtype=np.int32)[None] for start in (3, 11)]


def two_tables() -> keras.Model:
    """Return a model that looks two features up in two tables of one shape, and the first one in the second, too."""
    keras.utils.set_random_seed(0)
    items, country = (keras.Input((LENGTH,), dtype="int32", name=name) for name in ("items", "country"))
    one, other = (CompressedEmbedding(ROWS, WIDTH, ratio=4, name=name) for name in (SHARED, OWN))
    rng = np.random.default_rng(0)
    joined = keras.layers.Concatenate()([one(items), other(country), other(items)])
    for layer in (one, other):
        layer.write_tables(
            {name: rng.standard_normal(values.shape, np.float32) for name, values in layer.table_values().items()}
        )
    return keras.Model([items, country], joined)


class Subclassed(keras.Model):
    """The same in a model that Keras knows no graph of."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = two_tables()

    def call(self, inputs: Any) -> Any:
        one, other = (self.inner.get_layer(name) for name in (SHARED, OWN))
        return tf.concat([one(inputs[0]), other(inputs[1]), other(inputs[0])], axis=-1)


def lowering_of(model: keras.Model, scheme: str) -> Lowering:
    layers = layers_of(model)
    encoded = {name: encode(each.method, each.values, scheme, offset=each.offset) for name, each in layers.items()}
    return Lowering({id(each.layer): name for name, each in layers.items()}, encoded)


def kinds() -> dict[str, keras.Model]:
    subclassed = Subclassed()
    subclassed(IDS)
    inputs = [keras.Input((LENGTH,), dtype="int32") for _ in range(2)]
    return {"functional": two_tables(), "subclassed": subclassed, "nested": keras.Model(inputs, two_tables()(inputs))}


@pytest.mark.parametrize("scheme", ["float32", "int8_row"])
@pytest.mark.parametrize("kind", ["functional", "subclassed", "nested"])
def test_every_layer_looks_up_in_its_own_tables(kind: str, scheme: str) -> None:
    """Two tables of one shape are not one; with float32 the model answers as before, bit for bit."""
    model = kinds()[kind]
    lowering = lowering_of(model, scheme)
    before = np.asarray(model(IDS))
    with lowered(lowering):
        found = np.asarray(model(IDS))
    one, other = (lowering.layers[name].lookup for name in (SHARED, OWN))
    np.testing.assert_array_equal(found, np.concatenate([one(IDS[0]), other(IDS[1]), other(IDS[0])], axis=-1))
    assert np.array_equal(found, before) == (scheme == "float32")
    np.testing.assert_array_equal(model(IDS), before, "afterwards all is as it was")


def test_tables_that_graphs_refer_to_answer_the_same() -> None:
    model = two_tables()
    lowering = lowering_of(model, "int4_row")
    with lowered(lowering):
        expected = np.asarray(model(IDS))
    with lowered(Lowering(lowering.names, {name: held(each) for name, each in lowering.layers.items()})):
        np.testing.assert_array_equal(model(IDS), expected)


def traced(model: keras.Model, lowering: Lowering, function: Any) -> None:
    with lowered(lowering):
        tf.function(function, autograph=False).get_concrete_function(tf.TensorSpec([1, LENGTH], tf.int32))


def test_calls_are_noted_with_the_inputs_that_their_ids_come_from() -> None:
    model = two_tables()
    lowering = lowering_of(model, "float32")

    def call(ids: Any) -> Any:
        # Moved and cut, ids are still the input's; computed ones are none's.
        lowering.features["items"], lowering.sizes["items"] = ids, ROWS
        return model([tf.reshape(tf.reshape(ids, [LENGTH, 1]), [1, LENGTH]), ids // 2])

    traced(model, lowering, call)
    assert [(each.layer, each.features) for each in lowering.calls] == [
        (SHARED, ("items",)),
        (OWN, ()),
        (OWN, ("items",)),
    ]
    assert lowering.features_of(OWN) == ("items",)
    assert lowering.features_of(SHARED) == ("items",)


@pytest.mark.parametrize("checked", [ROWS, ROWS + 1])
def test_ids_are_checked_again_only_where_they_may_be_outside_of_the_table(checked: int) -> None:
    model = two_tables()
    lowering = lowering_of(model, "float32")

    def call(ids: Any) -> Any:
        lowering.features["items"], lowering.sizes["items"] = ids, checked
        return model([ids, ids + 1])

    traced(model, lowering, call)
    assert [each.ids is each.given for each in lowering.calls] == [checked <= ROWS, False, checked <= ROWS]


def test_constant_ids_are_looked_up_by_the_layer_itself() -> None:
    model = two_tables()
    lowering = lowering_of(model, "float32")
    traced(model, lowering, lambda ids: model([ids, tf.constant(IDS[1])]))
    assert lowering.constant == {OWN}
    assert [each.layer for each in lowering.calls] == [SHARED, OWN]


@pytest.mark.parametrize("inner", ["loop", "function"])
def test_a_look_up_within_a_graph_of_its_own_is_refused(inner: str) -> None:
    """Its vectors are no tensor of the file's graph, so that no one could look at them."""
    model = two_tables()
    table = model.get_layer(SHARED)

    def call(inputs: Any) -> Any:
        if inner == "function":
            return {"vectors": tf.function(table, autograph=False)(inputs["ids"])}
        return {"vectors": tf.map_fn(table, tf.transpose(inputs["ids"]), fn_output_signature=tf.float32)}

    served = Signature(
        call, [Feature("ids", "ids", (1, LENGTH), "int32", ROWS)], values(), lowering_of(model, "float32")
    )
    with pytest.raises(
        OnDeviceError, match=rf"^layer '{SHARED}' looks ids up within a loop or a tf\.function; allowed"
    ):
        served.outputs()


@pytest.mark.parametrize("kind", ["split", "concat", "stack", "slice"])
def test_ids_are_followed_through_what_only_moves_them(kind: str) -> None:
    moved = {
        "split": lambda ids: tf.split(ids, 2, axis=1)[1],
        "concat": lambda ids: tf.concat([ids, ids], axis=1),
        "stack": lambda ids: tf.stack([ids, ids]),
        "slice": lambda ids: ids[:, 1:3],
    }[kind]
    found = []

    @tf.function(autograph=False)
    def trace(ids: tf.Tensor) -> tf.Tensor:
        found.append((moved_from(moved(ids), {ids.ref(): "ids"}), moved_from(moved(ids) + 1, {ids.ref(): "ids"})))
        return ids

    trace(tf.zeros([1, 4], tf.int32))
    assert found == [(("ids",), ())]
