"""AdamW that touches only the rows that a step has used."""

from __future__ import annotations

from typing import Any, ClassVar

from ondevice.training.optimizer import Optimizer


class LazyAdamW(Optimizer):
    """Adam and weight decay for the rows that were looked up alone, so that a step costs the same for any vocabulary.

    The moments of a row stand still while it is not used, where `adamw` lets them fade and moves the row on. The step
    is not compiled by XLA, so that for small vocabularies `adamw` is faster.
    """

    compiled: ClassVar[bool] = False

    def make(self, schedule: Any, weight_decay: float) -> Any:
        """Return the Keras optimizer."""
        from ondevice.training.lazy import LazyAdamW as Lazy

        return Lazy(schedule, weight_decay=weight_decay)
