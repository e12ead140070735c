"""How large the embedding may be, as it is asked for: a ratio, or a budget in the bytes of a recipe."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ondevice.embeddings.method import require
from ondevice.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from ondevice.embeddings.method import Method
    from ondevice.training.choose import Counts
    from ondevice.training.config import TrainConfig

DEFAULT_RATIO = 16.0
DEFAULT_RECIPE = "int8"


@dataclass(frozen=True)
class Size:
    """What is asked of every method but the full table, which has one size only.

    Args:
        ratio: parameters of the full table over parameters stored; 0 where a budget is given.
        budget_bytes: bytes of the encoded tables, at most; 0 where a ratio is given.
        recipe: recipe whose encoding the budget counts in, empty where a ratio is given.
    """

    ratio: float
    budget_bytes: int = 0
    recipe: str = ""

    def ratio_for(self, method: str) -> float:
        """Return the ratio to configure a method with as long as the number of items is not known."""
        return 1.0 if method == "full" or self.budget_bytes else self.ratio


def asked(ratio: float | None, budget_bytes: int | None, recipe: str | None) -> Size:
    """Check a request for a size; without any it is a ratio of 16.

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


def fitted(config: TrainConfig, size: Size, vocabulary_size: int, counts: Counts | None = None) -> TrainConfig:
    """Return the settings with the ratio that keeps the size, for a method whose number of ids is known.

    Args:
        config: the settings.
        size: what is asked for.
        vocabulary_size: number of ids, reserved ids included.
        counts: what `ondevice.training.choose.falling_counts` gives, if data are at hand.

    Raises:
        UsageError: the method can't be that small, or an option is not one of its fields.
    """
    if not size.budget_bytes:
        return config
    from ondevice.embeddings.method import registry as methods
    from ondevice.quantize import recipe as recipes
    from ondevice.quantize.budget import method_for_budget, stated_ratio
    from ondevice.training.choose import method_options

    kind, recipe = methods.load(config.method), recipes.load(size.recipe)
    options = method_options(config, counts)
    method = method_for_budget(kind, vocabulary_size, config.width, size.budget_bytes, recipe, **options)
    return dataclasses.replace(config, ratio=stated_ratio(method))


def table_bytes(method: Method, recipe: str) -> int:
    """Return the bytes of a method's tables, encoded as a recipe does it."""
    from ondevice.quantize import recipe as recipes
    from ondevice.quantize.budget import payload_bytes

    return payload_bytes(method, recipes.load(recipe))
