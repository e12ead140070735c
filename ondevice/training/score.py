"""Scoring users with a Keras model, batch by batch: the reference that every converted file is compared with."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ondevice.data.interactions import Lists
from ondevice.models.ranking import best_items
from ondevice.training.evaluation import KEPT_ITEMS, Evaluation
from ondevice.training.examples import padded

BATCH = 128


def recommend(
    model: keras.Model, histories: npt.NDArray[np.int32], excluded: npt.NDArray[np.int32], k: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return each user's best items.

    Args:
        model: from ids to scores.
        histories: int32 `[users, length]`.
        excluded: ids that must not be returned, int32 `[users, entries]`, filled with padding.
        k: number of items.

    Returns:
        items int32 `[users, k]`, their scores float32 `[users, k]` and the range of all scores float32 `[users]`.
    """

    @tf.function(jit_compile=False)
    def step(history: Any, out: Any) -> Any:
        scores = tf.ensure_shape(model(history, training=False), [BATCH, None])
        values = tf.reduce_max(scores, axis=1) - tf.reduce_min(scores, axis=1)
        return *best_items(scores, out, k), values

    parts = []
    for start in range(0, len(histories), BATCH):
        rows = slice(start, start + BATCH)
        missing = BATCH - len(histories[rows])
        # A full last batch, so that the step is traced once.
        filled = [np.pad(each[rows], ((0, missing), (0, 0))) for each in (histories, excluded)]
        parts.append([part.numpy()[: BATCH - missing] for part in step(*map(tf.constant, filled))])
    items, scores, ranges = (np.concatenate(part) for part in zip(*parts, strict=True))
    return items, scores, ranges


def evaluate(
    model: keras.Model, known: Lists, relevant: Lists, history_length: int, kept: int = KEPT_ITEMS
) -> Evaluation:
    """Ask the model for every user who has right answers.

    Args:
        model: from ids to scores.
        known: ids each user has had; the last ones are the history given to the model, all are excluded.
        relevant: ids that are right answers, of each user.
        history_length: ids given to the model, at most.
        kept: items kept per user.
    """
    users = np.flatnonzero(np.diff(relevant.offsets) > 0)
    known, relevant = (Lists.of([lists[user] for user in users]) for lists in (known, relevant))
    histories = padded(known, history_length)
    excluded = padded(known, int(np.max(np.diff(known.offsets), initial=1)))
    kept = min(kept, int(model.output_shape[-1]) - excluded.shape[1] - 2)
    return Evaluation(histories, known, relevant, *recommend(model, histories, excluded, kept))
