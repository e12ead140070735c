"""Which scheme each table of a method gets from a recipe, and why not the one that the recipe names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ondevice.embeddings.every_id import rows_used
from ondevice.embeddings.method import FloatArray, Method, Table
from ondevice.errors import UsageError
from ondevice.quantize.mixed import Folding, fewest_bytes
from ondevice.quantize.recipe import Recipe, single
from ondevice.quantize.scheme import CODES, UNQUANTIZED, refusal

READ_BY_OUTPUT = "the output layer reads the whole table, and would store it once more"


@dataclass(frozen=True)
class Choice:
    """The scheme of one table.

    Args:
        scheme: its name, `"uint8"` for codes.
        reason: why it is none that the recipe names, empty where it is.
    """

    scheme: str
    reason: str = ""


def choices(
    method: Method,
    recipe: Recipe | str,
    values: Mapping[str, FloatArray] | None = None,
    plain: Collection[str] = (),
) -> dict[str, Choice]:
    """Choose the scheme of every table.

    Args:
        method: the embedding method.
        recipe: the recipe, or name of one scheme for all tables.
        values: `[rows, width]` by table name; not needed where the recipe names the schemes.
        plain: names of tables that stay as they are since the output layer reads them as a whole.

    Raises:
        UsageError: the recipe names a table that the method lacks, or chooses by values and none are given.
    """
    recipe = single(recipe) if isinstance(recipe, str) else recipe
    tables = {table.name: table for table in method.tables()}
    require_tables(method, recipe)
    found = {name: _choice(table, recipe, name in plain) for name, table in tables.items()}
    if not recipe.candidates:
        return found
    if values is None:
        raise UsageError(
            f"recipe is {recipe.name!r}, which chooses by the trained tables; allowed is one that does not."
        )
    free = [table for name, table in tables.items() if name not in recipe.by_table and name not in plain]
    foldings = {
        table.scale_into: Folding(table.name, rows_used(method, table.name)[:, 0], recipe.by_table.get(table.name, ""))
        for table in tables.values()
        if table.scale_into
    }
    chosen = fewest_bytes(free, values, recipe.candidates, recipe.error_limit, foldings)
    for table in free:
        if table.name in chosen:
            found[table.name] = Choice(chosen[table.name])
        else:
            suited = not all(refusal(candidate, table) for candidate in recipe.candidates)
            found[table.name] = Choice(_unencoded(table), "" if suited else refusal(recipe.candidates[0], table))
    return found


def require_tables(method: Method, recipe: Recipe) -> None:
    """Raise a `UsageError` if a recipe names a table that a method lacks."""
    names = [table.name for table in method.tables()]
    for name in recipe.by_table:
        if name not in names:
            raise UsageError(
                f"by_table of recipe {recipe.name!r} names table {name!r}; allowed are those of the method: "
                f"{', '.join(names)}."
            )


def _choice(table: Table, recipe: Recipe, plain: bool) -> Choice:
    if table.name in recipe.by_table:
        wanted = [recipe.by_table[table.name]]
    elif table.width == 1 and recipe.narrow:
        wanted = [recipe.narrow]
    else:
        wanted = [recipe.tables, recipe.narrow] if recipe.narrow else [recipe.tables]
    if plain and set(wanted) != {UNQUANTIZED}:
        return Choice(_unencoded(table), READ_BY_OUTPUT)
    reasons = []
    for scheme in wanted:
        reason = refusal(scheme, table)
        if not reason:
            return Choice(scheme)
        reasons.append(reason)
    return Choice(_unencoded(table), "; ".join(dict.fromkeys(reasons)))


def _unencoded(table: Table) -> str:
    return CODES if table.dtype == CODES else UNQUANTIZED
