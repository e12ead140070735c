"""Compare methods at equal bytes: methods x ratios x orders x seeds with one protocol, resumable at every step."""

from __future__ import annotations

import functools
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice import task as tasks
from ondevice.data import dataset as datasets
from ondevice.data.labelled import DATA_SETTINGS
from ondevice.embeddings.method import require
from ondevice.errors import OnDeviceError
from ondevice.pipeline import sweep_plan as plans
from ondevice.pipeline.sweep_known import Setting, is_known
from ondevice.pipeline.sweep_plan import FULL_CELL, Cell, SweepPlan, best_setting, config_of, place
from ondevice.pipeline.sweep_results import known_trainings, only_reported, summarize_sweep
from ondevice.pipeline.train import read_data
from ondevice.training.run_folder import is_finished
from ondevice.units import format_setting

if TYPE_CHECKING:
    from ondevice.data.split_data import SplitData
    from ondevice.reporting.sweep.record import Sweep
    from ondevice.training.config import TrainConfig

MODELS_PER_PROCESS = 24
"""About how many models a process trains before a new one takes over: TensorFlow keeps every compiled step."""


@dataclass(frozen=True)
class Job:
    """One training that is about to start or done.

    Args:
        title: what is trained, for people.
        config: its settings.
        run: its run folder.
        is_done: whether nothing is left to do.
    """

    title: str
    config: TrainConfig
    run: Path
    is_done: bool


def sweep(
    plan: SweepPlan,
    out: Path | str,
    *,
    jobs: int = 1,
    command: str = "ondevice sweep",
    on_done: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> Sweep:
    """Train everything that the folder does not hold yet and write the report of the sweep.

    A sweep that is interrupted or fails reports what is done. What the report in the folder holds counts as done, even
    where the run folders were removed or stayed on another machine.

    The candidates of `search` are trained with the first seed; for the other seeds only the one that was best on the
    validation items is.

    Args:
        plan: what to train.
        out: folder to write, one of the same sweep to go on with, or one that holds nothing but its report, from
            another machine perhaps, where the data have another path.
        jobs: trainings at a time, each in its own process with its share of the cores.
        command: command to name in the report.
        on_done: told at the start, without a title, and of every training that is done: how many are done, how many
            there are, and the title of this one.

    Raises:
        UsageError: a name is unknown, a value out of range, a file missing or the folder taken.
        OnDeviceError: a data file is malformed, or a training failed.
    """
    require("jobs", jobs, jobs >= 1, "at least 1")
    plans.check(plan)
    split_data = read_data(config_of(plan, Path(), FULL_CELL, {}, plan.seeds[0]))
    folder = Path(out)
    for setting in plan.candidates():
        length = config_of(plan, Path(), FULL_CELL, setting, plan.seeds[0]).history_length
        tasks.load(split_data.task).require_length(length, split_data.items)
    cells, _ = plans.cells(plan, split_data)
    plans.claim(folder, plan, only_reported(folder, plan, split_data))

    def tell(what: str) -> None:
        done = sum(len(known_trainings(plan, folder, cell)) for cell in cells)
        on_done(done, len(cells) * plan.trainings, what)

    tell("")
    try:
        _train_plan(jobs, plan, folder, cells, tell)
    except BaseException:
        # Hours of training must not be without a report because of the one that failed or was stopped.
        summarize_sweep(folder, plan, split_data, command)
        raise
    return summarize_sweep(folder, plan, split_data, command)


def _train_plan(jobs: int, plan: SweepPlan, folder: Path, cells: Sequence[Cell], tell: Callable[[str], None]) -> None:
    # Warm starts begin with the full table, so all of that comes before any of them.
    for group in ([cell for cell in cells if not cell.warm], [cell for cell in cells if cell.warm]):
        candidates = plan.candidates()
        # Where there is nothing to choose, no seed has to wait for the first one.
        first = plan.seeds[:1] if len(candidates) > 1 else plan.seeds
        searched = [
            _job(plan, folder, cell, setting, seed) for seed in first for cell in group for setting in candidates
        ]
        _train_all(jobs, searched, tell)
        rest = plan.seeds[len(first) :]
        kept = [_job(plan, folder, cell, best_setting(plan, folder, cell), seed) for seed in rest for cell in group]
        _train_all(jobs, kept, tell)


def _pool(jobs: int) -> ProcessPoolExecutor:
    threads = max(1, (os.cpu_count() or 1) // jobs)
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _prepare, (threads,))


def _prepare(threads: int) -> None:
    """Give a new process its share of the cores, before TensorFlow asks for them, and let it end with its parent.

    A parent that is killed can't stop its processes; they would go on and disturb the sweep that resumes this one.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = str(threads)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _job(plan: SweepPlan, folder: Path, cell: Cell, setting: Setting, seed: int) -> Job:
    run = place(folder, cell, setting, seed)
    chosen = "".join(f", {name} {format_setting(value)}" for name, value in setting.items())
    title = f"{cell.variant} at {cell.ratio:g}x{chosen}, seed {seed}"
    # A warm start needs the full table itself, and not only its figures.
    done = is_finished(run) if cell == FULL_CELL and plan.warm else is_known(run, folder)
    return Job(title, config_of(plan, folder, cell, setting, seed), run, done)


def _train_all(processes: int, jobs: Sequence[Job], tell: Callable[[str], None]) -> None:
    left = [job for job in jobs if not job.is_done]
    portion = processes * MODELS_PER_PROCESS
    # A pool each: one that replaces its processes by itself can wait for ever once all have ended (Python 3.11).
    for start in range(0, len(left), portion):
        with _pool(min(processes, len(left) - start)) as pool:
            _train_portion(pool, left[start : start + portion], tell)


def _train_portion(pool: ProcessPoolExecutor, jobs: Sequence[Job], tell: Callable[[str], None]) -> None:
    running = {pool.submit(_train, job.config, job.run): job for job in jobs}
    try:
        for future in as_completed(running):
            try:
                future.result()
            except OnDeviceError as error:
                raise OnDeviceError(f"training {running[future].title!r} failed: {error}") from error
            except BrokenProcessPool as error:
                raise OnDeviceError(
                    "a process that trained was ended from outside, which the system does where memory runs out; the "
                    "same command goes on from here, and with fewer --jobs it takes less memory."
                ) from error
            tell(running[future].title)
    except BaseException:
        # What has begun goes on after its last whole epoch at the next start; what has not begun must not begin.
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
            process.join()
        raise


def _train(config: TrainConfig, run: Path) -> None:
    """Train one model, in a process of the pool."""
    from ondevice.quiet import native_messages_kept_back

    with native_messages_kept_back():
        from ondevice.training.fit import fit

        data = _read(config.dataset, config.data, tuple((name, getattr(config, name)) for name in DATA_SETTINGS))
        fit(config, data, run, lambda done, total, share: None)


@functools.lru_cache(maxsize=1)
def _read(dataset: str, data: str, settings: tuple[tuple[str, int], ...]) -> SplitData:
    return datasets.load(dataset).read(Path(data) if data else None, dict(settings))
