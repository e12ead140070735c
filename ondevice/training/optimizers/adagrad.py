"""Adagrad with decoupled weight decay."""

from __future__ import annotations

from typing import Any

from ondevice.training.optimizer import Optimizer

EPSILON = 1e-14
"""Added to the sum, below the root: as small as what Adam adds to the root."""


class Adagrad(Optimizer):
    """Divides by the root of all squared gradients so far (Duchi, Hazan and Singer, JMLR 2011).

    The sum of squares starts at zero, as in the paper. Keras has it start at 0.1, far above the squares of gradients
    that are averaged over a batch, so that models stay near where they start.
    """

    def make(self, schedule: Any, weight_decay: float) -> Any:
        """Return Keras' own, with another start."""
        import keras

        return keras.optimizers.Adagrad(
            schedule, initial_accumulator_value=0.0, epsilon=EPSILON, weight_decay=weight_decay
        )
