"""AdamW that touches only the rows that a step has used."""

from __future__ import annotations

from typing import Any, ClassVar

from ondevice.training.optimizer import Optimizer


class LazyAdamW(Optimizer):
    """Adam and weight decay for the rows that were looked up alone, however many there are.

    The moments of a row stand still while it is not used, where `adamw` lets them fade and moves the row on. No table
    is read as a whole, so that more ids cost little: no more than memory takes longer for rows far apart. The step is
    not compiled by XLA, so that for small vocabularies `adamw` is faster. With a batch of 256 x 64 ids of width 64 a
    step took 4.7 ms (`adamw`) and 6.7 ms for a full table of 10,000 ids, 1,198 and 24 ms for one of 10,000,000; for
    MEmCom at 16x 3.2 and 6.2 ms, 100 and 16 ms (`tests/benchmarks/step_time.py`, samples in
    `tests/benchmarks/results/step-time.json`, two cores of an Intel Xeon, 2026-11-29).
    """

    compiled: ClassVar[bool] = False

    def make(self, schedule: Any, weight_decay: float) -> Any:
        """Return the Keras optimizer."""
        from ondevice.training.lazy import LazyAdamW as Lazy

        return Lazy(schedule, weight_decay=weight_decay)
