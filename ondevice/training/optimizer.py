"""The base of every optimizer: how gradients become steps, with decoupled weight decay for all that may decay."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from ondevice.registry import Registry


class Optimizer(ABC):
    """An optimizer to train with."""

    compiled: ClassVar[bool] = True
    """Whether the training step can be compiled as a whole by XLA, which knows no arrays of unknown length."""

    @abstractmethod
    def make(self, schedule: Any, weight_decay: float) -> Any:
        """Return the Keras optimizer.

        Args:
            schedule: learning rate by step.
            weight_decay: share of the learning rate that a step takes from what decays.
        """


registry: Registry[Optimizer] = Registry("optimizer", "ondevice.training.optimizers", Optimizer)
