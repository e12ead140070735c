"""The task metric of the converted file against the reference model, over the same real users or texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.stats

from ondevice.training.evaluation import Evaluation, without_known
from ondevice.training.metrics import cut_off, per_user
from ondevice.validation.record import Quality

RESAMPLES = 1_000
CONFIDENCE = 0.95


def choose_users(evaluation: Evaluation, users: int | None) -> Evaluation:
    """Return a fixed random part of the evaluation users, or all if that many are not there or none is named."""
    if users is None or users >= len(evaluation):
        return evaluation
    return evaluation.of_users(np.sort(np.random.default_rng(0).choice(len(evaluation), users, replace=False)))


def compare(evaluation: Evaluation, items: npt.NDArray[Any], scores: npt.NDArray[Any], metric: str) -> Quality:
    """Compare a file's answers with the reference's.

    Args:
        evaluation: users, right answers and the reference's answers.
        items: the file's answers, int32 `[users, k]`.
        scores: their scores, float32 `[users, k]`.
        metric: name of the metric; `k` must reach its cut-off.
    """
    k = items.shape[1]
    # The file can leave out only the ids it is given; what else a user knows is dropped from both answers alike.
    best = without_known(evaluation.items[:, :k], evaluation.known)
    reference = per_user(best, evaluation.relevant, metric, evaluation.scores)
    cleaned = without_known(items, evaluation.known)
    measured = per_user(cleaned, evaluation.relevant, metric, scores)
    # All labels are returned for every text: what differs is which one is first.
    first = cut_off(metric)
    pairs = zip(best[:, :first], cleaned[:, :first], strict=True)
    overlap = np.array([np.isin(row, found).mean() for row, found in pairs])
    return Quality(
        metric,
        len(evaluation),
        float(reference.mean()),
        float(measured.mean()),
        _relative(measured, reference),
        _interval(measured, reference),
        float(overlap.mean()),
        float((overlap < 1).mean()),
    )


def _relative(measured: npt.NDArray[Any], reference: npt.NDArray[Any], axis: int = -1) -> Any:
    return measured.mean(axis=axis) / reference.mean(axis=axis) - 1


def _interval(measured: npt.NDArray[Any], reference: npt.NDArray[Any]) -> tuple[float, float]:
    if np.array_equal(measured, reference):
        return 0.0, 0.0
    found = scipy.stats.bootstrap(
        (measured, reference),
        _relative,
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=25,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)
