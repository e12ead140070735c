"""The main job: train, export, validate and report several models of one data set, resumable at every step."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondevice.devices.profile import open_device
from ondevice.devices.runtimes import DEFAULT_TARGET
from ondevice.embeddings.method import FULL
from ondevice.pipeline import plan as plans
from ondevice.pipeline import size as sizes
from ondevice.pipeline.devices import default_devices
from ondevice.pipeline.plan import DEFAULT_RECIPES, DEFAULT_VARIANTS, Plan
from ondevice.pipeline.quality import DEFAULT, told, train_best, ways_to_train
from ondevice.pipeline.train import read_data, train
from ondevice.pipeline.validate import is_validated, require_users, validate_run
from ondevice.units import format_bytes, format_share

if TYPE_CHECKING:
    from ondevice.embeddings.method import Method
    from ondevice.models.output import Output
    from ondevice.reporting.record import Report


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
    data: Path | str | None = None,
    *,
    variants: Sequence[str] = DEFAULT_VARIANTS,
    ratio: float | None = None,
    budget_bytes: int | None = None,
    budget_recipe: str | None = None,
    seeds: Sequence[int] = (0,),
    recipes: Sequence[str] = DEFAULT_RECIPES,
    target: str = DEFAULT_TARGET,
    devices: Sequence[str] = (),
    users: int | None = None,
    settings: Mapping[str, Any] | None = None,
    output: str = "dense",
    output_ratio: float = 1.0,
    output_options: Mapping[str, Any] | None = None,
    quality: str = DEFAULT,
    out: Path | str | None = None,
    command: str = "ondevice run",
    on_step: Callable[[Step], None] = lambda step: None,
    progress: Callable[[int, int, float], None] = lambda done, total, share: None,
) -> tuple[Report, Path]:
    """Do the whole path for several methods and report on them; a run that was interrupted goes on where it was.

    Args:
        dataset: name of the data set.
        data: its files; None for a generated one.
        variants: `method@order` each, e.g. `"memcom@semantic"`.
        ratio: parameters of the full table over parameters stored, for every method but the full table; 16 without it
            and without a budget.
        budget_bytes: bytes that the encoded tables of every method but the full table may take, instead of a ratio.
        budget_recipe: recipe whose encoding the budget counts in, `"int8"` without it; only beside a budget.
        seeds: seeds; each trains every variant anew.
        recipes: quantization recipes each model is exported with; those to compare with only the full table.
        target: runtime that the files are for.
        devices: devices that validate; without any this machine and, where it is installed, the emulated phone.
        users: evaluation users or texts per file, at most; without it, and where it is more than a device says are
            enough, as many as the device says: all on this machine, 1,000 on an emulated phone.
        settings: training settings that differ from the data set's, by name.
        output: name of every variant's output layer.
        output_ratio: bytes of the dense output layer as float32 over those of the output layer as int8, at least.
        output_options: further fields of the output layer.
        quality: `"default"`, or `"best"`: models as wide as the full table start from it, and where it is the better
            model on the validation data, another training also learns from its scores, and the better one is kept.
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
    data, out = Path(data) if data is not None else None, Path(out) if out is not None else None
    if users is not None:
        require_users(users)
    size = sizes.asked(ratio, budget_bytes, budget_recipe)
    plan = Plan(
        dataset,
        str(data) if data is not None else "",
        tuple(variants),
        size.ratio,
        tuple(seeds),
        tuple(recipes),
        target,
        tuple(devices),
        users or 0,
        dict(settings or {}),
        size.budget_bytes,
        size.recipe,
        output,
        float(output_ratio),
        dict(output_options or {}),
        quality,
    )
    plans.check(plan)
    from ondevice.training.choose import counts_of

    # Data and sizes are checked before anything is written.
    split_data = read_data(dataset, data, settings)
    layers = plans.check_sizes(plan, counts_of(split_data), split_data.task, split_data.labels)
    folder = plans.claim(out, plan)

    from ondevice.pipeline.export_run import export_run
    from ondevice.pipeline.report import report
    from ondevice.quantize.recipe import load as load_recipe

    chosen, reason = (plan.devices, "") if plan.devices else default_devices()
    remarks = [f"The files did not run on an emulated phone: {reason}."] if reason else []
    if size.budget_bytes:
        remarks.append(_kept(size, layers))
    # The full table comes first: the others may learn from it.
    variants = sorted(plan.variants, key=lambda variant: variant != plan.baseline)
    jobs = [(variant, seed) for seed in plan.seeds for variant in variants]
    tried = {
        (variant, seed): ways_to_train(quality, folder / plan.baseline / f"seed-{seed}" / "run", layers[variant][0])
        for variant, seed in jobs
    }
    total = 1 + sum(
        len(tried[variant, seed]) + (1 + len(chosen)) * len(plans.recipes_of(plan, variant)) for variant, seed in jobs
    )
    number = 0

    def step(what: str) -> None:
        nonlocal number
        number += 1
        on_step(Step(number, total, what))

    def train_one(variant: str, seed: int, way: str, teaching: Mapping[str, Any], out: Path) -> None:
        step(f"train {variant}, seed {seed}{f', {way}' if way else ''}")
        method, order = plans.split_variant(variant)
        train(
            dataset,
            data,
            method=method,
            order=order,
            seed=seed,
            settings=settings,
            out=out,
            split_data=split_data,
            progress=progress,
            teaching=teaching,
            **_size_arguments(size, method),
            **plan.outputs,
        )

    for variant, seed in jobs:
        place = folder / variant / f"seed-{seed}"
        trained = number + len(tried[variant, seed])
        train_best(tried[variant, seed], place / "run", functools.partial(train_one, variant, seed))
        number = trained
        for recipe in plans.recipes_of(plan, variant):
            bundle = place / load_recipe(recipe).name
            step(f"export {variant}, seed {seed}, {recipe}")
            if not bundle.is_dir():
                export_run(place / "run", bundle, recipe=recipe, target=target, name=variant)
            for device in chosen:
                step(f"validate {variant}, seed {seed}, {recipe}, on {device}")
                if not is_validated(bundle, device):
                    enough = open_device(device).users
                    most = min(users or enough, enough) if enough else users
                    validate_run(bundle, place / "run", device=device, users=most)
    runs = {f"{variant} (seed {seed})": folder / variant / f"seed-{seed}" / "run" for variant, seed in jobs}
    remarks += told(quality, runs)
    step("report")
    return report(folder, command=command, remarks=remarks), folder


def _size_arguments(size: sizes.Size, method: str) -> dict[str, Any]:
    if method == FULL or not size.budget_bytes:
        return {"ratio": size.ratio_for(method)}
    return {"budget_bytes": size.budget_bytes, "recipe": size.recipe}


def _kept(size: sizes.Size, layers: Mapping[str, tuple[Method, Output]]) -> str:
    """Say how much of the budget every variant but the full table uses."""
    used = [
        f"{variant} {format_share(sizes.table_bytes(method, size.recipe, output) / size.budget_bytes)}"
        for variant, (method, output) in layers.items()
        if plans.split_variant(variant)[0] != FULL
    ]
    budget = f"{format_bytes(size.budget_bytes)} as {size.recipe}"
    return f"Every embedding but the full table's had a budget of {budget}, of which it uses: {', '.join(used) or '-'}."
