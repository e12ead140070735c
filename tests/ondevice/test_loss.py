"""The loss against the same sum in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from ondevice.training.loss import softmax_over_targets


def expected(targets: np.ndarray, scores: np.ndarray) -> list[float]:
    """Return minus the mean log-probability of each row's targets; 0 where there are none."""
    losses = []
    for wanted, row in zip(targets, scores.astype(np.float64), strict=True):
        highest = row.max()
        log_probabilities = row - highest - np.log(np.exp(row - highest).sum())
        real = wanted[wanted != 0]
        losses.append(-float(np.mean(log_probabilities[real])) if len(real) else 0.0)
    return losses


def computed(targets: np.ndarray, scores: np.ndarray) -> np.ndarray:
    return softmax_over_targets(targets, scores).numpy()


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float32])
def test_equals_numpy(dtype: type) -> None:
    rng = np.random.default_rng(0)
    scores = (4 * rng.standard_normal((6, 30))).astype(np.float32)
    targets = rng.integers(0, 30, (6, 5))
    found = computed(targets.astype(dtype), scores)
    assert found.shape == (6,)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected(targets, scores), rtol=1e-5)


def test_worked_by_hand() -> None:
    # Scores 0, ln 1, ln 2, ln 5 have probabilities 1/9, 1/9, 2/9, 5/9.
    scores = np.log(np.array([[1, 1, 2, 5]], np.float32))
    assert computed(np.array([[3]]), scores)[0] == pytest.approx(np.log(9 / 5), rel=1e-5)
    both = (np.log(9 / 5) + np.log(9 / 2)) / 2
    assert computed(np.array([[3, 2]]), scores)[0] == pytest.approx(both, rel=1e-5)


def test_padding_is_ignored_wherever_it_stands() -> None:
    scores = np.random.default_rng(1).standard_normal((1, 12)).astype(np.float32)
    bare = computed(np.array([[3, 7]]), scores)
    for filled in ([3, 7, 0, 0], [0, 3, 0, 7], [0, 0, 3, 7]):
        np.testing.assert_allclose(computed(np.array([filled]), scores), bare, rtol=1e-6)


def test_row_of_padding_alone_costs_nothing() -> None:
    scores = np.random.default_rng(2).standard_normal((2, 12)).astype(np.float32)
    found = computed(np.array([[0, 0], [5, 0]]), scores)
    assert found[0] == 0
    assert found[1] > 0


def test_large_scores_do_not_overflow() -> None:
    scores = np.array([[1e4, 0.0, -1e4]], np.float32)
    np.testing.assert_allclose(computed(np.array([[1]]), scores), [1e4], rtol=1e-6)
