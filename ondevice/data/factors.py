"""Id factors: vectors such that ids which occur in the same contexts point the same way."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import scipy.sparse
from threadpoolctl import threadpool_limits

from ondevice.data.lists import Lists

FloatArray = npt.NDArray[np.float32]

FACTORS = 256
FEWEST = 32
LARGEST = 1 << 27
"""Numbers per array of factors, about: beyond 524,288 ids of 256 factors the width falls, but not below `FEWEST`."""

POWER = 3
"""Strengths count to this power: as after several steps of a random walk between ids and contexts, noise dies away."""

PASSES = 6
"""Times the contexts are read per column of factors."""

MORE = 10
"""Columns carried along beyond those kept, whose errors are the largest."""

COLUMNS = 32
"""Columns multiplied at a time: what bounds the memory besides the factors."""

ENTRIES = 1 << 23
ROWS = 1 << 16


def id_factors(contexts: Lists, ids: int, seed: int) -> FloatArray:
    """Return unit-length id factors: right singular vectors of the degree-normalised matrix, times their strengths.

    A randomized subspace iteration (Halko, Martinsson and Tropp 2011) that holds two arrays of the factors' size and
    reads the contexts block by block, so that they may be a memory-mapped file. Equal seeds give equal factors,
    however many threads there are.

    Args:
        contexts: the ids that occurred together, each from 0 to `ids - 1`: the items of a user, the ids of a line of
            a log, the words of a document. Repeats count.
        ids: number of ids.
        seed: seed of the random projections.

    Returns:
        float32 `[ids, width]`, zeros for an id that occurs nowhere; the width is `FACTORS` or what the data has.
    """
    width = min(max(FEWEST, LARGEST // ids), FACTORS, ids, len(contexts))
    if not len(contexts.values):
        return np.zeros((ids, width), np.float32)
    scale = _inverse_root_counts(contexts, ids)
    basis = np.random.default_rng(seed).standard_normal((ids, min(width + MORE, ids)), np.float32)
    # One thread: how many there are would decide in which order sums are made, and so the last bits.
    with threadpool_limits(1, "blas"):
        for _ in range(PASSES - 1):
            basis = _orthonormal(_walked(contexts, scale, basis))
        walked = _walked(contexts, scale, basis)
        squares, rotation = np.linalg.eigh(_products(basis, walked))
        del basis
        squares, rotation = np.maximum(squares[::-1][:width], 0), rotation[:, ::-1][:, :width]
        # The walk has multiplied by the square of the strengths already.
        factors = _rotated(walked, rotation * squares ** (POWER / 2 - 1))
    factors /= np.maximum(np.linalg.norm(factors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return factors


def _blocks(contexts: Lists) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]]:
    """Give offsets and values of some contexts at a time: few entries, unless one context has many."""
    places = np.searchsorted(contexts.offsets, np.arange(0, len(contexts.values), ENTRIES), side="right") - 1
    bounds = np.append(np.unique(places), len(contexts))
    for first, last in itertools.pairwise(bounds):
        offsets = np.asarray(contexts.offsets[first : last + 1])
        yield (offsets - offsets[0]).astype(np.int32), contexts.values[offsets[0] : offsets[-1]]


def _inverse_root_counts(contexts: Lists, ids: int) -> FloatArray:
    """Return one over the root of how often each id occurs, float32 `[ids, 1]`."""
    counts = np.zeros(ids, np.int64)
    for _, values in _blocks(contexts):
        counts += np.bincount(values, minlength=ids)
    return (np.maximum(counts, 1) ** -0.5).astype(np.float32)[:, None]


def _walked(contexts: Lists, scale: FloatArray, vectors: FloatArray) -> FloatArray:
    """Go from ids to contexts and back: multiply by the transpose of the normalised matrix times the matrix."""
    found = np.empty_like(vectors)
    for first in range(0, vectors.shape[1], COLUMNS):
        some = vectors[:, first : first + COLUMNS] * scale
        total = np.zeros_like(some)
        for offsets, values in _blocks(contexts):
            ones = np.ones(len(values), np.float32)
            matrix = scipy.sparse.csr_matrix((ones, values, offsets), shape=(len(offsets) - 1, len(vectors)))
            share = 1 / np.maximum(np.diff(offsets), 1).astype(np.float32)[:, None]
            total += matrix.T @ (matrix @ some * share)
        found[:, first : first + COLUMNS] = total * scale
    return found


def _products(one: FloatArray, other: FloatArray) -> npt.NDArray[np.float64]:
    """Return the products of all columns of one with all columns of another, block by block in double precision."""
    total = np.zeros((one.shape[1], other.shape[1]))
    for first in range(0, len(one), ROWS):
        rows = slice(first, first + ROWS)
        total += one[rows].T.astype(np.float64) @ other[rows].astype(np.float64)
    return (total + total.T) / 2


def _rotated(vectors: FloatArray, rotation: npt.NDArray[np.float64]) -> FloatArray:
    """Multiply by a small matrix, block by block."""
    small = rotation.astype(np.float32)
    rotated = np.empty((len(vectors), small.shape[1]), np.float32)
    for first in range(0, len(vectors), ROWS):
        rotated[first : first + ROWS] = vectors[first : first + ROWS] @ small
    return rotated


def _orthonormal(vectors: FloatArray) -> FloatArray:
    """Return orthonormal columns that span the same space, by the small matrix of products.

    Its eigenvectors are used instead of its Cholesky factor, which does not exist where columns depend on each other.
    """
    squares, rotation = np.linalg.eigh(_products(vectors, vectors))
    kept = squares > 1e-12 * max(squares[-1], np.finfo(np.float32).tiny)
    return _rotated(vectors, rotation[:, kept] / np.sqrt(squares[kept]))
