"""The semantic order: ids that will share a row are similar items, and every row has items that training saw."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondevice.data.bisection import bisect
from ondevice.data.factors import id_factors
from ondevice.data.interactions import Interactions
from ondevice.data.labelled import LabelledSplit
from ondevice.data.lists import Lists
from ondevice.data.orders.random import Random
from ondevice.data.orders.semantic import Semantic
from ondevice.data.texts import LabelledTexts
from ondevice.ids import run_starts
from ondevice.tokenizer import Tokenizer

CLUSTERS, PER_CLUSTER, UNSEEN = 16, 16, 25
SEEN = CLUSTERS * PER_CLUSTER


def planted() -> tuple[Interactions, np.ndarray]:
    """Make users who take 8 items of one cluster and 2 of any; return the data and the cluster of each seen item."""
    rng = np.random.default_rng(5)
    # Shuffled, so that the number of an item says nothing about its cluster.
    cluster = rng.permutation(np.repeat(np.arange(CLUSTERS), PER_CLUSTER))
    lists = []
    for user in range(240):
        own = np.flatnonzero(cluster == user % CLUSTERS)
        lists.append(np.unique(np.concatenate([rng.choice(own, 8, replace=False), rng.choice(SEEN, 2)])))
    nothing = Lists.of([[] for _ in lists])
    keys = tuple(str(number) for number in range(SEEN + UNSEEN))
    return Interactions("planted", keys, Lists.of(lists), nothing, nothing, ordered=False), cluster


@functools.cache
def arranged_for(runs: int) -> np.ndarray:
    return Semantic().arrange(planted()[0], 0, runs)


def purity(arranged: np.ndarray, cluster: np.ndarray, runs: int) -> float:
    """Return the mean share of the commonest cluster among the seen items of a run."""
    parts = np.split(arranged, run_starts(len(arranged), runs)[1:-1])
    clusters = [cluster[part[part < SEEN]] for part in parts]
    return float(np.mean([np.bincount(each).max() / len(each) for each in clusters if len(each)]))


@pytest.mark.parametrize("runs", [71, 63, 40, 24, 18])
def test_runs_hold_one_cluster(runs: int) -> None:
    """281 items in runs of 3 or 4, 4 or 5, 7 or 8, 11 or 12, and 15 or 16."""
    data, cluster = planted()
    semantic = purity(arranged_for(runs), cluster, runs)
    shuffled = purity(Random().arrange(data, 0, runs), cluster, runs)
    # Measured: 0.95, 0.95, 0.90, 0.81 and 0.91 against 0.34, 0.31, 0.28, 0.21 and 0.19 in random order.
    assert semantic > 0.75
    assert semantic > shuffled + 0.5


@pytest.mark.parametrize("runs", [71, 40, 18, 5, 1])
def test_every_run_has_its_share_of_the_items_unseen_in_training(runs: int) -> None:
    parts = np.split(arranged_for(runs), run_starts(SEEN + UNSEEN, runs)[1:-1])
    for part in parts:
        unseen = part[part >= SEEN]
        assert abs(len(unseen) - len(part) * UNSEEN / (SEEN + UNSEEN)) <= 1
        assert len(unseen) < len(part), "no row is left untrained"
    # Among themselves they keep the order given.
    arranged = arranged_for(runs)
    assert arranged[arranged >= SEEN].tolist() == list(range(SEEN, SEEN + UNSEEN))


def test_more_runs_than_seen_items_leave_some_runs_to_the_unseen() -> None:
    nothing = Lists.of([[], []])
    data = Interactions("x", tuple("abcdefgh"), Lists.of([[6, 1], [6, 1, 3]]), nothing, nothing, ordered=False)
    arranged = Semantic().arrange(data, 0, 8)
    assert sorted(arranged.tolist()) == list(range(8))
    assert sorted(arranged[np.isin(arranged, [1, 3, 6])].tolist()) == [1, 3, 6]


def test_item_factors_have_unit_length() -> None:
    data, _ = planted()
    factors = id_factors(data.train, data.items, 0)[:SEEN]
    assert factors.shape[0] == SEEN
    np.testing.assert_allclose(np.linalg.norm(factors, axis=1), 1, atol=1e-5)


def test_items_of_the_same_users_have_the_same_factors() -> None:
    lists = Lists.of([[0, 1, 4]] * 6 + [[2, 3, 4]] * 6)
    likeness = id_factors(lists, 5, 0) @ id_factors(lists, 5, 0).T
    np.testing.assert_allclose(likeness[[0, 2], [1, 3]], 1, atol=1e-3)
    assert likeness[0, 2] < likeness[0, 4] < 0.99


@settings(max_examples=60, deadline=None)
@given(points=st.integers(0, 60), beyond=st.integers(0, 20), runs=st.integers(1, 80), seed=st.integers(0, 5))
def test_bisect_keeps_every_point_once(points: int, beyond: int, runs: int, seed: int) -> None:
    factors = np.random.default_rng(seed).standard_normal((points, 4)).astype(np.float32)
    items = points + beyond + 1
    assert sorted(bisect(factors, run_starts(items, min(runs, items))).tolist()) == list(range(points))


def test_bisect_cuts_no_run_apart() -> None:
    # Ten tight groups of five far from each other: every aligned run of five is one group.
    rng = np.random.default_rng(0)
    centres = 100 * np.eye(10, dtype=np.float32)
    group = rng.permutation(np.repeat(np.arange(10), 5))
    factors = centres[group] + rng.standard_normal((50, 10)).astype(np.float32)
    runs = group[bisect(factors, run_starts(50, 10))].reshape(10, 5)
    assert (runs == runs[:, :1]).all()


def test_bisect_cuts_at_uneven_runs_nearest_the_half() -> None:
    """Eleven points in three runs of four, four and three: on a line, each cut is at 4 or 8 and nowhere else."""
    places = np.random.default_rng(2).permutation(11)
    ordered = places[bisect(places[:, None].astype(np.float32), run_starts(11, 3))].tolist()
    # 4 is nearer to 5.5 than 8 is; either side of a cut may come first.
    assert set(ordered[:4]) in ({0, 1, 2, 3}, {7, 8, 9, 10})
    assert sorted(ordered[:8]) in ([0, 1, 2, 3, 4, 5, 6, 7], [3, 4, 5, 6, 7, 8, 9, 10], [0, 1, 2, 3, 7, 8, 9, 10])


def test_bisect_of_a_line_is_the_line() -> None:
    places = np.random.default_rng(1).permutation(32)
    ordered = places[bisect(places[:, None].astype(np.float32), np.arange(33))].tolist()
    # Each half may be told from left to right or from right to left, but the halves of every level stay together.
    for size in (16, 8, 4, 2):
        for start in range(0, 32, size):
            part = sorted(ordered[start : start + size])
            assert part == list(range(part[0], part[0] + size))


def test_words_that_lean_to_one_label_are_neighbours_though_all_occur_together() -> None:
    rng = np.random.default_rng(0)
    leaning = rng.permutation(np.repeat([0, 1], 20))
    # Every text has words of both kinds, three times as many of its own label's.
    labels = rng.integers(2, size=400).astype(np.int32)
    chances = [np.where(leaning == label, 3.0, 1.0) / 80 for label in range(2)]
    words = Lists.of([rng.choice(40, 12, p=chances[label]) for label in labels])
    split = LabelledSplit(words, labels)
    keys = tuple(f"word{number}" for number in range(40))
    data = LabelledTexts("lean", keys, split, split, split, labels=("bad", "good"), tokenizer=Tokenizer())
    assert ((data.leanings[:, 1] > 0) == (leaning == 1)).all()
    np.testing.assert_allclose(data.leanings.sum(axis=1), 0, atol=1e-6)
    arranged = Semantic().arrange(data, 0, 4)
    runs = leaning[arranged].reshape(4, 10)
    assert sorted(runs.mean(axis=1)) == [0, 0, 1, 1]
