"""Ids such that neighbours are similar: the ids that will share a row are a cluster of items."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse
import scipy.sparse.linalg

from ondevice.data.interactions import Interactions
from ondevice.data.order import Order

FACTORS = 256
"""Width of the item factors."""


class Semantic(Order):
    """Splits the items along their main direction into halves, again and again; the leaves' order is the id order.

    Item factors are the truncated SVD of the users x items matrix of the training split, normalised by the square
    root of both degrees. Related work: compositional codes and semantic ids cluster items too, but store a code per
    id; choosing the ids stores nothing.
    """

    neighbours_similar: ClassVar[bool] = True

    def arrange(self, interactions: Interactions, seed: int, ids_per_row: int) -> npt.NDArray[np.int64]:
        """Return the items in the order of the leaves; items unseen in training come last, among themselves."""
        seen = interactions.train.counts(interactions.items) > 0
        factors = item_factors(interactions.train.matrix(interactions.items)[:, seen], seed)
        arranged = np.flatnonzero(seen)[bisect(factors, ids_per_row)]
        return np.concatenate([arranged, np.flatnonzero(~seen)])


def item_factors(matrix: scipy.sparse.csr_matrix, seed: int) -> npt.NDArray[np.float32]:
    """Return unit-length item factors.

    Args:
        matrix: users x items, counts, every item at least once.
        seed: seed of the start vector.

    Returns:
        float32 `[items, width]`.
    """
    per_user = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1)
    per_item = np.asarray(matrix.sum(axis=0)).ravel()
    normalised = scipy.sparse.diags(per_user**-0.5) @ matrix @ scipy.sparse.diags(per_item**-0.5)
    smaller = min(normalised.shape)
    if smaller < 2:
        # The solver needs two of each, and with one user or one item nothing tells items apart.
        return np.ones((matrix.shape[1], 1), np.float32)
    start = np.random.default_rng(seed).standard_normal(smaller).astype(np.float32)
    width = min(FACTORS, smaller - 1)
    _, strengths, directions = scipy.sparse.linalg.svds(normalised.astype(np.float32), width, v0=start)
    # The solver fixes directions up to their sign; the largest component decides, so that runs agree.
    signs = np.sign(directions[np.arange(width), np.argmax(np.abs(directions), axis=1)])
    factors = (directions * (signs * strengths)[:, None]).T
    return factors / np.maximum(np.linalg.norm(factors, axis=1, keepdims=True), np.finfo(np.float32).tiny)


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
        if len(points) <= 2:
            leaves.append(points)
            continue
        centred = factors[points] - factors[points].mean(axis=0)
        _, directions = np.linalg.eigh(centred.T @ centred)
        main = directions[:, -1] * np.sign(directions[np.argmax(np.abs(directions[:, -1])), -1])
        points = points[np.argsort(centred @ main, kind="stable")]
        left = max(1, round(len(points) / 2 / run)) * run if len(points) > run else len(points) // 2
        waiting += [points[left:], points[:left]]
    return np.concatenate(leaves) if leaves else np.zeros(0, np.int64)
