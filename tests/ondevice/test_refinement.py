"""Refining an order: a permutation whose runs keep their lengths and become more alike."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondevice.data import refinement
from ondevice.data.refinement import refine
from ondevice.ids import run_starts


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def planted(clusters: int, each: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make clusters of points around random directions; return the points and their clusters, shuffled."""
    rng = np.random.default_rng(seed)
    cluster = rng.permutation(np.repeat(np.arange(clusters), each))
    centres = rng.standard_normal((clusters, 24))
    return unit(centres[cluster] + noise * rng.standard_normal((len(cluster), 24))), cluster


def likeness(factors: np.ndarray, order: np.ndarray, starts: np.ndarray) -> float:
    """Return the mean cosine of a point with the centre of its run."""
    runs = [factors[order[begin:end]] for begin, end in itertools.pairwise(starts)]
    return float(np.mean(np.concatenate([run @ unit(run.sum(axis=0)[None])[0] for run in runs])))


@pytest.mark.parametrize("choices", [2, 20])
def test_planted_clusters_are_found_again(monkeypatch, choices: int) -> None:
    monkeypatch.setattr(refinement, "CHOICES", choices)
    factors, cluster = planted(12, 15, 0.1, 1)
    starts = run_starts(len(factors), 12)
    # Half of each run is right to start with: what halving leaves, only worse.
    order = np.argsort(cluster, kind="stable")
    moved = np.flatnonzero(np.arange(len(order)) % 2)
    order[moved] = np.roll(order[moved], 8)
    refined = refine(factors, np.ones(len(factors), np.float32), order, starts)
    for begin, end in itertools.pairwise(starts):
        assert len(set(cluster[refined[begin:end]])) == 1


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 5))
def test_every_id_keeps_a_place_and_runs_become_no_less_alike(ids: int, runs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    factors, starts = unit(rng.standard_normal((ids, 5))), run_starts(ids, min(runs, ids))
    order = rng.permutation(ids)
    refined = refine(factors, np.ones(ids, np.float32), order, starts)
    assert refined.dtype == np.int64
    assert sorted(refined.tolist()) == list(range(ids))
    assert likeness(factors, refined, starts) >= likeness(factors, order, starts) - 1e-6


def test_many_runs_are_compared_with_near_ones_only(monkeypatch) -> None:
    factors, cluster = planted(40, 10, 0.1, 2)
    starts = run_starts(len(factors), 40)
    order = np.argsort(cluster, kind="stable")
    # A few neighbouring clusters are mixed: near runs are enough to mend that.
    for begin in range(0, len(order), 50):
        order[begin : begin + 50] = np.random.default_rng(begin).permutation(order[begin : begin + 50])
    monkeypatch.setattr(refinement, "PRODUCTS", 1.0)
    monkeypatch.setattr(refinement, "FEWEST", 12)
    monkeypatch.setattr(refinement, "IDS", 32)
    refined = refine(factors, np.ones(len(factors), np.float32), order, starts)
    assert likeness(factors, refined, starts) > 0.5 * (1 + likeness(factors, order, starts))
    assert sorted(refined.tolist()) == list(range(len(factors)))


def test_an_id_that_counts_more_has_its_way() -> None:
    """Three ids alike and two places in the run they want: the two that count most get them."""
    factors = unit(np.array([[1, 0.1], [1, 0.0], [1, 0.05], [0, 1.0]]))
    weights = np.array([1, 9, 9, 9], np.float32)
    refined = refine(factors, weights, np.array([0, 1, 2, 3]), run_starts(4, 2))
    assert {frozenset(refined[:2].tolist()), frozenset(refined[2:].tolist())} == {frozenset({1, 2}), frozenset({0, 3})}


def test_equal_inputs_give_equal_orders() -> None:
    factors, _ = planted(12, 15, 0.5, 3)
    weights, order = np.ones(len(factors), np.float32), np.arange(len(factors))
    one, other = (refine(factors, weights, order, run_starts(len(factors), 17)) for _ in range(2))
    np.testing.assert_array_equal(one, other)
