"""AMSGrad with decoupled weight decay."""

from __future__ import annotations

from typing import Any

from ondevice.training.optimizer import Optimizer


class AMSGrad(Optimizer):
    """Adam that divides by the largest second moment so far (Reddi, Kale and Kumar, ICLR 2018)."""

    def make(self, schedule: Any, weight_decay: float) -> Any:
        """Return Keras' own."""
        import keras

        return keras.optimizers.AdamW(schedule, weight_decay=weight_decay, amsgrad=True)
