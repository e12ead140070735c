"""Orders from contexts of any kind, and the factors behind them: against a plain decomposition, and out of core."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from ondevice.data import bisection, factors
from ondevice.data.bisection import bisect
from ondevice.data.context_order import factor_order
from ondevice.data.factors import id_factors
from ondevice.data.lists import Lists
from ondevice.ids import run_starts

TOPICS, IDS, RUN = 12, 360, 10


def context_order(contexts: Lists, ids: int, starts: np.ndarray, seed: int) -> np.ndarray:
    """Order ids by the contexts they occur in."""
    return factor_order(id_factors(contexts, ids, seed), contexts.counts(ids), starts)


def dealt(rng: np.random.Generator) -> np.ndarray:
    """Give each id a topic; the number of an id says nothing about it."""
    return rng.permutation(np.arange(IDS) % TOPICS)


def users_with_items(rng: np.random.Generator, topic: np.ndarray) -> Lists:
    """Sets of 9 items of a user's topic and 3 of any."""
    lists = []
    for user in range(600):
        own = rng.choice(np.flatnonzero(topic == user % TOPICS), 9, replace=False)
        lists.append(np.unique(np.concatenate([own, rng.integers(0, IDS, 3)])))
    return Lists.of(lists)


def lines_of_a_log(rng: np.random.Generator, topic: np.ndarray) -> Lists:
    """Four fields with ids of their own, so that two ids of a field never stand in one line."""
    field = np.arange(IDS) % 4
    lines = []
    for line in range(4_000):
        kinds = np.where(rng.random(4) < 0.85, line % TOPICS, rng.integers(0, TOPICS, 4))
        groups = [np.flatnonzero((field == number) & (topic == kind)) for number, kind in enumerate(kinds)]
        lines.append([rng.choice(group) for group in groups if len(group)])
    return Lists.of(lines)


def documents_of_words(rng: np.random.Generator, topic: np.ndarray) -> Lists:
    """Sixty words with repeats, half of them by how common a word is whatever the topic, as in Zipf's law."""
    common = 1 / np.arange(1, IDS + 1)
    documents = []
    for number in range(500):
        own = common * (topic == number % TOPICS)
        documents.append([*rng.choice(IDS, 30, p=own / own.sum()), *rng.choice(IDS, 30, p=common / common.sum())])
    return Lists.of(documents)


def pairs_of_one_topic(order: np.ndarray, topic: np.ndarray) -> float:
    """Return the share of the pairs of a run that are of one topic."""
    runs = topic[order].reshape(-1, RUN)
    same = (runs[:, :, None] == runs[:, None, :]).sum() - runs.size
    return same / (runs.size * (RUN - 1))


@pytest.mark.parametrize("make", [users_with_items, lines_of_a_log, documents_of_words])
def test_runs_are_of_one_topic_whatever_the_contexts_are(make) -> None:
    rng = np.random.default_rng(3)
    topic = dealt(rng)
    order = context_order(make(rng, topic), IDS, run_starts(IDS, IDS // RUN), 0)
    assert sorted(order.tolist()) == list(range(IDS))
    # A random order has 8 %.
    assert pairs_of_one_topic(order, topic) > 0.5


def exact(contexts: Lists, ids: int) -> np.ndarray:
    """Return the same factors by a full decomposition in double precision."""
    matrix = np.zeros((len(contexts), ids))
    for row, context in zip(matrix, contexts, strict=True):
        np.add.at(row, context, 1)
    matrix /= np.sqrt(np.maximum(matrix.sum(axis=1, keepdims=True), 1)) * np.sqrt(np.maximum(matrix.sum(axis=0), 1))
    _, strengths, directions = np.linalg.svd(matrix, full_matrices=False)
    vectors = (directions * strengths[:, None] ** factors.POWER).T
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)


def small(seed: int) -> Lists:
    """Contexts of uneven length, some empty, some repeating an id; ids 50 to 54 never occur."""
    rng = np.random.default_rng(seed)
    return Lists.of([rng.integers(0, 50, rng.integers(0, 9)) for _ in range(90)])


def test_factors_are_those_of_the_full_decomposition() -> None:
    contexts = small(0)
    found, expected = id_factors(contexts, 55, 0), exact(contexts, 55)
    assert found.dtype == np.float32
    # Factors are defined up to a rotation; what counts is how alike ids are.
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=2e-3)
    assert not found[50:].any()


def test_few_columns_are_the_strongest(monkeypatch: pytest.MonkeyPatch) -> None:
    # Ten groups that never meet: ten equally strong directions, which ten columns hold whole.
    contexts = Lists.of([[10 * group + item for item in range(10)] for group in range(10)] * 3)
    monkeypatch.setattr(factors, "FEWEST", 10)
    monkeypatch.setattr(factors, "LARGEST", 100)
    found = id_factors(contexts, 100, 0)
    assert found.shape == (100, 10)
    np.testing.assert_allclose(found @ found.T, np.kron(np.eye(10), np.ones((10, 10))), atol=1e-3)


def test_width_falls_with_the_number_of_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    contexts = Lists.of(np.random.default_rng(0).integers(0, 400, (400, 5)))
    assert id_factors(contexts, 400, 0).shape == (400, factors.FACTORS)
    monkeypatch.setattr(factors, "LARGEST", 400 * 100)
    assert id_factors(contexts, 400, 0).shape == (400, 100)
    monkeypatch.setattr(factors, "LARGEST", 400)
    assert id_factors(contexts, 400, 0).shape == (400, factors.FEWEST)


def test_blocks_change_nothing_but_the_rounding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    contexts = small(1)
    whole = id_factors(contexts, 55, 0)
    starts = run_starts(55, 9)
    halved = bisect(whole, starts)
    contexts.values.tofile(tmp_path / "values")
    mapped = Lists(contexts.offsets, np.memmap(tmp_path / "values", np.int32, "r"))
    for module, name, value in ((factors, "ENTRIES", 7), (factors, "ROWS", 8), (factors, "COLUMNS", 3)):
        monkeypatch.setattr(module, name, value)
    blocks = id_factors(mapped, 55, 0)
    np.testing.assert_allclose(blocks @ blocks.T, whole @ whole.T, atol=1e-3)
    monkeypatch.setattr(bisection, "ROWS", 4)
    np.testing.assert_array_equal(bisect(whole, starts), halved)


def test_one_long_context_is_a_block_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factors, "ENTRIES", 4)
    contexts = Lists.of([[], [0, 1], [], list(range(20)), [3], [], [4, 5]])
    blocks = list(factors._blocks(contexts))
    assert len(blocks) > 2
    rejoined = [values[a:b].tolist() for offsets, values in blocks for a, b in itertools.pairwise(offsets)]
    assert [each for each in rejoined if each] == [each.tolist() for each in contexts if len(each)]


def test_number_of_threads_changes_nothing() -> None:
    contexts = users_with_items(np.random.default_rng(0), dealt(np.random.default_rng(0)))
    starts = run_starts(IDS, 40)
    with threadpool_limits(1, "blas"):
        one = context_order(contexts, IDS, starts, 5)
    with threadpool_limits(2, "blas"):
        two = context_order(contexts, IDS, starts, 5)
    np.testing.assert_array_equal(one, two)


def test_some_points_are_ordered_as_if_they_were_all() -> None:
    rng = np.random.default_rng(4)
    vectors = rng.standard_normal((60, 5)).astype(np.float32)
    some = np.sort(rng.choice(60, 33, replace=False))
    starts = run_starts(33, 6)
    np.testing.assert_array_equal(bisect(vectors, starts, some), some[bisect(vectors[some], starts)])
