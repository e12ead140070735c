"""Clicks: a value for each field in, the probability of a click out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ondevice.data.clicks import ClickLog
from ondevice.data.labelled import LabelledSplit
from ondevice.data.lists import Lists
from ondevice.embeddings.method import Method
from ondevice.errors import OnDeviceError
from ondevice.models.output import Output
from ondevice.training.config import TrainConfig
from ondevice.training.evaluation import Evaluation
from ondevice.training.labelled_task import LabelledTask
from ondevice.training.metrics import log_loss


class Clicks(LabelledTask[ClickLog]):
    """Logistic loss; the area under the receiver operating characteristic."""

    title = "the probability of a click"
    signature = "score"
    item, example = "value", "line"
    metrics = ("auc",)
    one_answer = True

    def require(self, data: ClickLog) -> None:
        """Refuse a split in which there are no clicks or nothing else, too."""
        super().require(data)
        for name, split in (("training", data.train), ("validation", data.valid), ("test", data.test)):
            if len(set(split.labels.tolist())) < 2:
                raise OnDeviceError(
                    f"data set {data.name!r} has {'only' if split.labels[0] else 'no'} clicks among its {name} lines; "
                    f"every split needs lines with and without one."
                )

    def output(
        self, kind: type[Output], method: Method, width: int, config: TrainConfig, labels: tuple[str, ...]
    ) -> Output:
        """Build the layer of one score; without hidden layers it has the vectors of all fields before it."""
        return super().output(kind, method, width if config.hidden else width * config.history_length, config, labels)

    def loss(self) -> Callable[[Any, Any], Any]:
        """Return the logistic loss."""
        from ondevice.training.loss import logistic

        return logistic

    def taught(self) -> Callable[[Any, Any], Any]:
        """Return the cross-entropy to the teacher's probability of a click."""
        from ondevice.training.loss import logistic_taught

        return logistic_taught

    def said(self) -> Callable[[Any], tuple[Any, Any]]:
        """Return what gives the probability of a click."""
        from ondevice.topk.best import click_probability

        return click_probability

    def right(self, split: LabelledSplit) -> Lists:
        """Return the one label for every line with a click, and none for others."""
        offsets = np.concatenate([[0], np.cumsum(split.labels, dtype=np.int64)])
        return Lists(offsets, np.zeros(int(offsets[-1]), np.int32))

    def figures(self, data: ClickLog, evaluation: Evaluation) -> dict[str, float]:
        """Return the mean loss, and the clicks that are expected over those that there are."""
        clicked, probability = data.test.labels, evaluation.scores[:, 0]
        return {
            "log loss": log_loss(probability, clicked),
            "calibration": float(probability.mean(dtype=np.float64) / clicked.mean()),
        }
