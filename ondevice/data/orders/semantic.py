"""Ids such that neighbours are similar: the ids that will share a row are a cluster of items."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.data.factors import item_factors
from ondevice.data.interactions import Interactions
from ondevice.data.order import Order


class Semantic(Order):
    """Splits the items along their main direction into halves, again and again; the leaves' order is the id order.

    Items are compared by the factors of the users x items matrix of the training split. Related work (compositional
    codes, semantic ids) clusters items too, but stores a code per id; choosing the ids stores nothing.
    """

    neighbours_similar: ClassVar[bool] = True

    def arrange(self, interactions: Interactions, seed: int, ids_per_row: int) -> npt.NDArray[np.int64]:
        """Return the items in the order of the leaves; items unseen in training come last, among themselves."""
        seen = interactions.train.counts(interactions.items) > 0
        if not seen.any():
            return np.arange(interactions.items)
        factors = item_factors(interactions.train.matrix(interactions.items)[:, seen], seed)
        arranged = np.flatnonzero(seen)[bisect(factors, ids_per_row)]
        return np.concatenate([arranged, np.flatnonzero(~seen)])


def bisect(factors: npt.NDArray[np.float32], run: int) -> npt.NDArray[np.int64]:
    """Order points by recursive halving along the principal direction.

    Args:
        factors: float32 `[points, width]`.
        run: points are halved at multiples of this number, so that no aligned run of so many is cut apart before
            all runs are.

    Returns:
        int64 `[points]`, the points in leaf order.
    """
    leaves: list[npt.NDArray[np.int64]] = []
    waiting = [np.arange(len(factors))]
    while waiting:
        points = waiting.pop()
        # Within a run the order makes no difference to what shares a row.
        if len(points) <= max(run, 2):
            leaves.append(points)
            continue
        points = points[np.argsort(_along_main_direction(factors[points]), kind="stable")]
        left = max(1, round(len(points) / 2 / run)) * run
        waiting += [points[left:], points[:left]]
    return np.concatenate(leaves) if leaves else np.zeros(0, np.int64)


def _along_main_direction(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return each vector's place along the direction in which they differ most, up to a factor."""
    centred = vectors - vectors.mean(axis=0)
    few = len(centred) < centred.shape[1]
    # Both products have the same leading component; the smaller one is cheaper to decompose.
    _, components = np.linalg.eigh(centred @ centred.T if few else centred.T @ centred)
    leading = components[:, -1]
    # The solver fixes a component up to its sign; the largest number decides, so that runs agree.
    leading = leading * np.sign(leading[np.argmax(np.abs(leading))])
    return leading if few else centred @ leading
