"""Adagrad with decoupled weight decay."""

from __future__ import annotations

from typing import Any

from ondevice.training.optimizer import Optimizer


class Adagrad(Optimizer):
    """Divides by the root of all squared gradients so far (Duchi, Hazan and Singer, JMLR 2011)."""

    def make(self, schedule: Any, weight_decay: float) -> Any:
        """Return Keras' own."""
        import keras

        return keras.optimizers.Adagrad(schedule, weight_decay=weight_decay)
