"""The base of every objective: what a model of a task learns from, what it answers and how that is measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from ondevice.data.split_data import SplitData
from ondevice.embeddings.method import Method
from ondevice.models.output import Output
from ondevice.registry import Registry
from ondevice.training.config import TrainConfig
from ondevice.training.evaluation import Evaluation

if TYPE_CHECKING:
    import keras

Data = TypeVar("Data", bound=SplitData)

Ids = npt.NDArray[np.int32]
Answers = tuple[Ids, npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""Answers int32 `[examples, k]`, best first, their scores float32 `[examples, k]`, ranges of scores `[examples]`."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What a trained model was found to do on the test split.

    Args:
        evaluation: its answers, with which every exported file is compared.
        test: metrics by name, and the number of examples by their plural.
        values: the task's metric of each test example, whose mean it is, float64 `[examples]`.
        by_popularity: metrics by class of items, see `metrics.by_popularity`; empty where answers are no items.
    """

    evaluation: Evaluation
    test: dict[str, float]
    values: npt.NDArray[np.float64]
    by_popularity: dict[str, dict[str, float]] = field(default_factory=dict)


class Objective(ABC, Generic[Data]):
    """An objective; its file has the name of its task. It imports TensorFlow only when training begins."""

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
    def output(
        self, kind: type[Output], method: Method, width: int, config: TrainConfig, labels: tuple[str, ...]
    ) -> Output:
        """Build the configured output layer.

        Args:
            kind: the member of the family.
            method: the embedding method.
            width: numbers of the hidden vector.
            config: the settings, of which the output layer's matter.
            labels: names of the labels, where answers are labels.

        Raises:
            UsageError: the layer can't reach the ratio, or is not for this method or task.
        """

    @abstractmethod
    def examples(self, config: TrainConfig, data: Data, ids: Ids) -> Any:
        """Return the training examples as a `keras.utils.PyDataset` with a field `epoch`, which the loop sets.

        Args:
            config: the settings.
            data: the data set.
            ids: the id of every item.

        Raises:
            OnDeviceError: there is nothing to learn from.
        """

    @abstractmethod
    def loss(self) -> Callable[[Any, Any], Any]:
        """Return the loss of targets and scores, float32 `[batch]`."""

    def taught(self) -> Callable[[Any, Any], Any]:
        """Return the loss of a teacher's scores and the model's own, float32 `[batch]`."""
        from ondevice.training.loss import softmax_taught

        return softmax_taught

    @abstractmethod
    def validation(self, config: TrainConfig, data: Data, ids: Ids, model: keras.Model) -> Callable[[], float]:
        """Return what measures the task's metric on the validation split, asked after every epoch.

        Args:
            config: the settings.
            data: the data set.
            ids: the id of every item.
            model: the network that is trained meanwhile.
        """

    @abstractmethod
    def measure(self, config: TrainConfig, data: Data, ids: Ids, model: keras.Model, method: Method) -> Measured:
        """Let a trained model answer the test split.

        Args:
            config: the settings.
            data: the data set.
            ids: the id of every item.
            model: the network.
            method: the embedding method whose tables it holds.
        """

    @abstractmethod
    def answers(self, model: keras.Model, method: Method, ids: Ids, excluded: Ids) -> Answers:
        """Return the reference's answers to given ids.

        Args:
            model: the network.
            method: its embedding method.
            ids: int32 `[examples, length]`, each within the vocabulary.
            excluded: ids that must not be answered, int32 `[examples, entries]`.
        """

    @abstractmethod
    def scores_of(self, ids: Ids, labels: tuple[str, ...]) -> npt.NDArray[np.integer]:
        """Return the places of a model's scores, in the order of another model that numbers its ids differently.

        Args:
            ids: the first model's id of each of the other one's ids.
            labels: names of the labels, the same in both.
        """


registry: Registry[Objective[Any]] = Registry("objective", "ondevice.training.objectives", Objective)


def objective_of(task: str) -> Objective[Any]:
    """Return the objective of a task.

    Raises:
        UsageError: there is no task of this name.
    """
    return registry.load(task)()
