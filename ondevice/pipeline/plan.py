"""The plan of a run: what it does, checked before anything is written, and the folder it is kept in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondevice import files, records
from ondevice import task as tasks
from ondevice.embeddings.method import FULL
from ondevice.errors import UsageError, unknown_name
from ondevice.pipeline.devices import require_devices
from ondevice.pipeline.quality import BEST, DEFAULT, QUALITIES
from ondevice.pipeline.size import Size, fitted
from ondevice.pipeline.train import configure
from ondevice.task import RANKING

if TYPE_CHECKING:
    from ondevice.embeddings.method import Counts, Method
    from ondevice.models.output import Output

PLAN_FILE = "plan.json"
REPORT_FILE = "report.json"
DEFAULT_VARIANTS = (
    "full@as_given",
    "memcom@random",
    "memcom@semantic",
    "quotient_remainder@random",
    "hashing@random",
)
DEFAULT_RECIPES = ("float32", "stock_dynamic_range", "int8")
DEFAULT_FOLDER = Path("ondevice-runs")


@dataclass(frozen=True)
class Plan:
    """What a run does, kept in its folder so that the same request resumes it.

    Args:
        dataset: name of the data set.
        data: path of its files, empty for a generated one.
        variants: `method@order` each.
        ratio: parameters of the full table over parameters stored, for every method but the full table; 0 where a
            budget is given.
        seeds: seeds; each trains every variant anew.
        recipes: quantization recipes each model is exported with; those to compare with only the full table.
        target: runtime that the files are for.
        devices: devices that validate; none for those that are used if nobody says which.
        users: evaluation users per file, at most; 0 for as many as the device says are enough.
        settings: training settings by name.
        budget_bytes: bytes that the tables of every method but the full table may take; 0 where a ratio is given.
        budget_recipe: recipe whose encoding the budget counts in, empty where a ratio is given.
        output: name of every variant's output layer.
        output_ratio: bytes of the dense output layer as float32 over those of the output layer as int8.
        output_options: further fields of the output layer.
        quality: one of `ondevice.pipeline.quality.QUALITIES`.
    """

    dataset: str
    data: str
    variants: tuple[str, ...]
    ratio: float
    seeds: tuple[int, ...]
    recipes: tuple[str, ...]
    target: str
    devices: tuple[str, ...]
    users: int
    settings: dict[str, int | float | str | bool]
    budget_bytes: int = 0
    budget_recipe: str = ""
    output: str = "dense"
    output_ratio: float = 1.0
    output_options: dict[str, int | float | str | bool] = field(default_factory=dict)
    quality: str = DEFAULT

    @property
    def baseline(self) -> str:
        """The variant that others are compared with and, for the best quality, learn from; empty if there is none."""
        return next((each for each in self.variants if split_variant(each)[0] == FULL), "")

    @property
    def size(self) -> Size:
        """How large every method but the full table may be."""
        return Size(self.ratio, self.budget_bytes, self.budget_recipe)

    @property
    def outputs(self) -> dict[str, Any]:
        """What every variant's training is told of the output layer."""
        return {
            "output": self.output,
            "output_ratio": self.output_ratio,
            "output_options": self.output_options,
        }


def split_variant(variant: str) -> tuple[str, str]:
    """Split `method@order`.

    Raises:
        UsageError: it is not of this form.
    """
    method, at, order = variant.partition("@")
    if not at or not method or not order:
        raise UsageError(f"variant is {variant!r}; allowed is METHOD@ORDER, e.g. memcom@semantic.")
    return method, order


def recipes_of(plan: Plan, variant: str) -> tuple[str, ...]:
    """Return the plan's recipes that a variant is exported with: those to compare with are not for every method."""
    from ondevice.quantize import recipe as recipes

    method, _ = split_variant(variant)
    return tuple(name for name in plan.recipes if method == FULL or name != recipes.STOCK)


def check(plan: Plan) -> None:
    """Check everything that can be checked without the data.

    Raises:
        UsageError: a name is unknown or a value is out of range.
        OnDeviceError: a device can't be used.
    """
    from converters import target as targets
    from converters.dense import require_dense
    from ondevice.quantize import recipe as recipes

    for name, values in (("variants", plan.variants), ("seeds", plan.seeds), ("recipes", plan.recipes)):
        if not values or len(set(values)) != len(values):
            raise UsageError(f"{name} is {list(values)}; allowed is one or more, each once.")
    stems = [recipes.load(recipe).name for recipe in plan.recipes]
    if len(set(stems)) != len(stems):
        raise UsageError(f"recipes is {list(plan.recipes)}; allowed are files of different names.")
    if plan.budget_bytes and plan.budget_recipe not in plan.recipes:
        raise UsageError(
            f"recipe of the budget is {plan.budget_recipe!r}; allowed is one that the run exports: "
            f"{', '.join(plan.recipes)}."
        )
    if plan.quality not in QUALITIES:
        raise unknown_name("quality", plan.quality, QUALITIES)
    if plan.quality == BEST and not plan.baseline:
        raise UsageError(
            f"variants is {list(plan.variants)}; allowed is at least one of method {FULL!r} for quality "
            f"{BEST!r}, from which the others learn."
        )
    path = Path(plan.data) if plan.data else None
    for variant in plan.variants:
        method, order = split_variant(variant)
        for seed in plan.seeds:
            ratio = plan.size.ratio_for(method)
            configure(plan.dataset, path, method, order, ratio, seed, None, plan.settings, **plan.outputs)
        if not recipes_of(plan, variant):
            raise UsageError(
                f"recipes is {list(plan.recipes)}; allowed is at least one that is for {variant!r}, "
                f"e.g. {recipes.names()[0]!r}."
            )
    target = targets.load(plan.target)
    for name in plan.recipes:
        require_dense(recipes.load(name).dense, target, f" of recipe {name!r}")
    if len(set(plan.devices)) != len(plan.devices):
        raise UsageError(f"devices is {list(plan.devices)}; allowed is each once.")
    require_devices(plan.devices)


def check_sizes(
    plan: Plan, counts: Counts, task: str = RANKING, labels: tuple[str, ...] = ()
) -> dict[str, tuple[Method, Output]]:
    """Check that methods keep the size with this many items, files can hold them and histories leave enough answers.

    Args:
        plan: the plan.
        counts: what `ondevice.training.choose.counts_of` gives.
        task: name of the task.
        labels: names of the labels, where answers are labels.

    Returns:
        method and output layer of every variant.

    Raises:
        UsageError: one does not; the message names the nearest that works.
    """
    from converters.limits import require_size
    from ondevice.ids import RESERVED_IDS
    from ondevice.quantize.choose import require_tables
    from ondevice.quantize.recipe import load as load_recipe
    from ondevice.training.choose import choose_method, choose_output

    chosen: dict[str, tuple[Method, Output]] = {}
    items = len(counts) - RESERVED_IDS
    for variant in plan.variants:
        method, order = split_variant(variant)
        ratio = plan.size.ratio_for(method)
        config = configure(plan.dataset, None, method, order, ratio, 0, None, plan.settings, **plan.outputs)
        if method != FULL:
            config = fitted(config, plan.size, len(counts), counts)
        made = choose_method(config, len(counts), counts)
        chosen[variant] = made, choose_output(config, made, task, labels)
        tasks.load(task).require_length(config.history_length, items)
        for recipe in map(load_recipe, recipes_of(plan, variant)):
            require_tables(made.stored(), recipe)
            require_size(made.stored(), chosen[variant][1], recipe)
    return chosen


def claim(out: Path | None, plan: Plan) -> Path:
    """Return the folder to work in: a new one, or one that the same plan has left unfinished.

    Raises:
        UsageError: the folder is taken.
    """
    if out is None:
        out = _default_folder(plan)
    if out.exists() and not _is_unfinished(out, plan):
        if (out / PLAN_FILE).is_file() and not (out / REPORT_FILE).is_file():
            raise UsageError(f"output {str(out)!r} holds an unfinished run of another request; see its {PLAN_FILE}.")
        files.refuse_existing(out)
    records.write(out / PLAN_FILE, plan)
    return out


def _default_folder(plan: Plan) -> Path:
    """Return the newest of the numbered folders of a data set that this plan left unfinished, else the next one."""
    # The name of another data set may begin like this one's.
    named = [(re.fullmatch(rf"{re.escape(plan.dataset)}-(\d+)", path.name), path) for path in DEFAULT_FOLDER.glob("*")]
    numbers = {int(found[1]): path for found, path in named if found}
    unfinished = [number for number, path in numbers.items() if _is_unfinished(path, plan)]
    return numbers[max(unfinished)] if unfinished else DEFAULT_FOLDER / f"{plan.dataset}-{max(numbers, default=0) + 1}"


def _is_unfinished(folder: Path, plan: Plan) -> bool:
    path = folder / PLAN_FILE
    if not path.is_file() or (folder / REPORT_FILE).is_file():
        return False
    return records.read(Plan, path, "plan") == plan
