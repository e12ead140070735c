"""The plan of a run: what it does, checked before anything is written, and the folder it is kept in."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ondevice import files
from ondevice.devices.runtimes import DEFAULT_TARGET
from ondevice.embeddings.method import FULL
from ondevice.errors import UsageError, unknown_name
from ondevice.pipeline.devices import require_devices
from ondevice.pipeline.grid import Grid, require_each_once
from ondevice.pipeline.quality import BEST, DEFAULT, QUALITIES
from ondevice.pipeline.size import fitted
from ondevice.pipeline.train import configure
from ondevice.pipeline.validate import require_users
from ondevice.training.config import TrainConfig

if TYPE_CHECKING:
    from ondevice.data.split_data import SplitData
    from ondevice.embeddings.method import Method
    from ondevice.models.output import Output

REPORT_FILE = "report.json"
DEFAULT_VARIANTS = ("full@as_given", "memcom@random", "memcom@semantic", "quotient_remainder@random", "hashing@random")
DEFAULT_RECIPES = ("float32", "stock_dynamic_range", "int8")
DEFAULT_FOLDER = Path("ondevice-runs")


@dataclass(frozen=True)
class Plan(Grid):
    """What a run does, kept in its folder so that the same request resumes it.

    Args:
        config: settings that all trainings share; method, order and seed are the variants' and seeds', ratio and budget
            those of every method but the full table.
        variants: `method@order` each.
        seeds: seeds; each trains every variant anew.
        recipes: quantization recipes each model is exported with; those to compare with only the full table.
        target: runtime that the files are for.
        devices: devices that validate; without any this machine and, where it is installed, the emulated phone.
        users: evaluation users or texts per file, at most; without it, and where it is more than a device says are
            enough, as many as the device says: all on this machine, 1,000 on an emulated phone.
        quality: `"default"`, or `"best"`: models as wide as the full table start from it, and where it is the better
            model on the validation data, another training also learns from its scores, and the better one is kept.
    """

    kind: ClassVar[str] = "an unfinished run"
    file: ClassVar[str] = "plan.json"

    config: TrainConfig
    variants: tuple[str, ...] = DEFAULT_VARIANTS
    seeds: tuple[int, ...] = (0,)
    recipes: tuple[str, ...] = DEFAULT_RECIPES
    target: str = DEFAULT_TARGET
    devices: tuple[str, ...] = ()
    users: int | None = None
    quality: str = DEFAULT

    @property
    def baseline(self) -> str:
        """The variant that others are compared with and, for the best quality, learn from; empty if there is none."""
        return next((each for each in self.variants if split_variant(each)[0] == FULL), "")

    def config_of(self, variant: str, seed: int) -> TrainConfig:
        """Return the settings of one training, as long as the number of items is not known.

        Raises:
            UsageError: the variant is of another form, or a name is unknown.
        """
        method, order = split_variant(variant)
        config = replace(self.config, method=method, order=order, seed=seed)
        return replace(config, ratio=1.0, budget_bytes=0, budget_recipe="") if method == FULL else config


def planned(**given: Any) -> Plan:
    """Build a plan from its own fields, and from what `configure` takes for the settings of the trainings.

    Raises:
        UsageError: a name is unknown or a value is out of range.
    """
    own = {each.name: given.pop(each.name) for each in fields(Plan) if each.name in given}
    return Plan(own.pop("config", None) or configure(**given), **own)


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
    from ondevice.converters import target as targets
    from ondevice.converters.dense import require_dense
    from ondevice.quantize import recipe as recipes

    if plan.users is not None:
        require_users(plan.users)
    for name, values in (("variants", plan.variants), ("seeds", plan.seeds), ("recipes", plan.recipes)):
        require_each_once(name, values)
    stems = [recipes.load(recipe).name for recipe in plan.recipes]
    if len(set(stems)) != len(stems):
        raise UsageError(f"recipes is {list(plan.recipes)}; allowed are files of different names.")
    if plan.config.budget_bytes and plan.config.budget_recipe not in plan.recipes:
        raise UsageError(
            f"recipe of the budget is {plan.config.budget_recipe!r}; allowed is one that the run exports: "
            f"{', '.join(plan.recipes)}."
        )
    if plan.quality not in QUALITIES:
        raise unknown_name("quality", plan.quality, QUALITIES)
    if plan.quality == BEST and not plan.baseline:
        raise UsageError(
            f"variants is {list(plan.variants)}; allowed is at least one of method {FULL!r} for quality "
            f"{BEST!r}, from which the others learn."
        )
    for variant in plan.variants:
        for seed in plan.seeds:
            plan.config_of(variant, seed)
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


def check_sizes(plan: Plan, data: SplitData) -> dict[str, tuple[Method, Output]]:
    """Check that methods keep the size with this many items, files can hold them and histories leave enough answers.

    Args:
        plan: the plan.
        data: the data set.

    Returns:
        method and output layer of every variant.

    Raises:
        UsageError: one does not; the message names the nearest that works.
    """
    from ondevice.converters.limits import require_size
    from ondevice.quantize.choose import require_tables
    from ondevice.quantize.recipe import load as load_recipe
    from ondevice.training.choose import chosen, counts_of, with_fields

    found: dict[str, tuple[Method, Output]] = {}
    counts = counts_of(data)
    for variant in plan.variants:
        config = with_fields(plan.config_of(variant, plan.seeds[0]), data)
        method, output = found[variant] = chosen(fitted(config, len(counts), counts), data)
        for recipe in map(load_recipe, recipes_of(plan, variant)):
            require_tables(method.stored(), recipe)
            require_size(method.stored(), output, recipe)
    return found


def claim(out: Path | None, plan: Plan, data: SplitData) -> Path:
    """Return the folder to work in: a new one, or one that the same plan has left unfinished with the same data.

    Raises:
        UsageError: the folder is taken.
    """
    out = out or _default_folder(plan)
    if (out / REPORT_FILE).is_file():
        files.refuse_existing(out)
    plan.claim(out, data)
    return out


def _default_folder(plan: Plan) -> Path:
    """Return the newest of the numbered folders of a data set that this plan left unfinished, else the next one."""
    # The name of another data set may begin like this one's.
    name = plan.config.dataset
    named = [(re.fullmatch(rf"{re.escape(name)}-(\d+)", path.name), path) for path in DEFAULT_FOLDER.glob("*")]
    numbers = {int(found[1]): path for found, path in named if found}
    unfinished = [each for each, path in numbers.items() if plan.began(path) and not (path / REPORT_FILE).is_file()]
    return numbers[max(unfinished)] if unfinished else DEFAULT_FOLDER / f"{name}-{max(numbers, default=0) + 1}"
