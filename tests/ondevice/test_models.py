"""The parts of the ranking network: pooling, the best items, and what the network as a whole promises."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from ondevice.embeddings.method import registry
from ondevice.errors import OnDeviceError
from ondevice.models.network import WEIGHTS, load_network, pooled_network
from ondevice.models.pooling import MaskedMeanPooling
from ondevice.topk.best import best_items, best_items_by_block, in_order, places_of_best
from tests.samples import METHODS


def test_pooling_by_hand() -> None:
    vectors = np.array([[[1, 2], [3, 4], [50, 60]], [[9, 9], [9, 9], [9, 9]]], np.float32)
    mask = np.array([[True, True, False], [False, False, False]])
    pooled = MaskedMeanPooling()(tf.constant(vectors), mask=tf.constant(mask))
    np.testing.assert_array_equal(pooled, [[2, 3], [0, 0]])


def test_pooling_without_mask_is_the_mean() -> None:
    vectors = np.random.default_rng(0).standard_normal((2, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(MaskedMeanPooling()(vectors), vectors.mean(axis=1), rtol=1e-6)


def test_pooling_layer_round_trip() -> None:
    layer = MaskedMeanPooling(name="pooling")
    assert MaskedMeanPooling.from_config(layer.get_config()).get_config() == layer.get_config()
    assert layer.compute_output_shape((None, 7, 3)) == (None, 3)


@pytest.mark.parametrize("batch", [1, 3])
def test_best_items_against_a_full_sort(batch: int) -> None:
    rng = np.random.default_rng(batch)
    scores = rng.permutation(batch * 40).reshape(batch, 40).astype(np.float32)
    excluded = rng.integers(0, 40, (batch, 6)).astype(np.int32)
    excluded[:, 1] = excluded[:, 0]
    items, values = best_items(tf.constant(scores), tf.constant(excluded), 10)
    for row in range(batch):
        left = [item for item in np.argsort(-scores[row]) if item > 1 and item not in excluded[row]]
        assert items[row].numpy().tolist() == left[:10]
        np.testing.assert_array_equal(values[row], scores[row][left[:10]])


def test_best_items_without_exclusion_still_leaves_out_reserved_ids() -> None:
    scores = np.array([[9, 8, 1, 3, 2]], np.float32)
    items, _ = best_items(tf.constant(scores), tf.zeros([1, 0], tf.int32), 3)
    assert items.numpy().tolist() == [[3, 4, 2]]


@pytest.mark.parametrize(("size", "block"), [(40, 5), (41, 5), (44, 7), (40, 40), (40, 1), (40, 23)])
@pytest.mark.parametrize("entries", [0, 1, 7])
def test_best_items_by_block_equal_those_of_all_scores(size: int, block: int, entries: int) -> None:
    rng = np.random.default_rng(size * block + entries)
    for _ in range(30):
        # Few different scores, so that ties have to be decided.
        scores = rng.integers(0, rng.integers(1, 12), (1, size)).astype(np.float32)
        best = np.argsort(-scores[0], kind="stable")
        excluded = np.concatenate([best[: entries // 2], rng.integers(0, size, entries)])[None, :entries]
        k = int(rng.integers(1, size - 2 - entries + 1))
        found = best_items_by_block(tf.constant(scores), tf.constant(excluded, tf.int32), k, block)
        for one, other in zip(found, best_items(tf.constant(scores), tf.constant(excluded, tf.int32), k), strict=True):
            np.testing.assert_array_equal(one, other)


def test_padding_changes_nothing() -> None:
    keras.utils.set_random_seed(0)
    model = pooled_network(registry.load("memcom")(30, 8, 4), (8,), 0.5)
    short = model(np.array([[5, 9, 1]], np.int32))
    long = model(np.array([[0, 5, 0, 9, 1, 0, 0]], np.int32))
    np.testing.assert_allclose(short, long, rtol=1e-5, atol=1e-7)
    assert short.shape == (1, 30)


@pytest.mark.parametrize("size", [1, 7, 100, 101, 999, 1_000, 2_003])
@pytest.mark.parametrize("count", [1, 3, 10])
def test_places_of_best_are_those_of_a_stable_sort(size: int, count: int) -> None:
    rng = np.random.default_rng(size)
    count = min(count, size)
    for levels in (1, 3, 1_000):
        values = rng.integers(0, levels, size).astype(np.float32)
        expected = np.argsort(-values, kind="stable")[:count]
        assert sorted(np.array(places_of_best(tf.constant(values), count)).tolist()) == sorted(expected.tolist())
        assert np.array(in_order(tf.constant(values), count)).tolist() == sorted(expected.tolist())


def test_an_empty_history_has_finite_scores() -> None:
    model = pooled_network(registry.load("full")(12, 4), (4,), 0.0)
    assert np.isfinite(model(np.zeros((1, 3), np.int32))).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda group: group.__delitem__("0"),
            "holds no such table; expected is 'shared' of layer 'embedding', [7, 8]",
        ),
        (lambda group: group.__delitem__("1"), "holds no such table; expected is 'multiplier' of"),
        (
            lambda group: (group.__delitem__("0"), group.create_dataset("0", data=np.zeros((6, 8), np.float32))),
            "holds one of [6, 8]; expected is 'shared' of layer 'embedding', [7, 8]",
        ),
    ],
)
def test_a_file_with_other_tables_is_refused(change, words: str, tmp_path: Path) -> None:
    """What is left of a table that is not filled as a whole would be whatever was in memory."""
    path, weights = tmp_path / "model.keras", tmp_path / WEIGHTS
    pooled_network(METHODS["memcom mod"], (), 0.0).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights.write_bytes(members[WEIGHTS])
    with h5py.File(weights, "a") as stored:
        change(stored["layers/compressed_embedding/vars"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, weights.read_bytes() if name == WEIGHTS else content)
    with pytest.raises(OnDeviceError, match=re.escape(words)):
        load_network(path)
