"""Text: every label with its probability."""

from __future__ import annotations

from typing import Any, ClassVar

from converters.signature import Signature
from ondevice import task as tasks
from ondevice.task import Task
from ondevice.topk.best import best_labels


class Classify(Signature):
    """`classify(ids) -> labels, scores`: the scores are probabilities, of all labels together one."""

    task: ClassVar[Task] = tasks.load("text")

    def answer(self, ids: Any, found: Any) -> tuple[Any, Any]:
        """Return the labels, the most probable first."""
        return best_labels(found, self.top_k)
