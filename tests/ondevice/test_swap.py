"""An ordinary embedding becomes a compressed one in place; this rests on private members of Keras."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import keras_rs
import numpy as np
import pytest

import ondevice
from ondevice.embeddings.method import registry
from ondevice.embeddings.swap import swap
from ondevice.errors import OnDeviceError

HOLDS_FOR = (3, 10), (3, 16)
"""The oldest version of Keras that is supported, and the first that was not tried; 3.10, 3.12 and 3.15 were."""


def hashing(ids: int = 40, width: int = 8, reserved: int = 0) -> Any:
    return registry.load("hashing").for_ratio(ids + 2 - reserved, width, 4.0)


def test_the_private_members_hold_for_this_version() -> None:
    version = tuple(int(part) for part in re.findall(r"\d+", keras.__version__)[:2])
    assert HOLDS_FOR[0] <= version < HOLDS_FOR[1], f"try Keras {keras.__version__} and say so here"
    layer = keras.layers.Embedding(4, 2)
    layer.build(None)
    assert layer._embeddings is layer.embeddings
    for name in ("locked", "lock", "unlock"):
        assert hasattr(layer._tracker, name)
    assert callable(layer._untrack_variable)


def functional() -> tuple[keras.Model, list[Any]]:
    """One layer that two inputs share."""
    layer = keras.layers.Embedding(40, 8, name="table")
    inputs = [keras.Input((3,), dtype="int32", name=name) for name in ("a", "b")]
    return keras.Model(inputs, keras.layers.Concatenate()([layer(each) for each in inputs])), [layer]


def sequential() -> tuple[keras.Model, list[Any]]:
    model = keras.Sequential([keras.Input((3,), dtype="int32"), keras.layers.Embedding(40, 8), keras.layers.Flatten()])
    return model, [model.layers[0]]


class Nested(keras.Model):
    """Layers in a list, in a dict, and in a model of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.listed = [keras.layers.Embedding(40, 8) for _ in range(2)]
        self.named = {"one": keras.layers.Embedding(40, 8)}
        self.inner = sequential()[0]

    def call(self, ids: Any) -> Any:
        found = [layer(ids) for layer in (*self.listed, self.named["one"])]
        return keras.ops.concatenate([keras.ops.reshape(each, (-1, 24)) for each in found] + [self.inner(ids)], axis=1)


def nested() -> tuple[keras.Model, list[Any]]:
    model = Nested()
    model(np.zeros((1, 3), np.int32))
    return model, [*model.listed, model.named["one"], model.inner.layers[0]]


@pytest.mark.parametrize("make", [functional, sequential, nested])
def test_every_layer_is_the_same_object_and_answers_with_its_new_tables(make: Any) -> None:
    model, layers = make()
    ids = np.arange(6, dtype=np.int32).reshape(2, 3)
    given = [ids, ids] if len(getattr(model, "inputs", None) or []) == 2 else ids
    before, count = np.asarray(model(given)), model.count_params()
    for layer in layers:
        table, name = layer.get_weights()[0].shape, layer.name
        swap(layer, hashing())
        assert isinstance(layer, ondevice.CompressedEmbedding)
        assert isinstance(layer, keras.layers.Embedding)
        assert (layer.name, layer.embeddings.shape) == (name, table)
    assert model.count_params() < count
    assert np.asarray(model(given)).shape == before.shape
    assert not np.array_equal(before, model(given))
    model.compile("adam", "mse")
    values = [layer.get_weights()[0] for layer in layers]
    model.fit(given, np.ones(before.shape, np.float32), verbose=0)
    for layer, value in zip(layers, values, strict=True):
        assert not np.array_equal(layer.get_weights()[0], value)


def test_a_compiled_model_is_fitted_on_without_being_compiled_again() -> None:
    model, [layer] = sequential()
    model.compile("adam", "mse")
    x, y = np.zeros((8, 3), np.int32), np.ones((8, 24), np.float32)
    model.fit(x, y, verbose=0)
    swap(layer, hashing())
    model.fit(x, y, verbose=0)
    assert model.predict(x, verbose=0).shape == y.shape


@pytest.mark.filterwarnings("ignore:.*does not have a `quantize` method:UserWarning")
@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_rows_of_low_bits_of_keras_leave_it_as_it_is(mode: str) -> None:
    """`keras.Model.quantize` goes through all layers; it makes tables of its own class alone."""
    model, [layer] = functional()
    swap(layer, hashing())
    before, vectors = layer.table_values(), layer(np.arange(40))
    model.quantize(mode)
    assert layer.quantization_mode is None
    for name, values in layer.table_values().items():
        np.testing.assert_array_equal(values, before[name])
    np.testing.assert_array_equal(layer(np.arange(40)), vectors)


def test_who_reads_the_variable_reads_the_vectors_of_then() -> None:
    """A layer with the variable itself, in a list and in a dict."""
    layer, retrieval = keras.layers.Embedding(40, 8, name="items"), keras_rs.layers.BruteForceRetrieval(k=3)
    layer.build(None)
    retrieval.candidate_embeddings = layer.embeddings
    retrieval.built = True
    retrieval.others, retrieval.named = [layer.embeddings], {"items": layer.embeddings}
    followed = swap(layer, hashing())
    assert followed == [retrieval.name]
    query = np.ones((1, 8), np.float32)
    for _ in range(2):
        vectors = np.asarray(layer(np.arange(40)))
        for held in (retrieval.candidate_embeddings, retrieval.others[0], retrieval.named["items"]):
            np.testing.assert_array_equal(np.asarray(held), vectors)
        scores, _ = retrieval(query)
        assert float(scores[0, 0]) == pytest.approx(float((vectors @ query[0]).max()), abs=1e-4)
        # Trained on, it is another one, and nobody has to be told.
        layer.write_tables({name: values + 1 for name, values in layer.table_values().items()})
    with pytest.raises(OnDeviceError, match=r"^the vectors of layer 'items' are computed from compressed tables; "):
        layer.embeddings.assign(vectors)


@pytest.mark.parametrize("kind", ["a function", "a tuple"])
def test_where_the_variable_cannot_be_replaced_nothing_is_changed(kind: str) -> None:
    layer = keras.layers.Embedding(40, 8, name="items")
    layer.build(None)

    def keeper(variable: Any) -> Any:
        return lambda: variable

    other = keras.layers.Layer()
    other.held = keeper(layer.embeddings) if kind == "a function" else (layer.embeddings, 1)
    with pytest.raises(
        OnDeviceError, match=rf"^{kind} holds the table of layer 'items', which can't be replaced there;"
    ):
        swap(layer, hashing())
    assert type(layer) is keras.layers.Embedding
    assert layer(np.array([1])).shape == (1, 8)


@pytest.mark.skipif(not hasattr(keras.layers, "ReversibleEmbedding"), reason="Keras has it since 3.13")
def test_layers_derived_from_an_embedding_work_on_compressed_tables(tmp_path: Path) -> None:
    ids = keras.Input((3,), dtype="int32")
    reduced = keras_rs.layers.EmbedReduce(40, 8, combiner="sum", name="reduced")
    tied = keras.layers.ReversibleEmbedding(40, 8, name="tied")
    model = keras.Model(ids, [reduced(ids), tied(reduced(ids), reverse=True), tied(ids)])
    for layer in (reduced, tied):
        swap(layer, hashing())
    given = np.array([[1, 2, 39]], np.int32)
    total, logits, vectors = (np.asarray(each) for each in model(given))
    rows = [np.asarray(layer.embeddings) for layer in (reduced, tied)]
    np.testing.assert_allclose(total, rows[0][given].sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(logits, total @ rows[1].T, rtol=1e-4)
    np.testing.assert_array_equal(vectors, rows[1][given])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(again.get_layer("tied"), ondevice.CompressedEmbedding)
    for one, other in zip(model(given), again(given), strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_of_a_compressed_model_make_an_ordinary_one_compressed(tmp_path: Path) -> None:
    model, [layer] = sequential()
    swap(layer, hashing(), ordered=True)
    layer.order.assign(np.random.default_rng(0).permutation(40))
    model.save_weights(tmp_path / "small.weights.h5")
    other, [ordinary] = sequential()
    other.load_weights(tmp_path / "small.weights.h5")
    assert isinstance(ordinary, ondevice.CompressedEmbedding)
    assert ordinary.method == layer.method
    ids = np.arange(39, dtype=np.int32).reshape(-1, 3)
    np.testing.assert_array_equal(model(ids), other(ids))


def test_an_order_changes_which_rows_ids_share_and_no_id() -> None:
    plain, ordered = (ondevice.CompressedEmbedding(40, 8, "hashing", 4.0, ordered=each) for each in (False, True))
    places = np.random.default_rng(1).permutation(40).astype(np.int32)
    ids = np.arange(40, dtype=np.int32)
    plain(ids), ordered(ids)
    ordered.set_weights([*plain.get_weights(), places])
    np.testing.assert_array_equal(ordered(ids), plain(places))
