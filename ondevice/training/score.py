"""Scoring users, texts or lines with a Keras model, batch by batch: the reference that every file is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ondevice.data.lists import Lists, padded
from ondevice.ids import RESERVED_IDS
from ondevice.topk.best import best_items
from ondevice.training.evaluation import KEPT_ITEMS, Answers, Evaluation, Ids, without_known

BATCH = 128
"""Users, texts or lines at a time, at most."""

SCORES_AT_ONCE = 1 << 24
"""Scores of a batch, at most: ranking them takes several times their memory."""


class Scorer:
    """A model's best items for many users; the graph is traced once and used again.

    Args:
        model: from ids to scores.
        k: items per user.
    """

    def __init__(self, model: keras.Model, k: int) -> None:
        self.batch = max(1, min(BATCH, SCORES_AT_ONCE // model.output_shape[-1]))

        @tf.function
        def step(histories: Any, excluded: Any) -> Any:
            scores = tf.ensure_shape(model(histories, training=False), [self.batch, None])
            ranges = tf.reduce_max(scores, axis=1) - tf.reduce_min(scores, axis=1)
            return *best_items(scores, excluded, k), ranges

        self.step = step

    def recommend(self, histories: Ids, excluded: Ids) -> Answers:
        """Return each user's best items.

        Args:
            histories: int32 `[users, length]`.
            excluded: ids that must not be returned, int32 `[users, entries]`, filled with padding.
        """
        items, scores, ranges = _in_batches(self.step, self.batch, histories, excluded)
        return items, scores, ranges


def label_scorer(model: keras.Model, said: Callable[[Any], tuple[Any, Any]]) -> Callable[[Ids], Answers]:
    """Return what asks a model for the labels of many texts or lines; the graph is traced once and used again.

    The range of scores is 1 for each example, which is that of what a probability may be.

    Args:
        model: from ids to scores.
        said: from these scores to labels int32 `[examples, k]` and probabilities float32 `[examples, k]`.
    """

    @tf.function
    def step(ids: Any) -> Any:
        return said(model(ids, training=False))

    def answer(ids: Ids) -> Answers:
        labels, probabilities = _in_batches(step, BATCH, ids)
        return labels, probabilities, np.ones(len(ids), np.float32)

    return answer


def _in_batches(step: Callable[..., Any], batch: int, *arrays: Ids) -> list[npt.NDArray[Any]]:
    """Call a step for so many rows at a time and join what it returns."""
    parts = []
    for start in range(0, len(arrays[0]), batch):
        rows = slice(start, start + batch)
        missing = batch - len(arrays[0][rows])
        # A full last batch, so that the step is traced once.
        filled = [np.pad(each[rows], ((0, missing), (0, 0))) for each in arrays]
        parts.append([part.numpy()[: batch - missing] for part in step(*map(tf.constant, filled))])
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


def users_with_answers(known: Lists, relevant: Lists) -> tuple[Lists, Lists]:
    """Leave out the users who have no right answers."""
    users = np.flatnonzero(np.diff(relevant.offsets) > 0)
    return known.at(users), relevant.at(users)


def evaluate(scorer: Scorer, known: Lists, relevant: Lists, history_length: int) -> tuple[Evaluation, Ids]:
    """Ask the model for every user who has right answers.

    Args:
        scorer: the model.
        known: ids each user has had; the last ones are the history given to the model.
        relevant: ids that are right answers, of each user.
        history_length: ids given to the model, at most.

    Returns:
        the answers with the history left out, as the exported file leaves it out; and the ranking with everything
        known left out, int32 `[users, k]`, which differs for users who know more than the history holds and is filled
        with -1 for those who know almost everything.
    """
    known, relevant = users_with_answers(known, relevant)
    histories = padded(known, history_length)
    evaluation = Evaluation(histories, known, relevant, *scorer.recommend(histories, histories))
    ranking = evaluation.items.copy()
    for users, length in _of_like_length(np.diff(known.offsets), history_length):
        everything = known.at(users)
        found, _, _ = scorer.recommend(histories[users], padded(everything, length))
        # Where fewer items are left than asked for, known ones come last.
        ranking[users] = without_known(found, everything)
    return evaluation, ranking


def _of_like_length(lengths: npt.NDArray[np.int64], longer_than: int) -> Iterator[tuple[npt.NDArray[np.intp], int]]:
    """Group the users with more ids than so many, each group with the ids to make room for.

    One user who knows everything would else take as much memory of all others; and each other length is traced anew.
    """
    room = longer_than
    while room < lengths.max(initial=0):
        smaller, room = room, 2 * room
        users = np.flatnonzero((smaller < lengths) & (lengths <= room))
        if len(users):
            yield users, room


def kept_items(vocabulary_size: int, excluded: int) -> int:
    """Return how many reference items to keep per user, when up to `excluded` ids can't be returned."""
    return max(1, min(KEPT_ITEMS, vocabulary_size - RESERVED_IDS - excluded))
