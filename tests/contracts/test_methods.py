"""What every embedding method must satisfy, over the registry."""

from __future__ import annotations

import dataclasses
import json
import math

import keras
import numpy as np
import pytest

from ondevice.embeddings.every_id import reference_lookup, rows_used
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import Method, method_config, method_from_config, registry
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS, UNKNOWN_ID
from ondevice.models.network import load_network
from tests.samples import METHODS, sample_tables

NAMES = sorted(METHODS)


def test_every_member_has_samples() -> None:
    assert {type(method).__module__.rpartition(".")[2] for method in METHODS.values()} == set(registry.names())


def built(method: Method, seed: int = 0) -> CompressedEmbedding:
    keras.utils.set_random_seed(seed)
    layer = CompressedEmbedding.of(method)
    layer.build((None, None))
    for name, values in sample_tables(method, seed).items():
        layer.tables[name].assign(values)
    return layer


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_keras_equals_reference_for_every_id(name: str, dtype: str) -> None:
    method = METHODS[name]
    layer = built(method)
    ids = np.arange(method.vocabulary_size, dtype=np.int32)
    expected = reference_lookup(method, layer.table_values(), ids)
    assert expected.shape == (method.vocabulary_size, method.output_width)
    assert layer.compute_output_shape((None, 7)) == (None, 7, method.output_width)
    assert expected.dtype == np.float32
    for shaped in (ids, ids[None, :], ids[:12].reshape(2, 3, 2)):
        found = np.asarray(layer(keras.ops.convert_to_tensor(shaped.astype(dtype))))
        np.testing.assert_array_equal(found, expected[shaped])


@pytest.mark.parametrize("name", NAMES)
def test_config_round_trip(name: str) -> None:
    method = METHODS[name]
    config = json.loads(json.dumps(method_config(method)))
    assert method_from_config(config) == method
    layer = built(method)
    again = CompressedEmbedding.from_config(json.loads(json.dumps(layer.get_config())))
    assert again.method == method
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("name", NAMES)
def test_keras_file_round_trip(name: str, tmp_path) -> None:
    method = METHODS[name]
    ids = keras.Input((None,), dtype="int32")
    layer = CompressedEmbedding.of(method, name="embedding")
    model = keras.Model(ids, layer(ids))
    for table, values in sample_tables(method, 3).items():
        layer.tables[table].assign(values)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    in_parts = load_network(tmp_path / "model.keras")
    every = np.arange(method.vocabulary_size, dtype=np.int32)[None, :]
    np.testing.assert_array_equal(again(every), model(every))
    for name, values in in_parts.get_layer("embedding").table_values().items():
        np.testing.assert_array_equal(values, layer.table_values()[name])


@pytest.mark.parametrize("name", NAMES)
def test_every_table_learns(name: str) -> None:
    import tensorflow as tf

    layer = built(METHODS[name])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(layer(np.arange(METHODS[name].vocabulary_size, dtype=np.int32))))
    assert {v.path for v in layer.non_trainable_variables} == {
        layer.tables[table.name].path for table in METHODS[name].tables() if not table.trainable
    }
    gradients = tape.gradient(loss, [variable.value for variable in layer.trainable_variables])
    for gradient in gradients:
        assert np.any(tf.convert_to_tensor(gradient).numpy() != 0)


@pytest.mark.parametrize("name", NAMES)
def test_stored_parameters_are_what_is_stored(name: str) -> None:
    method = METHODS[name]
    layer = built(method.stored())
    stored = sum(np.asarray(variable).nbytes for variable in layer.tables.values())
    assert method.stored_bytes == stored
    # A code of a byte counts as a quarter of a number.
    assert method.stored_parameters == math.ceil(stored / 4)
    assert method.ratio == pytest.approx(method.vocabulary_size * method.width * 4 / stored)


@pytest.mark.parametrize("name", NAMES)
def test_stored_tables_look_every_id_up_as_the_trained_ones_do(name: str) -> None:
    method = METHODS[name]
    values = sample_tables(method, 4)
    every = np.arange(method.vocabulary_size, dtype=np.int32)
    stored = method.stored()
    folded = method.fold(values)
    assert {table.name: (table.rows, table.width) for table in stored.tables()} == {
        name: value.shape for name, value in folded.items()
    }
    np.testing.assert_array_equal(reference_lookup(stored, folded, every), reference_lookup(method, values, every))
    assert stored.stored() == stored


@pytest.mark.parametrize("name", NAMES)
def test_training_differs_from_the_reference_by_rounding_only(name: str) -> None:
    layer = built(METHODS[name])
    every = np.arange(METHODS[name].vocabulary_size, dtype=np.int32)
    np.testing.assert_allclose(layer(every, training=True), layer(every, training=False), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_reserved_ids_share_no_row_with_items(name: str) -> None:
    method = METHODS[name]
    values, reserved = sample_tables(method, 2), np.arange(RESERVED_IDS, dtype=np.int32)
    before = reference_lookup(method, values, reserved)
    for table in method.tables():
        rows = rows_used(method, table.name)
        assert rows.min() >= 0
        assert rows.max() < table.rows
        assert len(np.unique(rows)) == table.rows, "every stored row is used"
        # What is read as a whole is everyone's.
        if not table.whole:
            # A look-up may ask for a row and multiply it by zero.
            values[table.name][np.intersect1d(rows[:RESERVED_IDS], rows[RESERVED_IDS : method.unknown_from])] += 1
    np.testing.assert_array_equal(reference_lookup(method, values, reserved), before)


@pytest.mark.parametrize("name", NAMES)
def test_rare_items_are_looked_up_as_unknown_where_the_method_says_so(name: str) -> None:
    method = METHODS[name]
    assert RESERVED_IDS < method.unknown_from <= method.vocabulary_size
    every = np.arange(method.vocabulary_size, dtype=np.int32)
    vectors = reference_lookup(method, sample_tables(method, 1), every)
    as_unknown = (vectors == vectors[UNKNOWN_ID]).all(axis=1) & (every >= RESERVED_IDS)
    np.testing.assert_array_equal(as_unknown, every >= method.unknown_from)


@pytest.mark.parametrize("name", NAMES)
def test_training_starts_at_the_scale_of_an_ordinary_embedding(name: str) -> None:
    """Otherwise a method would be trained with a handicap that is not its own."""
    method = dataclasses.replace(METHODS[name], width=48)
    layer = CompressedEmbedding.of(method)
    keras.utils.set_random_seed(0)
    layer.build((None, None))
    items = np.arange(RESERVED_IDS, method.unknown_from, dtype=np.int32)
    spread = np.std(reference_lookup(method, layer.table_values(), items))
    ordinary = 0.05 / math.sqrt(3)
    assert 0.75 * ordinary < spread < 1.35 * ordinary


@pytest.mark.parametrize("name", NAMES)
def test_mask_comes_from_the_ids(name: str) -> None:
    layer = built(METHODS[name])
    np.testing.assert_array_equal(layer.compute_mask(np.array([[0, 1, 2, 0]])), [[False, True, True, False]])


@pytest.mark.parametrize("name", sorted(registry.names()))
@pytest.mark.parametrize("items", [500, 999, 4_096, 300_003])
@pytest.mark.parametrize("ratio", [2.0, 7.5, 16.0, 1e7])
def test_for_ratio_keeps_the_budget_or_names_the_nearest(name: str, items: int, ratio: float) -> None:
    ratio = 1.0 if name == "full" else ratio
    try:
        method = registry.load(name).for_ratio(items + RESERVED_IDS, 32, ratio)
    except UsageError as error:
        reachable = float(str(error).rpartition(" ")[2].rstrip("."))
        assert reachable < ratio
        assert registry.load(name).for_ratio(items + RESERVED_IDS, 32, reachable).ratio >= reachable
    else:
        assert method.ratio >= ratio


@pytest.mark.parametrize("name", sorted(registry.names()))
def test_docstring_has_formula_and_source(name: str) -> None:
    member = registry.load(name)
    assert "`" in (member.__doc__ or ""), "the formula stands in backquotes"
    assert "stores" in (member.__doc__ or ""), "the docstring says what is stored"


def test_members_found_are_pinned() -> None:
    assert registry.names() == [
        "compositional",
        "double_hashing",
        "factorized",
        "full",
        "hash_embedding",
        "hashing",
        "memcom",
        "mixed_dimension",
        "one_hot_hashing",
        "path_based",
        "product_codes",
        "quotient_remainder",
        "reduced_width",
        "robe",
        "tensor_train",
        "truncate_rare",
    ]
