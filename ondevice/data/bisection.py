"""Recursive halving: points in an order such that those near each other in space are near each other in the order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

FloatArray = npt.NDArray[np.float32]

ROWS = 1 << 16
"""Points gathered at a time, which bounds the memory besides the points themselves."""


def bisect(
    factors: FloatArray, starts: npt.NDArray[np.int64], points: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.int64]:
    """Order points by recursive halving along the principal direction.

    Args:
        factors: float32 `[points, width]`.
        starts: the places, ascending, at which a new run begins; points are halved at the nearest of them, so that no
            run is cut apart. Places beyond the points have no effect.
        points: the points to order; all of them if absent.

    Returns:
        int64 `[points]`, the points in leaf order.
    """
    order = np.arange(len(factors)) if points is None else points.copy()
    waiting = [(0, len(order))]
    # One thread: how many there are would decide in which order sums are made, and so the last bits.
    with threadpool_limits(1, "blas"):
        while waiting:
            begin, end = waiting.pop()
            cut = _cut_nearest_the_half(starts, begin, end)
            # Within a run the order makes no difference to what shares a row, nor does that of two.
            if not cut or end - begin <= 2:
                continue
            some = order[begin:end]
            order[begin:end] = some[np.argsort(_along_main_direction(factors, some), kind="stable")]
            waiting += [(cut, end), (begin, cut)]
    return order


def _cut_nearest_the_half(starts: npt.NDArray[np.int64], begin: int, end: int) -> int:
    """Return the start of a run strictly between two places that is nearest to the middle; 0 if there is none."""
    first, last = np.searchsorted(starts, [begin + 1, end])
    inside = starts[first:last]
    if not len(inside):
        return 0
    # Twice the distance, in whole numbers; of two equally near, the first.
    return int(inside[np.argmin(np.abs(2 * inside - (begin + end)))])


def _along_main_direction(factors: FloatArray, points: npt.NDArray[np.int64]) -> FloatArray:
    """Return each point's place along the direction in which the points differ most, up to a factor."""
    mean = sum(part.sum(axis=0, dtype=np.float64) for part in _parts(factors, points)) / len(points)
    mean = mean.astype(np.float32)
    if len(points) < factors.shape[1]:
        # Both products have the same leading component; the smaller one is cheaper to decompose.
        centred = factors[points] - mean
        return _leading(centred @ centred.T)
    spread = sum((part - mean).T @ (part - mean) for part in _parts(factors, points))
    leading = _leading(spread)
    return np.concatenate([part @ leading for part in _parts(factors, points)])


def _parts(factors: FloatArray, points: npt.NDArray[np.int64]) -> Iterator[FloatArray]:
    return (factors[points[first : first + ROWS]] for first in range(0, len(points), ROWS))


def _leading(products: FloatArray) -> FloatArray:
    _, components = np.linalg.eigh(products)
    leading = components[:, -1]
    # The solver fixes a component up to its sign; the largest number decides, so that runs agree.
    return leading * np.sign(leading[np.argmax(np.abs(leading))])
