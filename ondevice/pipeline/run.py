"""The main job: train, export, validate and report several models of one data set, resumable at every step."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondevice.devices.profile import open_device
from ondevice.embeddings.method import FULL
from ondevice.pipeline import plan as plans
from ondevice.pipeline.devices import default_devices
from ondevice.pipeline.plan import Plan
from ondevice.pipeline.quality import told, train_best, ways_to_train
from ondevice.pipeline.size import table_bytes
from ondevice.pipeline.train import read_data, train
from ondevice.pipeline.validate import is_validated, validate_run
from ondevice.units import format_bytes, format_share

if TYPE_CHECKING:
    from ondevice.embeddings.method import Method
    from ondevice.models.output import Output
    from ondevice.reporting.record import Report
    from ondevice.training.config import TrainConfig


def run(
    plan: Plan | None = None,
    *,
    out: Path | str | None = None,
    command: str = "ondevice run",
    on_step: Callable[[int, int, str], None] = lambda number, total, what: None,
    progress: Callable[[int, int, float], None] = lambda done, total, share: None,
    **given: Any,
) -> tuple[Report, Path]:
    """Do the whole path for several methods and report on them; a run that was interrupted goes on where it was.

    Args:
        plan: what to do; without it `given` says it.
        out: folder to write; a new one below `ondevice-runs` without it.
        command: command to name in the report.
        on_step: told of each step before it starts: its number from 1, how many there are, and what it does.
        progress: told of the progress of each training.
        given: fields of `Plan`, and what `ondevice.pipeline.train.configure` takes, e.g. `data=frame, user="userId"`.

    Returns:
        the report and the folder it is in.

    Raises:
        UsageError: a name is unknown, a value out of range, a file missing or the folder taken.
        OnDeviceError: a data file is malformed or an exported file did not pass.
    """
    plan = plans.planned(**given) if plan is None else plan
    plans.check(plan)
    # Data and sizes are checked before anything is written.
    split_data = read_data(plan.config)
    layers = plans.check_sizes(plan, split_data)
    folder = plans.claim(Path(out) if out is not None else None, plan, split_data)

    from ondevice.pipeline.export_run import export_run
    from ondevice.pipeline.report import report
    from ondevice.quantize.recipe import load as load_recipe

    chosen, reason = (plan.devices, "") if plan.devices else default_devices()
    remarks = [f"The files did not run on an emulated phone: {reason}."] if reason else []
    if plan.config.budget_bytes:
        remarks.append(_kept(plan.config, layers))
    # The full table comes first: the others may learn from it.
    variants = sorted(plan.variants, key=lambda variant: variant != plan.baseline)
    jobs = []
    for seed, variant in itertools.product(plan.seeds, variants):
        teacher = folder / plan.baseline / f"seed-{seed}" / "run"
        ways = ways_to_train(plan.config_of(variant, seed), plan.quality, teacher, layers[variant][0])
        jobs.append((variant, seed, ways, plans.recipes_of(plan, variant)))
    total = 1 + sum(len(ways) + (1 + len(chosen)) * len(recipes) for _, _, ways, recipes in jobs)
    number = 0

    def step(what: str) -> None:
        nonlocal number
        number += 1
        on_step(number, total, what)

    def train_one(variant: str, way: str, config: TrainConfig, out: Path) -> None:
        step(f"train {variant}, seed {config.seed}{f', {way}' if way else ''}")
        train(config, out, split_data=split_data, progress=progress)

    for variant, seed, ways, recipes in jobs:
        place = folder / variant / f"seed-{seed}"
        trained = number + len(ways)
        train_best(ways, place / "run", functools.partial(train_one, variant))
        number = trained
        for recipe in recipes:
            bundle = place / load_recipe(recipe).name
            step(f"export {variant}, seed {seed}, {recipe}")
            if not bundle.is_dir():
                export_run(place / "run", bundle, recipe=recipe, target=plan.target, name=variant)
            for device in chosen:
                step(f"validate {variant}, seed {seed}, {recipe}, on {device}")
                if not is_validated(bundle, device):
                    enough = open_device(device).users
                    most = min(plan.users or enough, enough) if enough else plan.users
                    validate_run(bundle, place / "run", device=device, users=most)
    runs = {f"{variant} (seed {seed})": folder / variant / f"seed-{seed}" / "run" for variant, seed, *_ in jobs}
    remarks += told(plan.quality, runs)
    step("report")
    return report(folder, command=command, remarks=remarks), folder


def _kept(config: TrainConfig, layers: Mapping[str, tuple[Method, Output]]) -> str:
    """Say how much of the budget every variant but the full table uses."""
    used = [
        f"{variant} {format_share(table_bytes(method, config.budget_recipe, output) / config.budget_bytes)}"
        for variant, (method, output) in layers.items()
        if plans.split_variant(variant)[0] != FULL
    ]
    budget = f"{format_bytes(config.budget_bytes)} as {config.budget_recipe}"
    return f"Every embedding but the full table's had a budget of {budget}, of which it uses: {', '.join(used) or '-'}."
