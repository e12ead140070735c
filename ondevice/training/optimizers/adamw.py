"""Adam with decoupled weight decay."""

from __future__ import annotations

from typing import Any

from ondevice.training.optimizer import Optimizer


class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019): a step moves every row that ever moved."""

    def make(self, schedule: Any, weight_decay: float) -> Any:
        """Return Keras' own."""
        import keras

        return keras.optimizers.AdamW(schedule, weight_decay=weight_decay)
