"""What a run of neighbours says of its items' scores: extremes, corners of the upper hull of lines, the best items."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ondevice.embeddings.run_layout import RunLayout
from ondevice.ids import RESERVED_IDS, run_starts
from ondevice.topk.hulls import extremes, upper_hulls
from ondevice.topk.runs import best_of_runs

pairs = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=3, max_size=25)


@given(points=pairs, runs=st.integers(1, 3), factor=st.integers(-50, 50))
def test_the_best_score_of_a_run_is_that_of_a_corner(points: list[tuple[int, int]], runs: int, factor: int) -> None:
    slopes, heights = np.array(points).T
    hulls = upper_hulls(slopes, heights, len(points), runs)
    starts = run_starts(len(points), runs)[:-1]
    expected = np.maximum.reduceat(factor * slopes + heights, starts)
    found = (factor * hulls.slopes + hulls.heights).max(axis=0)
    if len(hulls.fuller):
        further = (factor * hulls.further_slopes + hulls.further_heights).max(axis=0)
        found[hulls.fuller] = np.maximum(found[hulls.fuller], further)
    assert found.tolist() == expected.tolist()
    highest, lowest = extremes(slopes, len(points), runs)
    both = np.maximum(factor * highest, factor * lowest)[0]
    assert both.tolist() == np.maximum.reduceat(factor * slopes, starts).tolist()


def test_no_more_corners_are_kept_than_the_fullest_hull_has() -> None:
    slopes = np.array([0, 1, 2, 1, 1, 5, 5, 5])
    heights = np.array([0, 3, 0, 1, 2, 1, 7, 4])
    hulls = upper_hulls(slopes, heights, 8, 2)
    assert hulls.slopes.tolist() == [[0, 1], [1, 5], [2, 5]]
    assert hulls.heights.tolist() == [[0, 2], [3, 7], [0, 7]]
    assert len(hulls.fuller) == 0


def test_lines_that_few_runs_have_are_kept_for_these_alone() -> None:
    slopes = np.tile([0, 1, 2, 3, 4], 60)
    heights = np.tile([0, 0, 0, 0, 0], 60)
    heights[60:65], heights[100:105] = [0, 3, 4, 3, 0], [0, 2, 3, 0, 0]
    hulls = upper_hulls(slopes, heights, 300, 60)
    assert hulls.slopes.shape == (2, 60)
    assert hulls.slopes[:, [12, 13, 20]].tolist() == [[0, 0, 0], [1, 4, 1]]
    assert hulls.fuller.tolist() == [12, 20]
    assert hulls.further_slopes.tolist() == [[2, 2], [3, 4], [4, 4]]
    assert hulls.further_heights.tolist() == [[4, 3], [3, 0], [0, 0]]


@pytest.mark.parametrize("heights", [[0, 0, 0], [3, 2, 1]])
def test_lines_that_are_highest_nowhere_alone_are_left_out(heights: list[int]) -> None:
    hulls = upper_hulls(np.array([1, 2, 3]), np.array(heights), 3, 1)
    assert hulls.slopes.tolist() == [[1], [3]]
    assert hulls.heights.tolist() == [[heights[0]], [heights[2]]]


@pytest.mark.parametrize("runs", [1, 6, 20, 37, 50])
@pytest.mark.parametrize("entries", [0, 1, 4, 9])
def test_best_of_runs_is_brute_force(runs: int, entries: int) -> None:
    """Excluded ids in one run or in many, twice or reserved, the best ones or any; many scores are equal."""
    layout, rng = RunLayout(50, runs), np.random.default_rng(100 * runs + entries)
    run = np.searchsorted(run_starts(50, runs), np.arange(50), side="right") - 1
    for trial in range(12):
        scores = rng.integers(-3, 4, 50).astype(np.float32)
        rows = layout.laid_out(np.concatenate([np.float32([99, 99]), scores]))
        excluded = rng.integers(0, 52 if trial % 2 else 12, entries)
        if entries > 2:
            excluded[: entries // 2] = np.argsort(-scores, kind="stable")[: entries // 2] + RESERVED_IDS
        bests = np.full(runs, -np.inf, np.float32)
        np.maximum.at(bests, run, scores)
        k = int(rng.integers(1, 50 - entries + 1))
        found = best_of_runs(
            tf.constant(bests),
            functools.partial(lambda rows, number: tf.gather(rows, number + 1), rows),
            layout,
            tf.constant(excluded[None], tf.int32),
            k,
        )
        left = [item for item in np.argsort(-scores, kind="stable") if item + RESERVED_IDS not in excluded][:k]
        assert (np.array(found[0])[0] - RESERVED_IDS).tolist() == left
        assert np.array(found[1])[0].tolist() == scores[left].tolist()
