"""What is known of the trainings of a sweep: from their run folders, or from its report where those are gone."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice import records
from ondevice.errors import OnDeviceError
from ondevice.training.run_folder import is_finished, open_run
from ondevice.units import format_setting

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ondevice.reporting.sweep.record import Sweep, Trial

REPORT_FILE = "sweep.json"
UNTUNED = "default"

Setting = dict[str, int | float | str]
"""Values of the settings that are searched."""


@dataclass(frozen=True, eq=False)
class Reported:
    """A training that the report of an earlier call holds.

    Args:
        trial: its record.
        values: each user's metric, float64 `[users]`.
        sweep: the report.
    """

    trial: Trial
    values: npt.NDArray[np.float64]
    sweep: Sweep


def run_folder(folder: Path, variant: str, ratio: float, setting: Setting, seed: int) -> Path:
    """Return the run folder of one training."""
    label = ",".join(f"{name}={format_setting(value)}" for name, value in setting.items()) or UNTUNED
    return folder / variant / f"{ratio:g}x" / label / f"seed-{seed}"


def is_known(run: Path, folder: Path) -> bool:
    """Tell whether a training needs no doing.

    Args:
        run: its run folder.
        folder: folder of the sweep.
    """
    return is_finished(run) or run in reported(folder)


def validation_of(run: Path, folder: Path) -> float:
    """Return the validation metric of a training that is known."""
    return open_run(run).result.best_validation if is_finished(run) else reported(folder)[run].trial.validation


def reported(folder: Path) -> Mapping[Path, Reported]:
    """Return by run folder what the report in the folder of a sweep holds; nothing where there is none.

    Raises:
        OnDeviceError: the report is damaged.
    """
    from ondevice.reporting.sweep.users import USERS_FILE

    files = [folder / name for name in (REPORT_FILE, USERS_FILE)]
    if not all(path.is_file() for path in files):
        return {}
    return _read(folder, *(path.stat().st_mtime_ns for path in files))


@functools.lru_cache(maxsize=1)
def _read(folder: Path, *changed: int) -> Mapping[Path, Reported]:
    from ondevice.reporting.sweep.record import Sweep
    from ondevice.reporting.sweep.users import read_users

    try:
        sweep = records.read(Sweep, folder / REPORT_FILE, "sweep")
        values = read_users(folder, sweep)
    except OnDeviceError as error:
        raise OnDeviceError(f"{error} Without both files a sweep is reported anew from its run folders.") from error
    return {
        run_folder(folder, trial.variant, trial.ratio, trial.setting, trial.seed): Reported(trial, users, sweep)
        for trial, users in zip(sweep.trials, values, strict=True)
    }
