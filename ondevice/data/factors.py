"""Item factors: vectors such that items liked by the same users point the same way."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse
from sklearn.utils.extmath import randomized_svd

FACTORS = 256
POWER = 3
"""Strengths count to this power: as after several steps of a random walk between users and items, noise dies away."""


def item_factors(matrix: scipy.sparse.csr_matrix, seed: int) -> npt.NDArray[np.float32]:
    """Return unit-length item factors: right singular vectors of the degree-normalised matrix, times their strengths.

    Args:
        matrix: users x items, positive where they met.
        seed: seed of the random projections.

    Returns:
        float32 `[items, width]`; the width is `FACTORS` or what the matrix has.
    """
    per_user, per_item = (np.maximum(np.asarray(matrix.sum(axis=axis)).ravel(), 1) ** -0.5 for axis in (1, 0))
    normalised = (scipy.sparse.diags(per_user) @ matrix @ scipy.sparse.diags(per_item)).astype(np.float32)
    width = min(FACTORS, *normalised.shape)
    _, strengths, directions = randomized_svd(normalised, width, n_iter=5, random_state=seed)
    factors = np.asarray((directions * strengths[:, None] ** POWER).T, np.float32)
    return factors / np.maximum(np.linalg.norm(factors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
