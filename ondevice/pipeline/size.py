"""How large the embedding may be, as it is asked for: a ratio, or a budget in the bytes of a recipe."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from typing import TYPE_CHECKING, NamedTuple

from ondevice.embeddings.method import require
from ondevice.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from ondevice.embeddings.method import Counts, Method
    from ondevice.models.output import Output
    from ondevice.quantize.budget import Use
    from ondevice.training.config import TrainConfig
    from ondevice.training.run_folder import Run

DEFAULT_RATIO = 16.0
DEFAULT_RECIPE = "int8"


class Size(NamedTuple):
    """What is asked of every method but the full table, which has one size only; fields of the settings."""

    ratio: float
    budget_bytes: int = 0
    budget_recipe: str = ""


def asked(ratio: float | None, budget_bytes: int | None, recipe: str | None) -> Size:
    """Check a request for a size; without any it is a ratio of 16, and with a budget the ratio is 0.

    Raises:
        UsageError: a value is out of range, there is no such recipe, or the request contradicts itself.
    """
    if budget_bytes is None:
        if recipe is not None:
            raise UsageError(f"recipe is {recipe!r}; allowed is one only beside a budget, which it is counted in.")
        ratio = DEFAULT_RATIO if ratio is None else float(ratio)
        require("ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
        return Size(ratio)
    if ratio is not None:
        raise UsageError(f"ratio is {ratio!r} and budget {budget_bytes} bytes; allowed is one of both.")
    require("budget", budget_bytes, budget_bytes >= 1, "at least 1 byte")
    return Size(0.0, budget_bytes, _counted_in(recipe or DEFAULT_RECIPE))


def _counted_in(recipe: str) -> str:
    from ondevice.quantize import recipe as recipes

    if recipes.is_file(recipe):
        if not recipes.load(recipe).counts_ahead:
            raise UsageError(f"recipe is {recipe!r}; allowed for a budget is one that names all schemes.")
    elif recipe not in recipes.names_counted_ahead():
        raise unknown_name("recipe for a budget", recipe, recipes.names_counted_ahead())
    return recipe


def fitted(config: TrainConfig, vocabulary_size: int, counts: Counts | None = None) -> TrainConfig:
    """Return the settings with the ratio that keeps the budget, if there is one and the number of ids is known.

    Args:
        config: the settings.
        vocabulary_size: number of ids, reserved ids included.
        counts: what `ondevice.training.choose.counts_of` gives, if data are at hand.

    Raises:
        UsageError: the method can't be that small, or an option is not one of its fields.
    """
    if not config.budget_bytes:
        return config
    from ondevice.embeddings.method import registry as methods
    from ondevice.quantize import recipe as recipes
    from ondevice.quantize.budget import NO_USE, method_for_budget, stated_ratio
    from ondevice.training.choose import choose_output, method_options

    kind, recipe = methods.load(config.method), recipes.load(config.budget_recipe)
    options = method_options(config, counts)

    def use_of(method: Method) -> Use:
        # A layer that can't be made with a method is refused, with its reason, once the size is known.
        with contextlib.suppress(UsageError):
            return use(choose_output(config, method))
        return NO_USE

    method = method_for_budget(kind, vocabulary_size, config.width, config.budget_bytes, recipe, use_of, **options)
    return dataclasses.replace(config, ratio=stated_ratio(method))


def use(output: Output) -> Use:
    """Return what an output layer makes of the embedding's tables."""
    from ondevice.quantize.budget import Use

    return Use(output.reads_whole, output.layouts)


def bytes_of_run(run: Run, recipe: str) -> int:
    """Return the bytes of a trained model's tables, encoded as a recipe does it."""
    from ondevice.training.choose import choose_output

    method = run.method()
    return table_bytes(method, recipe, choose_output(run.config, method, run.result.task, run.result.labels))


def table_bytes(method: Method, recipe: str, output: Output | None = None) -> int:
    """Return the bytes of a method's tables, encoded as a recipe does it, beside an output layer if one is given."""
    from ondevice.quantize import recipe as recipes
    from ondevice.quantize.budget import NO_USE, payload_bytes

    return payload_bytes(method, recipes.load(recipe), use(output) if output is not None else NO_USE)
