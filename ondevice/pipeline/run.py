"""The main job: train, export, validate and report several models of one data set, resumable at every step."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondevice import files, records
from ondevice.data import dataset as datasets
from ondevice.errors import UsageError, unknown_name
from ondevice.pipeline.train import configure, require_enough, train
from ondevice.pipeline.validate import require_users, validate, validation_path

if TYPE_CHECKING:
    from ondevice.reporting.record import Report

PLAN_FILE = "plan.json"
REPORT_FILE = "report.json"
DEFAULT_VARIANTS = (
    "full@as_given",
    "memcom@random",
    "memcom@semantic",
    "quotient_remainder@random",
    "hashing@random",
)
DEFAULT_RECIPES = ("float32", "int8")
DEFAULT_FOLDER = Path("ondevice-runs")


@dataclass(frozen=True)
class Plan:
    """What a run does, kept in its folder so that the same request resumes it.

    Args:
        dataset: name of the data set.
        data: path of its files, empty for a generated one.
        variants: `method@order` each.
        ratio: parameters of the full table over parameters stored, for every method but the full table.
        seeds: seeds; each trains every variant anew.
        recipes: quantization recipes each model is exported with.
        target: runtime that the files are for.
        device: device that validates.
        users: evaluation users per file, at most; 0 for all.
        settings: training settings by name.
    """

    dataset: str
    data: str
    variants: tuple[str, ...]
    ratio: float
    seeds: tuple[int, ...]
    recipes: tuple[str, ...]
    target: str
    device: str
    users: int
    settings: dict[str, int | float | str | bool]


@dataclass(frozen=True)
class Step:
    """One step that is about to start, for progress displays.

    Args:
        number: number of the step, from 1.
        total: number of steps.
        what: what it does, e.g. `"train memcom@semantic, seed 0"`.
    """

    number: int
    total: int
    what: str


def run(
    dataset: str = "synthetic",
    data: Path | None = None,
    *,
    variants: Sequence[str] = DEFAULT_VARIANTS,
    ratio: float = 16.0,
    seeds: Sequence[int] = (0,),
    recipes: Sequence[str] = DEFAULT_RECIPES,
    target: str = "tflite-2.14",
    device: str = "host",
    users: int | None = None,
    settings: Mapping[str, Any] | None = None,
    out: Path | None = None,
    command: str = "ondevice run",
    on_step: Callable[[Step], None] = lambda step: None,
    progress: Callable[[int, int, float], None] = lambda done, total, share: None,
) -> tuple[Report, Path]:
    """Do the whole path for several methods and report on them; a run that was interrupted goes on where it was.

    Args:
        dataset: name of the data set.
        data: its files; None for a generated one.
        variants: `method@order` each, e.g. `"memcom@semantic"`.
        ratio: parameters of the full table over parameters stored, for every method but the full table.
        seeds: seeds; each trains every variant anew.
        recipes: quantization recipes each model is exported with.
        target: runtime that the files are for.
        device: device that validates.
        users: evaluation users per file, at most; all without it.
        settings: training settings that differ from the data set's, by name.
        out: folder to write; a new one below `ondevice-runs` without it.
        command: command to name in the report.
        on_step: told of each step before it starts.
        progress: told of the progress of each training.

    Returns:
        the report and the folder it is in.

    Raises:
        UsageError: a name is unknown, a value out of range, a file missing or the folder taken.
        OnDeviceError: a data file is malformed or an exported file did not pass.
    """
    if users is not None:
        require_users(users)
    plan = Plan(
        dataset,
        str(data) if data is not None else "",
        tuple(variants),
        float(ratio),
        tuple(seeds),
        tuple(recipes),
        target,
        device,
        users or 0,
        dict(settings or {}),
    )
    _check(plan)
    # Data and sizes are checked before anything is written.
    interactions = datasets.load(dataset).read(data)
    require_enough(interactions)
    _check_sizes(plan, interactions.items)
    folder = _claim(out, plan)

    from ondevice.pipeline.export import export
    from ondevice.pipeline.report import report

    jobs = [(variant, seed) for seed in plan.seeds for variant in plan.variants]
    total = len(jobs) * (1 + 2 * len(plan.recipes)) + 1
    number = 0

    def step(what: str) -> None:
        nonlocal number
        number += 1
        on_step(Step(number, total, what))

    for variant, seed in jobs:
        place = folder / variant / f"seed-{seed}"
        method, order = split_variant(variant)
        step(f"train {variant}, seed {seed}")
        if not (place / "run" / "result.json").is_file():
            train(
                dataset,
                data,
                method=method,
                order=order,
                ratio=_ratio(method, plan.ratio),
                seed=seed,
                settings=settings,
                out=place / "run",
                interactions=interactions,
                progress=progress,
            )
        for recipe in plan.recipes:
            bundle = place / recipe
            step(f"export {variant}, seed {seed}, {recipe}")
            if not bundle.is_dir():
                export(place / "run", bundle, recipe=recipe, target=target, name=variant)
            step(f"validate {variant}, seed {seed}, {recipe}")
            if not validation_path(bundle).is_file():
                validate(bundle, place / "run", device=device, users=users)
    step("report")
    return report(folder, command=command), folder


def split_variant(variant: str) -> tuple[str, str]:
    """Split `method@order`.

    Raises:
        UsageError: it is not of this form.
    """
    method, at, order = variant.partition("@")
    if not at or not method or not order:
        raise UsageError(f"variant is {variant!r}; allowed is METHOD@ORDER, e.g. memcom@semantic.")
    return method, order


def _ratio(method: str, ratio: float) -> float:
    return 1.0 if method == "full" else ratio


def _check(plan: Plan) -> None:
    from converters.lint import TARGETS
    from ondevice.devices.device import registry as devices
    from ondevice.embeddings.method import require
    from ondevice.quantize import recipe as recipes

    for field, values in (("variants", plan.variants), ("seeds", plan.seeds), ("recipes", plan.recipes)):
        if not values or len(set(values)) != len(values):
            raise UsageError(f"{field} is {list(values)}; allowed is one or more, each once.")
    # The full table has ratio 1 whatever is asked for the others, so the request itself is checked too.
    require("ratio", plan.ratio, plan.ratio >= 1 and math.isfinite(plan.ratio), "a number of at least 1")
    path = Path(plan.data) if plan.data else None
    for variant in plan.variants:
        method, order = split_variant(variant)
        for seed in plan.seeds:
            configure(plan.dataset, path, method, order, _ratio(method, plan.ratio), seed, None, plan.settings)
    for recipe in plan.recipes:
        recipes.load(recipe)
    if plan.target not in TARGETS:
        raise unknown_name("target runtime", plan.target, TARGETS)
    if plan.device not in devices.names():
        raise unknown_name("device", plan.device, devices.names())


def _check_sizes(plan: Plan, items: int) -> None:
    from ondevice.ids import RESERVED_IDS
    from ondevice.pipeline.export import DEFAULT_TOP_K
    from ondevice.training.choose import choose_method

    for variant in plan.variants:
        method, order = split_variant(variant)
        config = configure(plan.dataset, None, method, order, _ratio(method, plan.ratio), 0, None, plan.settings)
        choose_method(config, items + RESERVED_IDS)
        longest = items - DEFAULT_TOP_K
        if config.history_length > longest:
            raise UsageError(
                f"history_length is {config.history_length}; allowed is at most {longest}, since the file answers with "
                f"{DEFAULT_TOP_K} of {items} items that are not in the history."
            )


def _claim(out: Path | None, plan: Plan) -> Path:
    """Return the folder to work in: a new one, or one that the same plan has left unfinished."""
    if out is None:
        taken = [path for path in DEFAULT_FOLDER.glob(f"{plan.dataset}-*") if re.search(r"-\d+$", path.name)]
        numbers = {int(path.name.rpartition("-")[2]): path for path in taken}
        newest = max(numbers, default=0)
        unfinished = newest and _is_unfinished(numbers[newest], plan)
        out = numbers[newest] if unfinished else DEFAULT_FOLDER / f"{plan.dataset}-{newest + 1}"
    if out.exists() and not _is_unfinished(out, plan):
        if (out / PLAN_FILE).is_file() and not (out / REPORT_FILE).is_file():
            raise UsageError(f"output {str(out)!r} holds an unfinished run of another request; see its {PLAN_FILE}.")
        files.refuse_existing(out)
    records.write(out / PLAN_FILE, plan)
    return out


def _is_unfinished(folder: Path, plan: Plan) -> bool:
    path = folder / PLAN_FILE
    if not path.is_file() or (folder / REPORT_FILE).is_file():
        return False
    return records.read(Plan, path, "plan") == plan
