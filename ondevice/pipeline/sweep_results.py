"""From the run folders of a sweep to its report: which settings were best, and each model against the full table."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ondevice import records
from ondevice import task as tasks
from ondevice.data import dataset as datasets
from ondevice.pipeline import size as sizes
from ondevice.pipeline import sweep_plan as plans
from ondevice.pipeline.sweep_compare import compare
from ondevice.pipeline.sweep_known import REPORT_FILE, Setting, is_known, reported
from ondevice.pipeline.sweep_plan import FULL_CELL, Cell, SweepPlan, best_setting, place
from ondevice.quantize import recipe as recipes
from ondevice.training.run_folder import Run, is_finished, open_run
from ondevice.units import format_setting
from ondevice.versions import all_of, machine, versions

if TYPE_CHECKING:
    import numpy.typing as npt

    from ondevice.data.split_data import SplitData
    from ondevice.reporting.sweep.record import Sweep, Trial


REPORTS_FOR_PEOPLE = {"sweep.md", "sweep.html"}
"""Written beside the record and made from it alone, so that they may lie beside it."""


def summarize_sweep(folder: Path, plan: SweepPlan, split_data: SplitData, command: str) -> Sweep:
    """Gather what is trained so far, compare it with the full table, and write the report and what its tests compare.

    Args:
        folder: folder of the sweep.
        plan: the plan.
        split_data: the data set.
        command: command to name in the report.
    """
    from ondevice.reporting.sweep.record import SCHEMA_VERSION, Sweep
    from ondevice.reporting.sweep.users import write_users
    from ondevice.reporting.sweep.write import write_sweep

    metric = tasks.load(split_data.task).metric
    cells, refused = plans.cells(plan, split_data)
    trials: list[Trial] = []
    values: list[npt.NDArray[np.float64]] = []
    earlier: list[Sweep] = []
    missing = 0
    for cell in cells:
        trainings = known_trainings(plan, folder, cell)
        missing += plan.trainings - len(trainings)
        for setting, seed, chosen in trainings:
            run = place(folder, cell, setting, seed)
            if is_finished(run):
                trials.append(_trial(cell, open_run(run), setting, chosen))
                values.append(open_run(run).test_values())
            else:
                known = reported(folder)[run]
                trials.append(replace(known.trial, chosen=chosen))
                values.append(known.values)
                earlier.append(known.sweep)
    users = np.stack(values) if values else np.zeros((0, 1))
    found = Sweep(
        SCHEMA_VERSION,
        plan.dataset,
        split_data.summary(),
        command,
        datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        all_of([machine(), *(sweep.machine for sweep in earlier)]),
        all_of([versions(), *(sweep.versions for sweep in earlier)]),
        metric,
        FULL_CELL.variant,
        _protocol(plan, metric),
        tuple(trials),
        compare(trials, users, FULL_CELL.variant),
        tuple(refused),
        missing,
        split_data.task,
    )
    write_users(trials, users, folder)
    write_sweep(found, folder)
    return found


def only_reported(folder: Path, plan: SweepPlan, split_data: SplitData) -> bool:
    """Tell whether a folder holds nothing but the report of a sweep of the same data and protocol.

    Args:
        folder: folder of the sweep.
        plan: the plan.
        split_data: the data set.

    Raises:
        OnDeviceError: the report is damaged.
    """
    from ondevice.reporting.sweep.record import Sweep
    from ondevice.reporting.sweep.users import USERS_FILE

    parts = {REPORT_FILE, USERS_FILE}
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if not parts <= names <= parts | REPORTS_FOR_PEOPLE:
        return False
    found = records.read(Sweep, folder / REPORT_FILE, "sweep")
    same = (found.dataset, found.dataset_summary, found.protocol)
    return same == (plan.dataset, split_data.summary(), _protocol(plan, found.metric))


def known_trainings(plan: SweepPlan, folder: Path, cell: Cell) -> list[tuple[Setting, int, bool]]:
    """Return setting and seed of each training of a model that is known, and whether its setting was chosen."""
    candidates = plan.candidates()
    searched = [is_known(place(folder, cell, setting, plan.seeds[0]), folder) for setting in candidates]
    best = best_setting(plan, folder, cell) if all(searched) else None
    asked = [(setting, plan.seeds[0]) for setting in candidates]
    asked += [(best, seed) for seed in plan.seeds[1:] if best is not None]
    return [
        (setting, seed, setting == best)
        for setting, seed in asked
        if is_known(place(folder, cell, setting, seed), folder)
    ]


def _trial(cell: Cell, run: Run, setting: Setting, chosen: bool) -> Trial:
    from ondevice.reporting.sweep.record import Trial

    method = run.method()
    own_recipes = recipes.names_counted_ahead()
    return Trial(
        variant=cell.variant,
        ratio=cell.ratio,
        seed=run.config.seed,
        setting=setting,
        chosen=chosen,
        # To the full table of the width that all have, where a method was given a width of its own.
        reached=method.ratio * cell.ratio / run.config.ratio if cell.ratio > 1 else 1.0,
        table_bytes={recipe: sizes.bytes_of_run(run, recipe) for recipe in own_recipes},
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
