"""A model's own outputs as a head answers with them, in NumPy: the reference of every file of a user's model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.feature import Feature
from ondevice.head import SCORES, TOP_K, Head
from ondevice.validation.contract import span_of

Arrays = dict[str, npt.NDArray[Any]]
KEPT = 50
"""Answers kept of the reference, or more where a file gives more: enough to find the score of what the file answers."""


def as_answers(
    head: Head, raw: Mapping[str, npt.NDArray[Any]], excluded: npt.NDArray[Any] | None, kept: int = KEPT
) -> tuple[Arrays, Arrays]:
    """Return the reference's answers, and largest minus smallest number of each output of fractions.

    Args:
        head: what the file answers.
        raw: the model's outputs, `[rows, ...]` by name; for a head that ranks one, with a score for each answer.
        excluded: the ids left out of each answer, `[rows, any]`; None for none.
        kept: answers of a head that ranks, at most; never fewer than the file gives.

    Returns:
        arrays by output, `[rows, ...]`; and by output of fractions a range for each row, `[rows]`.
    """
    if not head.ranks:
        floats = {name: values for name, values in raw.items() if values.dtype.kind == "f"}
        spans: Arrays = {name: np.full(len(values), span_of(values)) for name, values in floats.items()}
        return dict(raw), spans
    [scores] = raw.values()
    scores = scores.reshape(len(scores), -1).astype(np.float32)
    span: npt.NDArray[Any] = np.ptp(scores, axis=1) if head.kind == TOP_K else np.ones(len(scores))
    if head.kind != TOP_K and head.logits:
        scores = _probabilities(scores)
    allowed = np.ones(scores.shape, bool)
    allowed[:, : head.never] = False
    if excluded is not None:
        np.put_along_axis(allowed, excluded.reshape(len(scores), -1), False, axis=1)
    # Of equal scores the smaller id comes first; what is not allowed comes last and is cut off.
    order = np.argsort(np.where(allowed, -scores, np.inf), axis=1, kind="stable")
    count = max(head.k, min(kept, int(allowed.sum(axis=1).min())))
    best = order[:, :count].astype(np.int32)
    return {head.outputs[0]: best, SCORES: np.take_along_axis(scores, best, axis=1)}, {SCORES: span}


def excluded_ids(
    head: Head, features: Iterable[Feature], inputs: Mapping[str, npt.NDArray[Any]]
) -> npt.NDArray[Any] | None:
    """Return the ids left out of each answer, `[rows, any]`, those outside as what they count as; None for none.

    Args:
        head: what the file answers.
        features: the file's inputs.
        inputs: their arrays by name, `[rows, *shape]`.
    """
    feature = next((each for each in features if each.name == head.exclude), None)
    if feature is None:
        return None
    ids = inputs[feature.name].reshape(len(inputs[feature.name]), -1)
    return np.where((ids >= 0) & (ids < feature.size), ids, feature.outside)


def _probabilities(scores: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if scores.shape[1] == 1:
        return 1 / (1 + np.exp(-scores))
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
