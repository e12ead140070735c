"""The optimizers: how gradients become steps, with decoupled weight decay for all that may decay."""

from __future__ import annotations

from typing import Any

LAZY = "lazy_adamw"
"""Adam and weight decay for the rows that were looked up alone, however many there are.

The moments of a row stand still while it is not used, where `adamw` lets them fade and moves the row on. No table is
read as a whole, so that more ids cost little: no more than memory takes longer for rows far apart. The step is not
compiled by XLA, so that for small vocabularies `adamw` is faster. With a batch of 256 x 64 ids of width 64 a step took
4.7 ms (`adamw`) and 6.7 ms for a full table of 10,000 ids, 1,198 and 24 ms for one of 10,000,000; for MEmCom at 16x 3.2
and 6.2 ms, 100 and 16 ms (`tests/benchmarks/step_time.py`, samples in `tests/benchmarks/results/step-time.json`, two
cores of an Intel Xeon, 2026-11-29).
"""

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    # Divides by the root of all squared gradients so far (Duchi, Hazan and Singer, JMLR 2011), a sum that starts at
    # zero as in the paper. Keras has it start at 0.1, far above the squares of gradients that are averaged over a
    # batch, so that models stay near where they start. Below the root is added as little as Adam adds to the root.
    "adagrad": ("SummedAdagrad", {"initial_accumulator_value": 0.0, "epsilon": 1e-14}),
    # Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019): a step moves every row that ever moved, and
    # decay shrinks the rows that the batch does not use as well.
    "adamw": ("SummedAdamW", {}),
    # Adam that divides by the largest second moment so far (Reddi, Kale and Kumar, ICLR 2018).
    "amsgrad": ("SummedAdamW", {"amsgrad": True}),
    LAZY: ("LazyAdamW", {}),
}
"""Class in `ondevice.training.row_gradients` and options of each optimizer by its name."""


def compiled(name: str) -> bool:
    """Tell whether XLA can compile the training step as a whole: it knows no arrays of unknown length."""
    return name != LAZY


def make(name: str, schedule: Any, weight_decay: float) -> Any:
    """Return the Keras optimizer.

    Args:
        name: one of `OPTIMIZERS`.
        schedule: learning rate by step.
        weight_decay: share of the learning rate that a step takes from what decays.
    """
    from ondevice.training import row_gradients

    kind, options = OPTIMIZERS[name]
    return getattr(row_gradients, kind)(schedule, weight_decay=weight_decay, **options)
