"""Better runs out of given ones: each id goes to the run that it is most like, as far as that has room."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse
from threadpoolctl import threadpool_limits

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

ROUNDS = 6
"""Times the ids are assigned, at most; the gain of a seventh is below a tenth of the first's."""

CHOICES = 20
"""Runs an id may ask for in a round before it takes what is left over near its old one."""

PRODUCTS = 2e11
"""Multiplications per round, about: beyond, an id is compared only with runs that are near in the old order."""

FEWEST = 256
"""Runs that an id is compared with at least, where there are as many."""

IDS = 2048
"""Ids compared at a time, which bounds the memory."""


def refine(factors: FloatArray, weights: FloatArray, order: IntArray, starts: IntArray) -> IntArray:
    """Improve an order: balanced spherical k-means that starts with the runs of the order and keeps their lengths.

    Args:
        factors: unit-length float32 `[ids, width]`.
        weights: how much each id counts for the centre of its run, positive, float32 `[ids]`.
        order: the ids in an order in which near runs are similar already, int64 `[ids]`.
        starts: the places at which each run begins, and after the last one its end, which is the number of ids.

    Returns:
        int64 `[ids]`, a permutation; the runs keep their places.
    """
    room = np.diff(starts)
    run_of = np.empty(len(order), np.int64)
    run_of[order] = np.repeat(np.arange(len(room)), room)
    best, best_likeness = run_of, -np.inf
    # One thread: how many there are would decide in which order sums are made, and so the last bits.
    with threadpool_limits(1, "blas"):
        # Runs of one id each can't be better.
        for done in range(ROUNDS + 1 if 1 < len(room) < len(order) else 0):
            centres = _centres(factors, weights, run_of, len(room))
            likeness = float(np.einsum("ij,ij,i", factors, centres[run_of], weights))
            if likeness <= best_likeness:
                break
            best, best_likeness = run_of, likeness
            if done == ROUNDS:
                break
            run_of = _assigned(factors, weights, centres, run_of, room)
    return np.argsort(best, kind="stable")


def _centres(factors: FloatArray, weights: FloatArray, run_of: IntArray, runs: int) -> FloatArray:
    members = scipy.sparse.csr_matrix((weights, (run_of, np.arange(len(factors)))), (runs, len(factors)))
    centres: FloatArray = np.asarray(members @ factors, np.float32)
    return centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), np.finfo(np.float32).tiny)


def _assigned(
    factors: FloatArray, weights: FloatArray, centres: FloatArray, run_of: IntArray, room: IntArray
) -> IntArray:
    """Give every id a run, one that it is like as far as there is room; those left over choose among what is left."""
    new = np.full(len(factors), -1, np.int64)
    left = room.copy()
    while len(waiting := np.flatnonzero(new < 0)):
        free = np.flatnonzero(left)
        # In the order of the runs they had, so that neighbours are compared with the same runs.
        waiting = waiting[np.argsort(run_of[waiting], kind="stable")]
        near = np.searchsorted(free, run_of[waiting])
        choices, likeness = _choices(factors, waiting, centres[free], near)
        # Whoever would lose most by another choice comes first.
        another = min(max(1, likeness.shape[1] // 4), likeness.shape[1] - 1)
        loss = (likeness[:, 0] - likeness[:, another]) * weights[waiting]
        got = _accepted(choices, loss, left[free])
        new[waiting[got >= 0]] = free[got[got >= 0]]
        left = room - np.bincount(new[new >= 0], minlength=len(room))
    return new


def _choices(
    factors: FloatArray, ids: IntArray, centres: FloatArray, near: IntArray
) -> tuple[npt.NDArray[np.int32], FloatArray]:
    """Return the most similar runs of each id, the best first, and how similar they are.

    Args:
        factors: of all ids.
        ids: the ids that choose.
        centres: of the runs to choose from, in their order.
        near: rising; which of these runs is near each id in the old order.
    """
    runs = len(centres)
    compared = min(runs, max(FEWEST, int(PRODUCTS / (len(ids) * factors.shape[1]))))
    kept = min(CHOICES, compared)
    choices, likeness = np.empty((len(ids), kept), np.int32), np.empty((len(ids), kept), np.float32)
    for first in range(0, len(ids), IDS):
        some = slice(first, first + IDS)
        middle = (int(near[some][0]) + int(near[some][-1])) // 2
        begin = min(max(0, middle - compared // 2), runs - compared)
        found = factors[ids[some]] @ centres[begin : begin + compared].T
        best = np.argpartition(-found, kept - 1, axis=1)[:, :kept]
        values = np.take_along_axis(found, best, 1)
        falling = np.argsort(-values, axis=1, kind="stable")
        choices[some] = np.take_along_axis(best, falling, 1) + begin
        likeness[some] = np.take_along_axis(values, falling, 1)
    return choices, likeness


def _accepted(choices: npt.NDArray[np.int32], loss: FloatArray, room: IntArray) -> IntArray:
    """Return the run that each gets by deferred acceptance (Gale and Shapley 1962), -1 for who gets none.

    Each asks for its best run; a run keeps those who would lose most elsewhere, as many as it has room for; who is
    turned down asks for the next.
    """
    turn = np.zeros(len(choices), np.int64)
    # Sorted once by loss: a stable sort by run keeps that order.
    eager = np.argsort(-loss, kind="stable")
    while True:
        asking = eager[turn[eager] < choices.shape[1]]
        wanted = choices[asking, turn[asking]]
        by_run = np.argsort(wanted, kind="stable")
        runs = wanted[by_run]
        refused = asking[by_run[np.arange(len(runs)) - np.searchsorted(runs, runs) >= room[runs]]]
        if not len(refused):
            got = np.full(len(choices), -1, np.int64)
            got[asking] = wanted
            return got
        turn[refused] += 1
