"""The raw samples of a sweep: each user's metric in every training, one array per training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ondevice import arrays, files
from ondevice.errors import OnDeviceError, UsageError
from ondevice.reporting.sweep.record import Sweep, Trial

USERS_FILE = "sweep-users.npz"

FloatArray = npt.NDArray[np.float64]


def write_users(trials: Sequence[Trial], values: Sequence[FloatArray], folder: Path) -> None:
    """Write what `read_users` reads; before the report, so that one that is there always has its values.

    Args:
        trials: the trainings.
        values: the metric, float64 `[users]` per training.
        folder: where to.
    """
    arrays = {trial.title: found for trial, found in zip(trials, values, strict=True)}
    with files.replacing(folder / USERS_FILE) as temporary:
        np.savez_compressed(temporary, **arrays)


def read_users(folder: Path, sweep: Sweep) -> FloatArray:
    """Return each user's metric, float64 `[trainings, users]`.

    Args:
        folder: folder of the sweep.
        sweep: its report, whose means the values must have.

    Raises:
        UsageError: there is no such file.
        OnDeviceError: the file is damaged or of another sweep.
    """
    path = folder / USERS_FILE
    if not path.is_file():
        raise UsageError(f"values of users {str(path)!r} do not exist; `ondevice sweep` writes them.")
    stored = arrays.read_archive(path, "values of users")
    found = {name: stored[name] for name in (trial.title for trial in sweep.trials) if name in stored}
    for trial in sweep.trials:
        values, mean = found.get(trial.title), trial.test[sweep.metric]
        if values is None or values.ndim != 1 or not np.isclose(np.mean(values), mean, rtol=1e-6):
            raise OnDeviceError(f"values of users {str(path)!r} are not those of {trial.title} in the report.")
    return np.stack(list(found.values())) if found else np.zeros((0, 1))
