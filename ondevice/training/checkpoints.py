"""Checkpoints: a run that was interrupted goes on after its last whole epoch, as if nothing had happened."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import keras

from ondevice import files, records
from ondevice.training.run_folder import CHECKPOINTS, Epoch

STATE_FILE = "state.json"


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
    best: float = float("-1")

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

    Each epoch writes files of its own name and then the state that names them, so a run that is stopped at any
    moment finds a state whose files are whole.
    """

    def __init__(self, run_folder: Path) -> None:
        self.folder = run_folder / CHECKPOINTS

    def state(self) -> State:
        """Return the state of the last whole epoch."""
        path = self.folder / STATE_FILE
        return records.read(State, path, "checkpoint state") if path.is_file() else State()

    def save(self, model: keras.Model, state: State) -> None:
        """Keep the model with its optimizer after an epoch, and its weights if they are the best."""
        epoch = len(state.history) - 1
        with files.replacing(self._latest(epoch)) as temporary:
            model.save(temporary)
        if state.best_epoch == epoch:
            with files.replacing(self._best(epoch)) as temporary:
                model.save_weights(temporary)
        records.write(self.folder / STATE_FILE, state)
        keep = {self._latest(epoch), self._best(state.best_epoch), self.folder / STATE_FILE}
        for path in set(self.folder.iterdir()) - keep:
            path.unlink()

    def restore(self, model: keras.Model, state: State) -> None:
        """Give a compiled model all variables that it had after the last whole epoch, its optimizer's included.

        The loaded model itself is not used: Keras does not save which variables weight decay leaves out.
        """
        saved = keras.saving.load_model(self._latest(len(state.history) - 1))
        model.optimizer.build(model.trainable_variables)
        pairs = [(model.variables, saved.variables), (model.optimizer.variables, saved.optimizer.variables)]
        for targets, sources in pairs:
            for target, source in zip(targets, sources, strict=True):
                target.assign(source)

    def load_best(self, model: keras.Model, state: State) -> None:
        """Load the best epoch's weights into the model."""
        model.load_weights(self._best(state.best_epoch))

    def remove(self) -> None:
        """Remove everything; the run is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _latest(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch:04d}.keras"

    def _best(self, epoch: int) -> Path:
        return self.folder / f"best-{epoch:04d}.weights.h5"
