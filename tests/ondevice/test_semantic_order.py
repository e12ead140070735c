"""The semantic order: ids that will share a row are similar items, and what is unknown comes last."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondevice.data.factors import item_factors
from ondevice.data.interactions import Interactions, Lists
from ondevice.data.orders.random import Random
from ondevice.data.orders.semantic import Semantic, bisect

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
def arranged_for(run: int) -> np.ndarray:
    return Semantic().arrange(planted()[0], 0, run)


def purity(arranged: np.ndarray, cluster: np.ndarray, run: int) -> float:
    """Return the mean share of the commonest cluster in the aligned runs of seen items."""
    items = arranged[arranged < SEEN]
    runs = [cluster[items[start : start + run]] for start in range(0, len(items), run)]
    return float(np.mean([np.bincount(each).max() / len(each) for each in runs]))


@pytest.mark.parametrize("run", [4, 7, 16])
def test_aligned_runs_hold_one_cluster(run: int) -> None:
    data, cluster = planted()
    semantic = purity(arranged_for(run), cluster, run)
    shuffled = purity(Random().arrange(data, 0, run), cluster, run)
    # Measured for runs of 4, 7 and 16: 0.93, 0.86 and 0.86 against 0.33, 0.25 and 0.16 in random order.
    assert semantic > 0.75
    assert semantic > shuffled + 0.5


def test_items_unseen_in_training_come_last_in_the_order_given() -> None:
    for run in (4, 7, 16):
        assert arranged_for(run)[-UNSEEN:].tolist() == list(range(SEEN, SEEN + UNSEEN))


def test_item_factors_have_unit_length() -> None:
    data, _ = planted()
    factors = item_factors(data.train.matrix(data.items)[:, :SEEN], 0)
    assert factors.shape[0] == SEEN
    np.testing.assert_allclose(np.linalg.norm(factors, axis=1), 1, atol=1e-5)


def test_items_of_the_same_users_have_the_same_factors() -> None:
    lists = Lists.of([[0, 1, 4]] * 6 + [[2, 3, 4]] * 6)
    likeness = item_factors(lists.matrix(5), 0) @ item_factors(lists.matrix(5), 0).T
    np.testing.assert_allclose(likeness[[0, 2], [1, 3]], 1, atol=1e-3)
    assert likeness[0, 2] < likeness[0, 4] < 0.99


@settings(max_examples=60, deadline=None)
@given(points=st.integers(0, 60), run=st.integers(1, 70), seed=st.integers(0, 5))
def test_bisect_keeps_every_point_once(points: int, run: int, seed: int) -> None:
    factors = np.random.default_rng(seed).standard_normal((points, 4)).astype(np.float32)
    assert sorted(bisect(factors, run).tolist()) == list(range(points))


def test_bisect_cuts_no_run_apart() -> None:
    # Ten tight groups of five far from each other: every aligned run of five is one group.
    rng = np.random.default_rng(0)
    centres = 100 * np.eye(10, dtype=np.float32)
    group = rng.permutation(np.repeat(np.arange(10), 5))
    factors = centres[group] + rng.standard_normal((50, 10)).astype(np.float32)
    runs = group[bisect(factors, 5)].reshape(10, 5)
    assert (runs == runs[:, :1]).all()


def test_bisect_of_a_line_is_the_line() -> None:
    places = np.random.default_rng(1).permutation(32)
    ordered = places[bisect(places[:, None].astype(np.float32), 1)].tolist()
    # Each half may be told from left to right or from right to left, but the halves of every level stay together.
    for size in (16, 8, 4, 2):
        for start in range(0, 32, size):
            part = sorted(ordered[start : start + size])
            assert part == list(range(part[0], part[0] + size))
