"""What is known of the trainings of a sweep, from run folders or a report where those are gone, and their report."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice import records
from ondevice import task as tasks
from ondevice.data import dataset as datasets
from ondevice.errors import OnDeviceError
from ondevice.pipeline import size as sizes
from ondevice.pipeline import sweep_plan as plans
from ondevice.pipeline.sweep_compare import compare
from ondevice.pipeline.sweep_plan import FULL_CELL, Cell, SweepPlan, place
from ondevice.quantize import recipe as recipes
from ondevice.reporting.sweep.record import SCHEMA_VERSION, Setting, Sweep, Trial
from ondevice.reporting.sweep.users import USERS_FILE, read_users, write_users
from ondevice.training.run_folder import Run, is_finished, open_run
from ondevice.units import format_setting
from ondevice.versions import all_of, machine, now, versions

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ondevice.data.split_data import SplitData
    from ondevice.training.config import TrainConfig

    Known = tuple[Trial, npt.NDArray[np.float64]]
    """A training that is done and each user's metric, float64 `[users]`."""

REPORT_FILE = "sweep.json"
REPORTS = {REPORT_FILE, USERS_FILE, "sweep.md", "sweep.html"}
"""What a sweep can go on from; those for people may lie beside the record, which they are made from."""


class Results:
    """What is known of the trainings of a sweep.

    Args:
        folder: folder of the sweep.
        plan: the plan.
        data: the data set.
    """

    def __init__(self, folder: Path, plan: SweepPlan, data: SplitData) -> None:
        self.folder, self.plan, self.data = folder, plan, data
        self.cells, self.refused = plans.cells(plan, data)
        self.metric = tasks.load(data.task).metric
        self._trained: dict[str, Known] = {}

    @functools.cached_property
    def _reported(self) -> tuple[Sweep | None, dict[str, Known]]:
        """The report of an earlier call and its trainings; read only where a run folder is missing."""
        if not all((self.folder / name).is_file() for name in (REPORT_FILE, USERS_FILE)):
            return None, {}
        try:
            sweep = records.read(Sweep, self.folder / REPORT_FILE, "sweep")
            values = read_users(self.folder, sweep)
        except OnDeviceError as error:
            raise OnDeviceError(f"{error} Without both files a sweep is reported anew from its run folders.") from error
        return sweep, {trial.title: (trial, row) for trial, row in zip(sweep.trials, values, strict=True)}

    @property
    def only_reported(self) -> bool:
        """Whether the folder holds nothing but the report of a sweep of the same data and protocol."""
        names = {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()
        found, _ = self._reported if names <= REPORTS else (None, {})
        if found is None:
            return False
        same = (found.dataset, found.dataset_summary, found.protocol)
        return same == (self.plan.dataset, self.data.summary(), _protocol(self.plan, found.metric))

    def find(self, cell: Cell, setting: Setting, seed: int) -> Known | None:
        """Return a training if it needs no doing."""
        title, run = cell.training(setting, seed).title, place(self.folder, cell, setting, seed)
        if title not in self._trained and is_finished(run):
            self._trained[title] = _trial(cell, open_run(run), setting), open_run(run).test_values()
        return self._trained.get(title) or self._reported[1].get(title)

    def best(self, cell: Cell) -> Setting | None:
        """Return the candidate with the best validation metric of the first seed, or nothing while one is unknown."""
        candidates = self.plan.candidates()
        if len(candidates) == 1:
            return candidates[0]
        found = [known[0] for each in candidates if (known := self.find(cell, each, self.plan.seeds[0])) is not None]
        return max(found, key=lambda trial: trial.validation).setting if len(found) == len(candidates) else None

    def config(self, cell: Cell, setting: Setting, seed: int) -> TrainConfig:
        """Return the settings of a training, which of a warm start name the full table's run."""
        best = self.best(FULL_CELL) if cell.warm else None
        teacher = None if best is None else place(self.folder, FULL_CELL, best, seed)
        return plans.config_of(self.plan, cell, setting, seed, teacher)

    def known(self) -> list[Known]:
        """Return everything that is known, in the order of the plan."""
        found = []
        for cell in self.cells:
            best = self.best(cell)
            asked = [(setting, self.plan.seeds[0]) for setting in self.plan.candidates()]
            asked += [(best, seed) for seed in self.plan.seeds[1:] if best is not None]
            for setting, seed in asked:
                if known := self.find(cell, setting, seed):
                    found.append((replace(known[0], chosen=setting == best), known[1]))
        return found

    def report(self, command: str) -> Sweep:
        """Compare what is trained so far with the full table, and write the report and what its tests compare.

        Args:
            command: command to name in the report.
        """
        from ondevice.reporting.sweep.write import write_sweep

        found = self.known()
        trials, values = [trial for trial, _ in found], [values for _, values in found]
        earlier = [self._reported[0]] if {trial.title for trial in trials} - set(self._trained) else []
        sweep = Sweep(
            schema_version=SCHEMA_VERSION,
            dataset=self.plan.dataset,
            dataset_summary=self.data.summary(),
            command=command,
            created=now(),
            machine=all_of([machine(), *(each.machine for each in earlier if each)]),
            versions=all_of([versions(), *(each.versions for each in earlier if each)]),
            metric=self.metric,
            baseline=FULL_CELL.variant,
            protocol=_protocol(self.plan, self.metric),
            trials=tuple(trials),
            comparisons=compare(trials, values, FULL_CELL.variant),
            refused=tuple(self.refused),
            missing=len(self.cells) * self.plan.trainings - len(found),
            task=self.data.task,
        )
        write_users(trials, values, self.folder)
        write_sweep(sweep, self.folder)
        return sweep


def _trial(cell: Cell, run: Run, setting: Setting) -> Trial:
    return Trial(
        *(cell.variant, cell.ratio, run.config.seed, setting),
        chosen=False,
        # To the full table of the width that all have, where a method was given a width of its own.
        reached=run.method().ratio * cell.ratio / run.config.ratio if cell.ratio > 1 else 1.0,
        table_bytes={recipe: sizes.bytes_of_run(run, recipe) for recipe in recipes.names_counted_ahead()},
        validation=run.result.best_validation,
        test=run.result.test,
        seconds=run.result.seconds,
        epochs=len(run.result.history),
        by_popularity=run.result.by_popularity,
    )


def _protocol(plan: SweepPlan, metric: str) -> tuple[str, ...]:
    fixed = ", ".join(f"{name} {value}" for name, value in plan.settings.items())
    shared = (
        f"All models are trained with the settings of the data set{f' and {fixed}' if fixed else ''}. "
        f"Data set: {datasets.load(plan.dataset).source}."
    )
    if not plan.search:
        return (shared, "No setting was searched for any model.")
    ranges = "; ".join(f"{name}: {', '.join(map(format_setting, found))}" for name, found in plan.search.items())
    return (
        shared,
        f"Every model, the full table like any other, had {len(plan.candidates())} trials ({ranges}) with the first "
        f"seed; the one with the best {metric} on the validation split was kept for all seeds.",
    )
