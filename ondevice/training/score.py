"""Scoring users with a Keras model, batch by batch: the reference that every converted file is compared with."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ondevice.data.interactions import Lists
from ondevice.ids import RESERVED_IDS
from ondevice.models.best import best_items
from ondevice.training.evaluation import KEPT_ITEMS, Evaluation
from ondevice.training.examples import padded

BATCH = 128


class Scorer:
    """A model's best items for many users; the graph is traced once and used again.

    Args:
        model: from ids to scores.
        k: items per user.
    """

    def __init__(self, model: keras.Model, k: int) -> None:
        @tf.function
        def step(histories: Any, excluded: Any) -> Any:
            scores = tf.ensure_shape(model(histories, training=False), [BATCH, None])
            ranges = tf.reduce_max(scores, axis=1) - tf.reduce_min(scores, axis=1)
            return *best_items(scores, excluded, k), ranges

        self.step = step

    def recommend(
        self, histories: npt.NDArray[np.int32], excluded: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return each user's best items.

        Args:
            histories: int32 `[users, length]`.
            excluded: ids that must not be returned, int32 `[users, entries]`, filled with padding.

        Returns:
            items int32 `[users, k]`, their scores float32 `[users, k]` and the range of all scores float32 `[users]`.
        """
        parts = []
        for start in range(0, len(histories), BATCH):
            rows = slice(start, start + BATCH)
            missing = BATCH - len(histories[rows])
            # A full last batch, so that the step is traced once.
            filled = [np.pad(each[rows], ((0, missing), (0, 0))) for each in (histories, excluded)]
            parts.append([part.numpy()[: BATCH - missing] for part in self.step(*map(tf.constant, filled))])
        items, scores, ranges = (np.concatenate(part) for part in zip(*parts, strict=True))
        return items, scores, ranges


def users_with_answers(known: Lists, relevant: Lists) -> tuple[Lists, Lists]:
    """Leave out the users who have no right answers."""
    users = np.flatnonzero(np.diff(relevant.offsets) > 0)
    known, relevant = (Lists.of([lists[user] for user in users]) for lists in (known, relevant))
    return known, relevant


def evaluate(
    scorer: Scorer, known: Lists, relevant: Lists, history_length: int
) -> tuple[Evaluation, npt.NDArray[np.int32]]:
    """Ask the model for every user who has right answers.

    Args:
        scorer: the model.
        known: ids each user has had; the last ones are the history given to the model.
        relevant: ids that are right answers, of each user.
        history_length: ids given to the model, at most.

    Returns:
        the answers with the history left out, as the exported file leaves it out; and the ranking with everything
        known left out, int32 `[users, k]`, which differs for users who know more than the history holds.
    """
    known, relevant = users_with_answers(known, relevant)
    histories = padded(known, history_length)
    evaluation = Evaluation(histories, known, relevant, *scorer.recommend(histories, histories))
    ranking = evaluation.items.copy()
    lengths = np.diff(known.offsets)
    long = np.flatnonzero(lengths > history_length)
    if len(long):
        everything = padded([known[user] for user in long], int(lengths.max()))
        ranking[long], _, _ = scorer.recommend(histories[long], everything)
    return evaluation, ranking


def kept_items(vocabulary_size: int, excluded: int) -> int:
    """Return how many reference items to keep per user, when up to `excluded` ids can't be returned."""
    return max(1, min(KEPT_ITEMS, vocabulary_size - RESERVED_IDS - excluded))
