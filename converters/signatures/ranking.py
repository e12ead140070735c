"""Ranking: the best items of all, without those of the history."""

from __future__ import annotations

from typing import Any, ClassVar

import tensorflow as tf

from converters.signature import Signature
from ondevice import task as tasks
from ondevice.ids import PADDING_ID
from ondevice.task import Task
from ondevice.topk.best import best_items


class Recommend(Signature):
    """`recommend(ids) -> items, scores`: the scores are those of the network, in any range."""

    task: ClassVar[Task] = tasks.load("ranking")

    def answer(self, ids: Any, found: Any) -> tuple[Any, Any]:
        """Return the best items that may be returned."""
        excluded = ids if self.exclude_history else tf.zeros([1, 0], tf.int32)
        if self.output is None:
            return best_items(tf.ensure_shape(found, [1, self.vocabulary_size]), excluded, self.top_k)
        # No id is below that of padding by now, which the converter does not know.
        place = tf.minimum(ids[:, 0], PADDING_ID)
        best = tf.autograph.experimental.do_not_convert(self.output.best)
        items, scores = best(found, excluded, self.top_k, place)
        return items, scores
