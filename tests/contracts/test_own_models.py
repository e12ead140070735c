"""What every model of one's own must satisfy, over `tests/own_models`: it goes out as a bundle that is proven."""

from __future__ import annotations

import functools
from pathlib import Path

import keras
import numpy as np
import pytest

import ondevice
from ondevice.bundle import Bundle
from tests import own_case
from tests.own_case import Case

NAMES = own_case.names()
VARIANTS = [(name, compressed) for name in NAMES for compressed in (False, True)]
IDS = [f"{name} {'compressed' if compressed else 'plain'}" for name, compressed in VARIANTS]
SAVED = ("bst", "dcn", "gru", "intents", "interest", "static_text", "wide_deep")
"""Those that are made of nothing but layers, which Keras saves without knowing a class of the test's."""

RECIPES = {False: ("float32", "int8"), True: ("float32", "int4")}
"""Of plain models and of those that are made with compressed tables."""

MAX_LOSS = {"float32": 0.001, "int8": 0.01, "int4": 0.03}
"""Largest relative loss of the model's own metric; rounding rows and kernels in NumPy costs up to 0.0043 and 0.0215."""

load = functools.cache(own_case.load)
"""A model is fitted once, whatever it is exported as."""


def export(case: Case, out: Path, recipe: str) -> Bundle:
    kind, arguments = case.head
    return ondevice.export(
        case.model,
        out,
        sample=case.sample,
        vocabularies=case.vocabularies or None,
        head=getattr(ondevice, kind)(**arguments),
        recipe=recipe,
    )


def test_models_found_are_pinned() -> None:
    assert NAMES == [
        "bst",
        "dcn",
        "deep_recommender",
        "dlrm",
        "gru",
        "intents",
        "interest",
        "rating",
        "sas_rec",
        "static_text",
        "two_towers",
        "wide_deep",
    ]


def test_many_methods_are_among_them() -> None:
    methods = {
        layer.method.__class__.__name__
        for name in NAMES
        for layer in load(name, True).model._flatten_layers()
        if isinstance(layer, ondevice.CompressedEmbedding)
    }
    assert len(methods) >= 12, methods


@pytest.mark.parametrize(("name", "compressed"), VARIANTS, ids=IDS)
def test_it_has_learned_something(name: str, compressed: bool) -> None:
    """What answers at random would be found valid by any metric."""
    case = load(name, compressed)
    assert case.quality() > case.chance + 0.15


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
@pytest.mark.parametrize("name", SAVED)
def test_keras_saves_and_loads_it(name: str, compressed: bool, tmp_path: Path) -> None:
    case = load(name, compressed)
    case.model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    x = keras.tree.map_structure(own_case.tensor, case.x)
    for one, other in zip(keras.tree.flatten(case.model(x)), keras.tree.flatten(again(x)), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["gru", "wide_deep"])
def test_a_file_of_keras_goes_out_as_its_model_does(name: str, tmp_path: Path) -> None:
    """Layers are found in the loaded model, whose tables and names are the same."""
    case = load(name, True)
    case.model.save(tmp_path / "model.keras")
    from_file = ondevice.export(tmp_path / "model.keras", tmp_path / "one", sample=case.sample, recipe="int8")
    from_model = export(case, tmp_path / "other", "int8")
    assert from_file.manifest.embeddings == from_model.manifest.embeddings
    assert from_file.manifest.inputs == from_model.manifest.inputs


@pytest.mark.parametrize(
    ("name", "compressed", "recipe"), [(*variant, recipe) for variant in VARIANTS for recipe in RECIPES[variant[1]]]
)
def test_it_goes_out_proven(name: str, compressed: bool, recipe: str, tmp_path: Path) -> None:
    case = load(name, compressed)
    bundle = export(case, tmp_path / "bundle", recipe)
    manifest = bundle.manifest
    assert manifest.recipe == recipe
    assert manifest.head.kind == case.head[0]
    by_layer = {embedding.layer: embedding for embedding in manifest.embeddings}
    # None is missing, and no other one is taken for compressed; plain tables may be listed as full ones.
    assert {layer for layer, each in by_layer.items() if each.method != "full"} == set(case.compressed)
    for layer in case.compressed:
        lookup = by_layer[layer].lookup
        compressed_layer = layer_of(case.model, layer)
        assert (lookup.size, lookup.width) == (compressed_layer.input_dim, compressed_layer.method.output_width)
        assert lookup.calls, layer
        assert len(lookup.sha256) == -(-lookup.size // lookup.ids_per_block), layer
        stored = {table.name for table in compressed_layer.method.stored().tables()}
        assert {table.name for table in by_layer[layer].tables} == stored
    result = ondevice.validate(bundle, case.model, (case.x, case.y), metric=case.metric, max_loss=MAX_LOSS[recipe])
    assert result.valid, [failure for each in result.results for failure in each.failures]
    assert len(result.results) == 2, "both runtimes of the host"
    for each in result.results:
        assert each.quality is not None
        assert each.quality.reference == pytest.approx(case.quality(), rel=1e-3)


def layer_of(model: keras.Model, name: str) -> keras.layers.Layer:
    [layer] = [layer for layer in model._flatten_layers() if layer.name == name]
    return layer


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
def test_one_table_looked_up_from_two_inputs_is_one_embedding(compressed: bool, tmp_path: Path) -> None:
    bundle = export(load("interest", compressed), tmp_path / "bundle", "int8")
    features = {each.layer: set(each.features) for each in bundle.manifest.embeddings}
    assert features["sparse_emb_item"] == {"item_id", "hist_item_id"}
    assert features["sparse_emb_brand"] == {"brand_id", "hist_brand_id"}


def test_two_tables_of_equal_shape_that_are_swapped_are_caught(tmp_path: Path) -> None:
    """The file holds one layer's tables where the model has the other's, though every shape is right."""
    case = twins()
    bundle = export(case, tmp_path / "bundle", "float32")
    assert ondevice.validate(bundle, case.model, (case.x, case.y)).valid
    one, other = (layer_of(case.model, name) for name in case.compressed)
    before = one.table_values(), other.table_values()
    assert [values.shape for values in before[0].values()] == [values.shape for values in before[1].values()]
    one_copy, other_copy = ({name: values.copy() for name, values in each.items()} for each in before)
    one.write_tables(other_copy)
    other.write_tables(one_copy)
    swapped = export(case, tmp_path / "swapped", "float32")
    one.write_tables(one_copy)
    other.write_tables(other_copy)
    result = ondevice.validate(swapped, case.model, (case.x, case.y))
    assert not result.valid
    for each in result.results:
        assert each.failures
    by_layer = [{each.layer: each.lookup.sha256 for each in b.manifest.embeddings} for b in (bundle, swapped)]
    assert by_layer[0][one.name] == by_layer[1][other.name] != by_layer[0][other.name]


def twins() -> Case:
    """Return a model of two layers of equal shape, whose inputs look alike, too."""
    keras.utils.set_random_seed(3)
    inputs = [keras.Input((), name=name, dtype="int32") for name in ("from_city", "to_city")]
    tables = [own_case.table(True, f"{each.name}_embedding", 300, 8, "memcom") for each in inputs]
    vectors = [table(each) for table, each in zip(tables, inputs, strict=True)]
    joined = keras.layers.Concatenate()(vectors)
    model = keras.Model(inputs, keras.layers.Dense(1, name="price")(joined))
    rng = np.random.default_rng(3)
    for table in tables:
        table.write_tables(
            {name: rng.standard_normal(values.shape, np.float32) for name, values in table.table_values().items()}
        )
    x = {each.name: rng.integers(0, 300, 40).astype(np.int32) for each in inputs}
    names = tuple(table.name for table in tables)
    return Case(model, x, np.zeros((40, 1), np.float32), None, 0.0, names)
