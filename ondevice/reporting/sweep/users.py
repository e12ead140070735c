"""The raw samples of a sweep: each user's metric in every training, one row per training."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ondevice import files
from ondevice.errors import OnDeviceError, UsageError
from ondevice.reporting.sweep.record import Sweep

USERS_FILE = "sweep-users.npz"
NAME = "metric"

FloatArray = npt.NDArray[np.float64]


def write_users(values: FloatArray, folder: Path) -> None:
    """Write what `read_users` reads.

    Args:
        values: the metric, float64 `[trainings, users]`, in the order of the sweep's trials.
        folder: where to.
    """
    with files.replacing(folder / USERS_FILE) as temporary:
        np.savez_compressed(temporary, **{NAME: values})


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
    try:
        # Given a path, NumPy leaves a file open that is no whole archive.
        with path.open("rb") as file, np.load(file) as stored:
            values: FloatArray = stored[NAME]
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise OnDeviceError(f"values of users {str(path)!r} are damaged: {error}.") from error
    means = [trial.test[sweep.metric] for trial in sweep.trials]
    if values.ndim != 2 or len(values) != len(means) or not np.allclose(values.mean(axis=1), means, rtol=1e-6):
        raise OnDeviceError(f"values of users {str(path)!r} are not those of the trainings in sweep.json.")
    return values
