"""What happens around the epochs of Keras' `fit`: validation, early stopping, and checkpoints to go on after."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ondevice import files, records
from ondevice.errors import OnDeviceError
from ondevice.training.config import TrainConfig
from ondevice.training.run_folder import CHECKPOINTS, Epoch

STATE_FILE = "state.json"
SECONDS_BETWEEN = 10.0
"""Between two checkpoints, at least; that much work is lost at most when a run is interrupted, or one epoch."""

Array = npt.NDArray[Any]
Progress = Callable[[int, int, float], None]
"""Told after each step: epochs done, epochs at most and the share of the running epoch."""


@dataclass(frozen=True)
class State:
    """How far a run has come.

    Args:
        history: the epochs done.
        best_epoch: the epoch with the best validation metric, -1 before the first.
        best: its metric.
    """

    history: tuple[Epoch, ...] = ()
    best_epoch: int = -1
    best: float = -1.0

    @property
    def epochs_without_gain(self) -> int:
        """Number of epochs since the best one."""
        return len(self.history) - 1 - self.best_epoch


class Epochs(keras.callbacks.Callback):
    """Validate after each epoch, keep the best weights, and end when `patience` is over.

    A run that was interrupted goes on after its last whole epoch, as if nothing had happened. Each checkpoint writes
    files of its own name and then the state that names them, so a run that is stopped at any moment finds a state
    whose files are whole. Short epochs are not worth one each, see `SECONDS_BETWEEN`.

    Args:
        run_folder: folder of the run, which may hold checkpoints.
        config: the settings.
        examples: the training examples, whose `epoch` is set.
        validation: measures the model that is trained.
        progress: told how far training is.
    """

    def __init__(
        self, run_folder: Path, config: TrainConfig, examples: Any, validation: Callable[[], float], progress: Progress
    ) -> None:
        super().__init__()
        self.folder = run_folder / CHECKPOINTS
        self.config, self.examples, self.validation, self.progress = config, examples, validation, progress
        path = self.folder / STATE_FILE
        self.state = records.read(State, path, "checkpoint state") if path.is_file() else State()
        self.best: list[Array] = []
        self.started = self.written = time.monotonic()

    @property
    def are_left(self) -> bool:
        """Whether there is an epoch to train."""
        done = len(self.state.history)
        return done < self.config.epochs and self.state.epochs_without_gain < self.config.patience

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Let whatever is random depend on (seed, epoch) alone: its state is not saved."""
        self.examples.epoch = epoch
        for number, layer in enumerate(self.model.layers):
            generator = getattr(layer, "seed_generator", None)
            if generator is not None:
                generator.state.assign([self.config.seed, epoch * len(self.model.layers) + number])
        self.started = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Tell the progress."""
        self.progress(len(self.state.history), self.config.epochs, (batch + 1) / len(self.examples))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Validate, and write what the run needs to go on from here, if it is time.

        Raises:
            OnDeviceError: the loss or a weight is not finite.
        """
        loss = float(logs["loss"])
        # The loss is that before the last step.
        finite = all(np.isfinite(weights).all() for weights in self.model.get_weights())
        if not (finite and math.isfinite(loss)):
            weights = "" if finite else ", with weights that are not finite"
            raise OnDeviceError(
                f"training diverged: the loss of epoch {epoch + 1} is {loss}{weights}; allowed is a finite one, which "
                f"a learning_rate below {self.config.learning_rate:g} may give."
            )
        value = self.validation()
        history = (*self.state.history, Epoch(loss, value, time.monotonic() - self.started))
        self.state = replace(self.state, history=history)
        if value > self.state.best:
            self.state = State(history, epoch, value)
            self.best = [np.array(weights) for weights in self.model.get_weights()]
        if time.monotonic() - self.written >= SECONDS_BETWEEN:
            self._write(epoch)
        self.progress(epoch + 1, self.config.epochs, 0.0)
        self.model.stop_training = not self.are_left

    def _write(self, epoch: int) -> None:
        with files.replacing(self._latest(epoch)) as temporary:
            self.model.save(temporary)
        best = self._best(self.state.best_epoch)
        if not best.exists():
            with files.replacing(best) as temporary:
                np.savez(temporary, *self.best)
        records.write(self.folder / STATE_FILE, self.state)
        keep = {self._latest(epoch), best, self.folder / STATE_FILE}
        for path in set(self.folder.iterdir()) - keep:
            path.unlink()
        self.written = time.monotonic()

    def restore(self, model: keras.Model) -> None:
        """Give a compiled model all variables that it had after the last epoch written, its optimizer's included.

        The loaded model itself is not used: Keras does not save which variables weight decay leaves out.
        """
        saved = keras.saving.load_model(self._latest(len(self.state.history) - 1))
        model.optimizer.build(model.trainable_variables)
        pairs = [(model.variables, saved.variables), (model.optimizer.variables, saved.optimizer.variables)]
        for targets, sources in pairs:
            for target, source in zip(targets, sources, strict=True):
                target.assign(source)
        with np.load(self._best(self.state.best_epoch)) as stored:
            self.best = [stored[name] for name in stored.files]

    def load_best(self, model: keras.Model) -> None:
        """Load the best epoch's weights into the model."""
        model.set_weights(self.best)

    def remove(self) -> None:
        """Remove everything; the run is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _latest(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch:04d}.keras"

    def _best(self, epoch: int) -> Path:
        return self.folder / f"best-{epoch:04d}.npz"
