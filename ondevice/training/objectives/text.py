"""Text: the last words of a text in, the probability of every label out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ondevice import task as tasks
from ondevice.data.lists import Lists, padded
from ondevice.data.texts import LabelledTexts, TextSplit
from ondevice.embeddings.method import Method
from ondevice.errors import OnDeviceError, UsageError
from ondevice.ids import UNKNOWN_ID
from ondevice.models.output import Output
from ondevice.training import metrics
from ondevice.training.config import TrainConfig
from ondevice.training.evaluation import Evaluation
from ondevice.training.objective import Answers, Ids, Measured, Objective

if TYPE_CHECKING:
    import keras

TASK = tasks.load("text")
OUTPUT = "dense"


class Text(Objective[LabelledTexts]):
    """Softmax cross-entropy over the labels; accuracy."""

    def require(self, data: LabelledTexts) -> None:
        """Refuse an empty split, a vocabulary without words and fewer than two labels."""
        if len(data.labels) < 2:
            found = f"{len(data.labels)} label{'' if len(data.labels) == 1 else 's'}"
            raise OnDeviceError(f"data set {data.name!r} has {found}; at least 2 are needed to tell apart.")
        if not data.items:
            raise OnDeviceError(f"data set {data.name!r} has no word that occurs often enough; see minimum_count.")
        for name, split in (("training", data.train), ("validation", data.valid), ("test", data.test)):
            if not len(split):
                raise OnDeviceError(f"data set {data.name!r} has no {name} texts; every split needs some.")

    def output(
        self, kind: type[Output], method: Method, width: int, config: TrainConfig, labels: tuple[str, ...]
    ) -> Output:
        """Build the dense layer, the only one that few labels need."""
        if config.output != OUTPUT or config.output_ratio != 1:
            asked = f"{config.output!r} at output_ratio {config.output_ratio:g}"
            raise UsageError(
                f"output is {asked}; allowed is {OUTPUT!r} at 1 for texts, whose {len(labels)} labels need no other."
            )
        return kind(len(labels), width)

    def examples(self, config: TrainConfig, data: LabelledTexts, ids: Ids) -> Any:
        """Return one example per text and epoch."""
        from ondevice.training.text_examples import TextExamples

        return TextExamples(
            last_words(data.train, ids, config.sample_length),
            data.train.labels,
            config.batch_size,
            config.unknown_share,
            config.seed,
        )

    def loss(self) -> Callable[[Any, Any], Any]:
        """Return the softmax cross-entropy."""
        from ondevice.training.loss import softmax_over_labels

        return softmax_over_labels

    def validation(self, config: TrainConfig, data: LabelledTexts, ids: Ids, model: keras.Model) -> Callable[[], float]:
        """Measure some validation texts."""
        from ondevice.training.score import Classifier

        split = data.valid
        if len(split) > config.validation_users:
            split = split.of(
                np.sort(np.random.default_rng(0).choice(len(split), config.validation_users, replace=False))
            )
        given = last_words(split, ids, config.history_length)
        relevant = _right(split)
        classifier = Classifier(model)

        def value() -> float:
            labels, _, _ = classifier.classify(given)
            return metrics.means(labels, relevant, (TASK.metric,))[TASK.metric]

        return value

    def measure(
        self, config: TrainConfig, data: LabelledTexts, ids: Ids, model: keras.Model, method: Method
    ) -> Measured:
        """Classify every test text."""
        from ondevice.training.score import Classifier

        given = last_words(data.test, ids, config.history_length)
        evaluation = Evaluation(
            given, Lists.of([[]] * len(given)), _right(data.test), *Classifier(model).classify(given)
        )
        return Measured(
            evaluation,
            {
                **metrics.means(evaluation.items, evaluation.relevant, TASK.metrics),
                "macro f1": metrics.macro_f1(evaluation.items[:, 0], data.test.labels, len(data.labels)),
                TASK.examples: float(len(evaluation)),
            },
        )

    def answers(self, model: keras.Model, method: Method, ids: Ids, excluded: Ids) -> Answers:
        """Return all labels."""
        from ondevice.training.score import Classifier

        return Classifier(model).classify(ids)

    def scores_of(self, ids: Ids, labels: tuple[str, ...]) -> npt.NDArray[np.integer]:
        """Return the labels in order, which all models of a data set share."""
        return np.arange(len(labels))


def last_words(split: TextSplit, ids: Ids, length: int) -> Ids:
    """Return the ids of the last words of every text, filled with padding behind, int32 `[texts, length]`."""
    # Words out of the vocabulary are numbered -1, the last place.
    return padded(split.words.mapped(np.append(ids, np.int32(UNKNOWN_ID))), length)


def _right(split: TextSplit) -> Lists:
    return Lists(np.arange(len(split) + 1, dtype=np.int64), split.labels)
