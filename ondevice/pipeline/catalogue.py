"""The catalogue: what each method would store for a vocabulary, before any training."""

from __future__ import annotations

from dataclasses import dataclass

from ondevice.embeddings.method import Method, registry, require
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.quantize import recipe as recipes
from ondevice.quantize.scheme import registry as schemes


@dataclass(frozen=True)
class Entry:
    """What one method would cost.

    Args:
        method: name of the method.
        stores: its tables, e.g. `"shared 374 x 64, multiplier 8002 x 1"`.
        parameters: numbers stored.
        ratio: parameters of the full table over parameters stored.
        payload_bytes: bytes of the encoded tables by recipe.
        refusal: why the method can't reach the ratio, empty where it can.
    """

    method: str
    stores: str
    parameters: int
    ratio: float
    payload_bytes: dict[str, int]
    refusal: str = ""


def catalogue(items: int, width: int = 64, ratio: float = 16.0) -> list[Entry]:
    """Compute every method's cost.

    Args:
        items: number of items.
        width: numbers per vector.
        ratio: parameters of the full table over parameters stored; the full table itself is listed at 1.

    Raises:
        UsageError: a value is out of range.
    """
    require("items", items, items >= 1, "at least 1")
    require("width", width, width >= 1, "at least 1")
    require("ratio", ratio, ratio >= 1, "at least 1")
    return [_entry(name, items + RESERVED_IDS, width, ratio) for name in registry.names()]


def _entry(name: str, vocabulary_size: int, width: int, ratio: float) -> Entry:
    try:
        method = registry.load(name).for_ratio(vocabulary_size, width, 1.0 if name == "full" else ratio)
    except UsageError as error:
        return Entry(name, "", 0, 0.0, {}, str(error))
    stores = ", ".join(f"{table.name} {table.rows:,} x {table.width}" for table in method.tables())
    sizes = {recipe: _payload(method, recipes.load(recipe).tables) for recipe in recipes.names(comparison=False)}
    return Entry(name, stores, method.stored_parameters, method.ratio, sizes)


def _payload(method: Method, scheme_name: str) -> int:
    """Bytes of the encoded tables, from the shapes alone, with the same folding as the export."""
    import numpy as np

    scheme = schemes.load(scheme_name)()
    total = 0
    for table in method.tables():
        if scheme.refuses(table):
            total += table.parameters * 4
            continue
        # Every scheme stores the same bytes per row, so one row tells.
        row = scheme.encode(np.ones((1, table.width), np.float32))
        folded = {scheme.scales} if table.scale_into else set()
        total += table.rows * sum(array.nbytes for name, array in row.items() if name not in folded)
    return total
