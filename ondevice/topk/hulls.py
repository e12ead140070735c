"""What bounds the scores of a run of neighbours: extremes of their multipliers, corners of the upper hull of lines."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.ids import run_starts

FULLER_COST = 40
"""What a run with further lines takes on a device, over what one of the lines that all runs have takes.

An estimate: its product is gathered, its best score gathered and scattered, each number by itself.
"""


def extremes(values: npt.NDArray[Any], items: int, runs: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the highest and the lowest value of every run, `[1, runs]` each.

    A product of floats that is rounded never falls where the exact one rises, so the largest of a run's products with
    one number is one of the products with these two, to the last bit.

    Args:
        values: one per id that is an item, `[items]`.
        items: number of ids that are items.
        runs: number of runs.
    """
    starts = run_starts(items, runs)[:-1]
    return np.maximum.reduceat(values, starts)[None, :], np.minimum.reduceat(values, starts)[None, :]


@dataclass(frozen=True, eq=False)
class Hulls:
    """The lines `b * slope + height` of every run that are highest for some `b`.

    Args:
        slopes: `[lines, runs]`; where a run has fewer, its last line repeats.
        heights: of the same lines.
        fuller: the runs that have more lines than these, rising, int32 `[fuller]`.
        further_slopes: of their further lines, `[further, fuller]`; where a run has fewer, its last line repeats.
        further_heights: of the same lines.
    """

    slopes: npt.NDArray[Any]
    heights: npt.NDArray[Any]
    fuller: npt.NDArray[np.int32]
    further_slopes: npt.NDArray[Any]
    further_heights: npt.NDArray[Any]


def upper_hulls(slopes: npt.NDArray[Any], heights: npt.NDArray[Any], items: int, runs: int) -> Hulls:
    """Return the corners of every run's upper hull of (slope, height) points.

    Whatever `b` is, the largest `b * slope + height` of a run is that of one of these lines. Rounded to float32 another
    line may be larger by the last bits, so a run may be taken for another that is as good but for these.

    Few runs have many more corners than most, so only as many are kept for all runs as cost least on a device.

    Args:
        slopes: one per id that is an item, `[items]`.
        heights: of the same ids, `[items]`.
        items: number of ids that are items.
        runs: number of runs.
    """
    starts = run_starts(items, runs)
    found = [_upper_hull(slopes[start:stop], heights[start:stop]) + start for start, stop in itertools.pairwise(starts)]
    counts = np.array([len(each) for each in found])
    most = int(counts.max())
    costs = [kept * runs + np.sum(counts > kept) * (FULLER_COST + most - kept) for kept in range(1, most + 1)]
    kept = 1 + int(np.argmin(costs))
    fuller = np.flatnonzero(counts > kept).astype(np.int32)

    def lines(of: Iterable[npt.NDArray[np.int64]], most: int) -> npt.NDArray[np.int64]:
        padded = [np.pad(each[:most], (0, max(0, most - len(each))), mode="edge") for each in of]
        return np.stack(padded, axis=1) if padded else np.zeros((most, 0), np.int64)

    first, further = lines(found, kept), lines((found[run][kept:] for run in fuller), most - kept)
    return Hulls(slopes[first], heights[first], fuller, slopes[further], heights[further])


def _upper_hull(slopes: npt.NDArray[Any], heights: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the places of the upper convex hull's corners, from the lowest slope to the highest (Andrew, 1979)."""
    hull: list[int] = []
    points = list(zip(slopes.tolist(), heights.tolist(), strict=True))
    # Of equal slopes the highest comes last and turns the others out.
    for place in np.lexsort((heights, slopes)).tolist():
        while hull and (points[hull[-1]][0] == points[place][0] or (len(hull) > 1 and _below(points, hull, place))):
            hull.pop()
        hull.append(place)
    return np.array(hull)


def _below(points: list[tuple[float, float]], hull: list[int], place: int) -> bool:
    """Tell whether the hull's last corner is not above the line from the one before it to a further point."""
    (left, low), (middle, high), (right, last) = points[hull[-2]], points[hull[-1]], points[place]
    return (high - low) * (right - left) <= (last - low) * (middle - left)
