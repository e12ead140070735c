"""Checkpoints: a run that was interrupted goes on after its last whole epoch, as if nothing had happened."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ondevice import files, records
from ondevice.training.run_folder import CHECKPOINTS, Epoch

STATE_FILE = "state.json"
SECONDS_BETWEEN = 10.0
"""Between two checkpoints, at least; that much work is lost at most when a run is interrupted, or one epoch."""

Array = npt.NDArray[Any]


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

    def after(self, epoch: Epoch) -> State:
        """Return the state with one more epoch."""
        history = (*self.history, epoch)
        if epoch.validation > self.best:
            return State(history, len(history) - 1, epoch.validation)
        return State(history, self.best_epoch, self.best)

    @property
    def epochs_without_gain(self) -> int:
        """Number of epochs since the best one."""
        return len(self.history) - 1 - self.best_epoch


class Checkpoints:
    """The checkpoint files of one run folder.

    Each checkpoint writes files of its own name and then the state that names them, so a run that is stopped at any
    moment finds a state whose files are whole. Short epochs are not worth one each, see `SECONDS_BETWEEN`.
    """

    def __init__(self, run_folder: Path) -> None:
        self.folder = run_folder / CHECKPOINTS
        self.best: list[Array] = []
        self.written = time.monotonic()

    def state(self) -> State:
        """Return the state of the last epoch that was written."""
        path = self.folder / STATE_FILE
        return records.read(State, path, "checkpoint state") if path.is_file() else State()

    def save(self, model: keras.Model, state: State) -> None:
        """Keep the weights after an epoch if they are the best, and write them with model and optimizer if it is time.

        Args:
            model: the model after the epoch.
            state: how far the run has come with it.
        """
        epoch = len(state.history) - 1
        if state.best_epoch == epoch:
            self.best = [np.array(weights) for weights in model.get_weights()]
        if time.monotonic() - self.written < SECONDS_BETWEEN:
            return
        with files.replacing(self._latest(epoch)) as temporary:
            model.save(temporary)
        best = self._best(state.best_epoch)
        if not best.exists():
            with files.replacing(best) as temporary:
                np.savez(temporary, *self.best)
        records.write(self.folder / STATE_FILE, state)
        keep = {self._latest(epoch), best, self.folder / STATE_FILE}
        for path in set(self.folder.iterdir()) - keep:
            path.unlink()
        self.written = time.monotonic()

    def restore(self, model: keras.Model, state: State) -> None:
        """Give a compiled model all variables that it had after the last epoch written, its optimizer's included.

        The loaded model itself is not used: Keras does not save which variables weight decay leaves out.
        """
        saved = keras.saving.load_model(self._latest(len(state.history) - 1))
        model.optimizer.build(model.trainable_variables)
        pairs = [(model.variables, saved.variables), (model.optimizer.variables, saved.optimizer.variables)]
        for targets, sources in pairs:
            for target, source in zip(targets, sources, strict=True):
                target.assign(source)
        with np.load(self._best(state.best_epoch)) as stored:
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
