"""Clicks: the probability of a click."""

from __future__ import annotations

from typing import Any, ClassVar

from converters.signature import Signature
from ondevice import task as tasks
from ondevice.task import Task
from ondevice.topk.best import click_probability


class Score(Signature):
    """`score(ids) -> labels, scores`: the one label, which is that of a click, and its probability."""

    task: ClassVar[Task] = tasks.load("clicks")

    def answer(self, ids: Any, found: Any) -> tuple[Any, Any]:
        """Return the label of a click and its probability."""
        return click_probability(found, ids)
