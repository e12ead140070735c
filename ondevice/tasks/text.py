"""Text: the last words of a text in, the probability of every label out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ondevice.data.labelled import LabelledSplit
from ondevice.data.lists import Lists
from ondevice.data.texts import LabelledTexts
from ondevice.errors import OnDeviceError
from ondevice.training.evaluation import Evaluation
from ondevice.training.labelled_task import LabelledTask
from ondevice.training.metrics import macro_f1
from ondevice.units import counted


class Text(LabelledTask[LabelledTexts]):
    """Softmax cross-entropy over the labels; accuracy."""

    title = "the label of a text"
    signature = "classify"
    item, example = "word", "text"
    metrics = ("accuracy",)

    def require(self, data: LabelledTexts) -> None:
        """Refuse fewer than two labels, too."""
        if len(data.labels) < 2:
            found = counted(len(data.labels), "label")
            raise OnDeviceError(f"data set {data.name!r} has {found}; at least 2 are needed to tell apart.")
        super().require(data)

    def loss(self) -> Callable[[Any, Any], Any]:
        """Return the softmax cross-entropy."""
        from ondevice.training.loss import softmax_over_labels

        return softmax_over_labels

    def said(self) -> Callable[[Any], tuple[Any, Any]]:
        """Return what gives all labels, the most probable first."""
        from ondevice.topk.best import best_labels

        return lambda scores: best_labels(scores, scores.shape[1])

    def right(self, split: LabelledSplit) -> Lists:
        """Return the label of every text."""
        return Lists(np.arange(len(split) + 1, dtype=np.int64), split.labels)

    def figures(self, data: LabelledTexts, evaluation: Evaluation) -> dict[str, float]:
        """Return the macro F1."""
        return {"macro f1": macro_f1(evaluation.items[:, 0], data.test.labels, len(data.labels))}
