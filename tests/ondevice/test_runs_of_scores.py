"""What a run of neighbours says of its items' scores: extremes, and the corners of the upper hull of lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondevice.ids import run_starts
from ondevice.models.runs import extremes, upper_hulls

pairs = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=3, max_size=25)


@given(points=pairs, runs=st.integers(1, 3), factor=st.integers(-50, 50))
def test_the_best_score_of_a_run_is_that_of_a_corner(points: list[tuple[int, int]], runs: int, factor: int) -> None:
    slopes, heights = np.array(points).T
    corner_slopes, corner_heights = upper_hulls(slopes, heights, len(points), runs)
    starts = run_starts(len(points), runs)[:-1]
    expected = np.maximum.reduceat(factor * slopes + heights, starts)
    assert (factor * corner_slopes + corner_heights).max(axis=0).tolist() == expected.tolist()
    highest, lowest = extremes(slopes, len(points), runs)
    both = np.maximum(factor * highest, factor * lowest)[0]
    assert both.tolist() == np.maximum.reduceat(factor * slopes, starts).tolist()


def test_no_more_corners_are_kept_than_the_fullest_hull_has() -> None:
    slopes = np.array([0, 1, 2, 1, 1, 5, 5, 5])
    heights = np.array([0, 3, 0, 1, 2, 1, 7, 4])
    corner_slopes, corner_heights = upper_hulls(slopes, heights, 8, 2)
    assert corner_slopes.tolist() == [[0, 1], [1, 5], [2, 5]]
    assert corner_heights.tolist() == [[0, 2], [3, 7], [0, 7]]


@pytest.mark.parametrize("heights", [[0, 0, 0], [3, 2, 1]])
def test_lines_that_are_highest_nowhere_alone_are_left_out(heights: list[int]) -> None:
    slopes, kept = upper_hulls(np.array([1, 2, 3]), np.array(heights), 3, 1)
    assert slopes.tolist() == [[1], [3]]
    assert kept.tolist() == [[heights[0]], [heights[2]]]
