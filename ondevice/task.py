"""The base of every task: what a model is for, what it learns from, what it answers and how that is measured."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

from ondevice.errors import UsageError
from ondevice.registry import Registry, member_name

RANKING = "ranking"

Data = TypeVar("Data")


class Task(ABC, Generic[Data]):
    """A task; its file has its name. It imports TensorFlow only when training begins.

    Everything may know a task, so this base knows no layer, no settings and no data but as `Any`; members do.
    """

    title: ClassVar[str]
    """One line for lists."""
    signature: ClassVar[str]
    """Name of the file's signature."""
    item: ClassVar[str]
    """What an id stands for, e.g. `"item"`."""
    example: ClassVar[str]
    """What is answered once, e.g. `"user"`."""
    answer: ClassVar[str]
    """What an answer consists of, e.g. `"item"`; its plural is the name of the file's first output."""
    metrics: ClassVar[tuple[str, ...]]
    """Names of the metrics; the first one is shown first, chooses epochs and settings, and is validated."""
    top_k: ClassVar[int] = 0
    """Items per answer if nobody says otherwise, without those given; 0 where every answer has all labels."""
    one_answer: ClassVar[bool] = False
    """Whether there is but one answer, so that only its score can change."""

    @property
    def name(self) -> str:
        """Name of the task."""
        return member_name(type(self))

    @property
    def metric(self) -> str:
        """The metric that is shown first."""
        return self.metrics[0]

    @property
    def items(self) -> str:
        """Plural of `item`."""
        return f"{self.item}s"

    @property
    def examples(self) -> str:
        """Plural of `example`."""
        return f"{self.example}s"

    def require_metric(self, metric: str | None) -> str:
        """Return the metric asked for, or the one shown first if none is.

        Raises:
            UsageError: the task is not measured by it.
        """
        if metric is not None and metric not in self.metrics:
            raise UsageError(
                f"unknown metric {metric!r} of the task {self.name!r}. Choose one of: {', '.join(self.metrics)}."
            )
        return metric or self.metric

    @abstractmethod
    def require(self, data: Data) -> None:
        """Refuse data that is too small to be measured.

        Raises:
            OnDeviceError: a split or what it needs is missing.
        """

    def require_length(self, history_length: int, items: int) -> None:
        """Refuse more ids per call than leave enough to answer with.

        Args:
            history_length: ids per call.
            items: number of items.

        Raises:
            UsageError: there are not enough.
        """

    @abstractmethod
    def output(self, kind: Any, method: Any, width: int, config: Any, labels: tuple[str, ...]) -> Any:
        """Build the configured output layer.

        Args:
            kind: the member of the family `ondevice.models.output.Output`.
            method: the embedding method.
            width: numbers of the hidden vector.
            config: the `TrainConfig`, of which the output layer's settings matter.
            labels: names of the labels, where answers are labels.

        Raises:
            UsageError: the layer can't reach the ratio, or is not for this method or task.
        """

    @abstractmethod
    def training_examples(self, config: Any, data: Data, ids: Any) -> Any:
        """Return the training examples as a `keras.utils.PyDataset` with a field `epoch`, which the loop sets.

        Args:
            config: the settings.
            data: the data set.
            ids: the id of every item, int32 `[items]`.

        Raises:
            OnDeviceError: there is nothing to learn from.
        """

    @abstractmethod
    def loss(self) -> Callable[[Any, Any], Any]:
        """Return the loss of targets and scores, float32 `[batch]`."""

    @abstractmethod
    def taught(self) -> Callable[[Any, Any], Any]:
        """Return the loss of a teacher's scores and the model's own, float32 `[batch]`."""

    @abstractmethod
    def validation(self, config: Any, data: Data, ids: Any, model: Any) -> Callable[[], float]:
        """Return what measures the task's metric on the validation split, asked after every epoch.

        Args:
            config, data, ids: as for `training_examples`.
            model: the network that is trained meanwhile.
        """

    @abstractmethod
    def measure(self, config: Any, data: Data, ids: Any, model: Any, method: Any) -> Any:
        """Let a trained model answer the test split; returns an `ondevice.training.evaluation.Measured`.

        Args:
            config, data, ids: as for `training_examples`.
            model: the network.
            method: the embedding method whose tables it holds.
        """

    @abstractmethod
    def reference_answers(self, model: Any, method: Any, ids: Any, excluded: Any) -> Any:
        """Return a model's answers to given ids, as `ondevice.training.evaluation.Answers`.

        Args:
            model: the network.
            method: its embedding method.
            ids: int32 `[examples, length]`, each within the vocabulary.
            excluded: ids that must not be answered, int32 `[examples, entries]`.
        """


registry: Registry[Task[Any]] = Registry("task", "ondevice.tasks", Task)


def names() -> list[str]:
    """List the tasks."""
    return registry.names()


@functools.cache
def load(name: str) -> Task[Any]:
    """Return a task.

    Raises:
        UsageError: there is no task of this name.
    """
    return registry.load(name)()
