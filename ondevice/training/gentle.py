"""Training a trained model on without harm: as a callback of any Keras `fit`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

SHARE = 0.01
"""Share of the optimizer's learning rate at which training on begins, without another one."""
STILL = 0.1
"""Share of the steps in which the rate is still zero, while the optimizer's empty moments fill."""


@keras.saving.register_keras_serializable(package="ondevice")
class FallingRate(keras.optimizers.schedules.LearningRateSchedule):
    """Zero for some steps, then a rate that falls along half a cosine.

    Args:
        rate: the highest rate.
        first: number of the first step.
        still: steps at zero.
        steps: steps in all.
    """

    def __init__(self, rate: float, first: int, still: int, steps: int) -> None:
        super().__init__()
        self.rate, self.first, self.still, self.steps = rate, first, still, steps

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step."""
        done = keras.ops.cast(step, "float32") - float(self.first)
        share = keras.ops.clip((done - self.still) / max(1, self.steps - self.still), 0.0, 1.0)
        falling = 0.5 * self.rate * (1 + keras.ops.cos(np.pi * share))
        return keras.ops.where(done < self.still, 0.0, falling)

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds it."""
        return {"rate": self.rate, "first": self.first, "still": self.still, "steps": self.steps}


class GentleStart(keras.callbacks.Callback):
    """Lets a trained model be trained on without harm.

    An optimizer that begins with empty moments moves rows that are seldom used by steps of the size of its rate,
    whatever their gradient. So the rate is zero until the moments are filled, begins low and falls, and with validation
    data the weights of the best epoch are kept, those at the start among them.

    Args:
        rate: the highest learning rate; a hundredth of the optimizer's without it.

    Example:
        >>> model.fit(x, y, epochs=2, validation_data=(v, w), callbacks=[ondevice.GentleStart()])  # doctest: +SKIP
    """

    def __init__(self, rate: float | None = None) -> None:
        super().__init__()
        self.rate = rate
        self.best: list[np.ndarray] | None = None
        self.least = np.inf

    def on_train_begin(self, logs: Any = None) -> None:
        """Take the optimizer's rate over."""
        optimizer = self.model.optimizer
        self.before = optimizer._learning_rate
        is_schedule = isinstance(self.before, keras.optimizers.schedules.LearningRateSchedule)
        highest = float(self.before(0)) if is_schedule else float(optimizer.learning_rate)
        self.top = SHARE * highest if self.rate is None else self.rate
        self.steps, self.first = 0, int(optimizer.iterations)
        self._schedule((self.params.get("steps") or 0) * self.params["epochs"])
        self.best = [np.array(weights) for weights in self.model.get_weights()]

    def _schedule(self, steps: int) -> None:
        """Set the rate; where nobody knows how many steps there are it does not fall before the first epoch is over."""
        self.planned = steps
        still = max(1, int(STILL * steps)) if steps else 1
        self.model.optimizer._learning_rate = FallingRate(self.top, self.first, still, steps or 1 << 30)
        self.model.train_function = None
