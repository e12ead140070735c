"""What the tasks of labelled examples share: the ids of an example in, what is said of its few labels out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ondevice.data.labelled import Labelled, LabelledSplit
from ondevice.data.lists import Lists, padded
from ondevice.embeddings.method import Method
from ondevice.errors import OnDeviceError, UsageError
from ondevice.ids import UNKNOWN_ID
from ondevice.models.output import Output
from ondevice.task import Task
from ondevice.training import metrics
from ondevice.training.config import TrainConfig
from ondevice.training.evaluation import Answers, Evaluation, Ids, Measured
from ondevice.units import counted

if TYPE_CHECKING:
    import keras

OUTPUT = "dense"

Examples = TypeVar("Examples", bound=Labelled)


class LabelledTask(Task[Examples]):
    """A task of examples that have a label."""

    answer = "label"

    @abstractmethod
    def said(self) -> Callable[[Any], tuple[Any, Any]]:
        """Return what turns scores into labels, best first, and probabilities; see `label_scorer`."""

    @abstractmethod
    def right(self, split: LabelledSplit) -> Lists:
        """Return the right answers of every example."""

    @abstractmethod
    def figures(self, data: Examples, evaluation: Evaluation) -> dict[str, float]:
        """Return what is reported of the test split beside the task's metrics, by name."""

    def require(self, data: Examples) -> None:
        """Refuse an empty split and a vocabulary without keys."""
        if not data.items:
            raise OnDeviceError(
                f"data set {data.name!r} has no {self.item} that occurs often enough; see minimum_count."
            )
        for name, split in (("training", data.train), ("validation", data.valid), ("test", data.test)):
            if not len(split):
                raise OnDeviceError(f"data set {data.name!r} has no {name} {self.examples}; every split needs some.")

    def output(
        self, kind: type[Output], method: Method, width: int, config: TrainConfig, labels: tuple[str, ...]
    ) -> Output:
        """Build the dense layer, the only one that few labels need."""
        if config.output != OUTPUT or config.output_ratio != 1:
            asked = f"{config.output!r} at output_ratio {config.output_ratio:g}"
            few = f"{self.examples}, which have {counted(len(labels), self.answer)} only"
            raise UsageError(f"output is {asked}; allowed is {OUTPUT!r} at 1 for {few}.")
        return kind(len(labels), width)

    def training_examples(self, config: TrainConfig, data: Examples, ids: Ids) -> Any:
        """Return each example once per epoch."""
        from ondevice.training.examples import LabelledExamples

        return LabelledExamples(
            last_keys(data.train, ids, config.sample_length),
            data.train.labels,
            config.batch_size,
            config.unknown_share,
            config.seed,
        )

    def taught(self) -> Callable[[Any, Any], Any]:
        """Return the cross-entropy to the teacher's probabilities."""
        from ondevice.training.loss import softmax_taught

        return softmax_taught

    def validation(self, config: TrainConfig, data: Examples, ids: Ids, model: keras.Model) -> Callable[[], float]:
        """Measure some validation examples."""
        split = data.valid
        if len(split) > config.validation_users:
            split = split.of(
                np.sort(np.random.default_rng(0).choice(len(split), config.validation_users, replace=False))
            )
        given = last_keys(split, ids, config.history_length)
        relevant = self.right(split)
        answer = self._answering(model)

        def value() -> float:
            answers, scores, _ = answer(given)
            return float(np.mean(metrics.per_user(answers, relevant, self.metric, scores)))

        return value

    def measure(self, config: TrainConfig, data: Examples, ids: Ids, model: keras.Model, method: Method) -> Measured:
        """Answer every test example."""
        given = last_keys(data.test, ids, config.history_length)
        known = Lists.of([[]] * len(given))
        evaluation = Evaluation(given, known, self.right(data.test), *self._answering(model)(given))
        values = {
            name: metrics.per_user(evaluation.items, evaluation.relevant, name, evaluation.scores)
            for name in self.metrics
        }
        found = {name: float(np.mean(each)) for name, each in values.items()}
        figures = self.figures(data, evaluation)
        test = {**found, **figures, self.examples: float(len(evaluation))}
        return Measured(evaluation, test, values[self.metric])

    def reference_answers(self, model: keras.Model, method: Method, ids: Ids, excluded: Ids) -> Answers:
        """Return what is said of all labels."""
        return self._answering(model)(ids)

    def _answering(self, model: keras.Model) -> Callable[[Ids], Answers]:
        from ondevice.training.score import label_scorer

        return label_scorer(model, self.said())


def last_keys(split: LabelledSplit, ids: Ids, length: int) -> Ids:
    """Return the ids of the last keys of every example, filled with padding behind, int32 `[examples, length]`."""
    # What has no key is numbered -1, the last place.
    return padded(split.keys.mapped(np.append(ids, np.int32(UNKNOWN_ID))), length)
