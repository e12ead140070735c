"""Compare methods at equal bytes: methods x ratios x orders x seeds with one protocol, resumable at every step."""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice import task as tasks
from ondevice.data import dataset as datasets
from ondevice.data.labelled import DATA_SETTINGS
from ondevice.embeddings.method import require
from ondevice.errors import OnDeviceError
from ondevice.pipeline import sweep_plan as plans
from ondevice.pipeline.sweep_plan import FULL_CELL, Cell, SweepPlan, config_of, place
from ondevice.pipeline.sweep_results import Results
from ondevice.pipeline.train import read_data
from ondevice.training.config import TrainConfig
from ondevice.training.run_folder import is_finished

if TYPE_CHECKING:
    from ondevice.data.split_data import SplitData
    from ondevice.reporting.sweep.record import Setting, Sweep

MODELS_PER_PROCESS = 24
"""About how many models a process trains before a new one takes over: TensorFlow keeps every compiled step."""

Job = tuple[str, TrainConfig, Path]
"""A training: what is trained, for people, its settings and its run folder."""


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
    split_data = read_data(config_of(plan, FULL_CELL, {}, plan.seeds[0]))
    folder = Path(out)
    for setting in plan.candidates():
        length = config_of(plan, FULL_CELL, setting, plan.seeds[0]).history_length
        tasks.load(split_data.task).require_length(length, split_data.items)
    results = Results(folder, plan, split_data)
    plan.claim(folder, split_data, taken_over=results.only_reported)

    def tell(what: str) -> None:
        on_done(len(results.known()), len(results.cells) * plan.trainings, what)

    tell("")
    try:
        _train_plan(jobs, results, tell)
    finally:
        # Hours of training must not be without a report because of the one that failed or was stopped.
        found = results.report(command)
    return found


def _train_plan(jobs: int, results: Results, tell: Callable[[str], None]) -> None:
    plan = results.plan
    # Warm starts begin with the full table, so all of that comes before any of them.
    for warm in (False, True):
        cells = [cell for cell in results.cells if cell.warm == warm]
        # Where there is nothing to choose, no seed has to wait for the first one.
        first = plan.seeds[:1] if len(plan.candidates()) > 1 else plan.seeds
        _train_all(jobs, _left(results, product(first, cells, plan.candidates())), tell)
        best = ((seed, cell, results.best(cell) or {}) for seed in plan.seeds[len(first) :] for cell in cells)
        _train_all(jobs, _left(results, best), tell)


def _left(results: Results, trainings: Iterable[tuple[int, Cell, Setting]]) -> list[Job]:
    """Return those of some trainings that are not done."""
    left = []
    for seed, cell, setting in trainings:
        run = place(results.folder, cell, setting, seed)
        # A warm start needs the full table itself, and not only its figures.
        needs_run = cell == FULL_CELL and bool(results.plan.warm)
        if not (is_finished(run) if needs_run else results.find(cell, setting, seed)):
            left.append((cell.training(setting, seed).title, results.config(cell, setting, seed), run))
    return left


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


def _train_all(processes: int, jobs: Sequence[Job], tell: Callable[[str], None]) -> None:
    portion = processes * MODELS_PER_PROCESS
    # A pool each: one that replaces its processes by itself can wait for ever once all have ended (Python 3.11).
    for start in range(0, len(jobs), portion):
        with _pool(min(processes, len(jobs) - start)) as pool:
            running = {pool.submit(_train, config, run): title for title, config, run in jobs[start : start + portion]}
            try:
                for future in as_completed(running):
                    _require_done(future, running[future])
                    tell(running[future])
            except BaseException:
                # What has begun goes on after its last whole epoch at the next start; what has not must not begin.
                pool.shutdown(wait=False, cancel_futures=True)
                for process in multiprocessing.active_children():
                    process.terminate()
                    process.join()
                raise


def _require_done(future: Future[None], title: str) -> None:
    try:
        future.result()
    except OnDeviceError as error:
        raise OnDeviceError(f"training {title!r} failed: {error}") from error
    except BrokenProcessPool as error:
        raise OnDeviceError(
            "a process that trained was ended from outside, which the system does where memory runs out; the same "
            "command goes on from here, and with fewer --jobs it takes less memory."
        ) from error


def _train(config: TrainConfig, run: Path) -> None:
    """Train one model, in a process of the pool."""
    from ondevice.quiet import native_messages_kept_back

    with native_messages_kept_back():
        from ondevice.training.fit import fit

        data = _read(config.dataset, config.data, json.dumps({name: getattr(config, name) for name in DATA_SETTINGS}))
        fit(config, data, run, lambda done, total, share: None)


@functools.lru_cache(maxsize=1)
def _read(dataset: str, data: str, settings: str) -> SplitData:
    return datasets.load(dataset).read(Path(data) if data else None, json.loads(settings))
