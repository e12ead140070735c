"""The catalogue: what each method would store for a vocabulary, before any training."""

from __future__ import annotations

from dataclasses import dataclass

from ondevice.embeddings.method import FULL, registry, require
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.pipeline import size as sizes
from ondevice.pipeline.size import Size
from ondevice.quantize import recipe as recipes
from ondevice.quantize.budget import method_for_budget


@dataclass(frozen=True)
class Entry:
    """What one method would cost.

    Args:
        method: name of the method.
        stores: its tables, e.g. `"shared 374 x 64, multiplier 8002 x 1"`.
        parameters: numbers stored.
        ratio: parameters of the full table over parameters stored.
        payload_bytes: bytes of the encoded tables by recipe: every one whose bytes are known before training, and the
            budget's.
        used: share taken of what was asked for, of the parameters at the ratio or of the bytes of the budget; above 1
            for the full table alone, which is listed all the same.
        refusal: why the method can't reach the ratio or keep the budget, empty where it can.
    """

    method: str
    stores: str
    parameters: int
    ratio: float
    payload_bytes: dict[str, int]
    used: float
    refusal: str = ""


def catalogue(
    items: int,
    width: int = 64,
    ratio: float | None = None,
    *,
    budget_bytes: int | None = None,
    recipe: str | None = None,
) -> list[Entry]:
    """Compute every method's cost.

    Args:
        items: number of items.
        width: numbers per vector.
        ratio: parameters of the full table over parameters stored, 16 without it and without a budget; the full table
            itself is listed at 1.
        budget_bytes: bytes that the encoded tables may take, instead of a ratio; the full table is listed all the same.
        recipe: recipe whose encoding the budget counts in, `"int8"` without it; only beside a budget.

    Raises:
        UsageError: a value is out of range.
    """
    require("items", items, items >= 1, "at least 1")
    require("width", width, width >= 1, "at least 1")
    size = sizes.asked(ratio, budget_bytes, recipe)
    return [_entry(name, items + RESERVED_IDS, width, size) for name in registry.names()]


def _entry(name: str, vocabulary_size: int, width: int, size: Size) -> Entry:
    kind = registry.load(name)
    try:
        if size.budget_bytes and name != FULL:
            recipe = recipes.load(size.budget_recipe)
            method = method_for_budget(kind, vocabulary_size, width, size.budget_bytes, recipe)
        else:
            method = kind.for_ratio(vocabulary_size, width, 1.0 if name == FULL else size.ratio)
    except UsageError as error:
        return Entry(name, "", 0, 0.0, {}, 0.0, str(error))
    stores = ", ".join(f"{table.name} {table.rows:,} x {table.width}" for table in method.stored().tables())
    counted = dict.fromkeys([*recipes.names_counted_ahead(), *([size.budget_recipe] if size.budget_recipe else [])])
    payloads = {recipe: sizes.table_bytes(method, recipe) for recipe in counted}
    used = payloads[size.budget_recipe] / size.budget_bytes if size.budget_bytes else size.ratio / method.ratio
    return Entry(name, stores, method.stored_parameters, method.ratio, payloads, used)
