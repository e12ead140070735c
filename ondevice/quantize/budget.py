"""One size for all methods: what the encoded tables take, and the parameters with which a method fits a budget."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ondevice.embeddings.method import Method, Table, require
from ondevice.embeddings.run_layout import RunLayout
from ondevice.errors import UsageError
from ondevice.quantize.choose import choices
from ondevice.quantize.recipe import Recipe
from ondevice.quantize.scheme import CODES, scheme_of
from ondevice.registry import member_name


@dataclass(frozen=True)
class Use:
    """What an output layer makes of the embedding's tables, which decides how a file stores them.

    Args:
        whole: names of tables that it reads as a whole, which stay as they are.
        layouts: how tables of one number per id are laid out, by name.
    """

    whole: tuple[str, ...] = ()
    layouts: Mapping[str, RunLayout] = field(default_factory=dict)


NO_USE = Use()


def payload_bytes(method: Method, recipe: Recipe | str, use: Use = NO_USE) -> int:
    """Return the bytes of all tables kept, encoded, from their shapes alone, with the same folding as the export.

    Args:
        method: the embedding method.
        recipe: the recipe, or name of one scheme for all tables; tables it does not suit count as they are before any
            encoding.
        use: what the output layer makes of the tables.

    Raises:
        UsageError: the recipe chooses by the trained tables, or names a table that the method lacks.
    """
    stored = method.stored()
    chosen = choices(stored, recipe, plain=use.whole)
    return sum(_table_bytes(table, chosen[table.name].scheme, use.layouts.get(table.name)) for table in stored.tables())


def _table_bytes(table: Table, scheme: str, layout: RunLayout | None) -> int:
    if scheme == CODES:
        return table.bytes
    # Laid out by runs, a place that has no id takes as much as one that has.
    rows = table.rows if layout is None else math.prod(layout.shape)
    return scheme_of(scheme).stored_bytes(rows, table.width, bool(table.scale_into))


def _unused(method: Method) -> Use:
    return NO_USE


def method_for_budget(
    kind: type[Method],
    vocabulary_size: int,
    width: int,
    budget_bytes: int,
    recipe: Recipe | str,
    use_of: Callable[[Method], Use] = _unused,
    /,
    **options: Any,
) -> Method:
    """Choose a method's own parameters such that its encoded tables take at most a budget, and as much of it as can be.

    Everything stored for the look-up counts: shared rows, numbers per id, and scales that are not folded.

    Args:
        kind: the method.
        vocabulary_size: number of ids, reserved ids included.
        width: numbers per vector of the full table.
        budget_bytes: bytes, at least 1.
        recipe: the recipe that the tables will be encoded with, or name of one scheme for all tables.
        use_of: gives what the output layer of a method makes of its tables.
        options: fields of the method that do not change its size class, e.g. `sharing="block"`.

    Raises:
        UsageError: the method can't be that small; the message names the smallest budget that it can keep.
    """
    require("budget_bytes", budget_bytes, budget_bytes >= 1, "at least 1")
    full = vocabulary_size * width

    def made(parameters: int) -> Method:
        return kind.for_ratio(vocabulary_size, width, full / parameters, **options)

    def bytes_of(method: Method) -> int:
        return payload_bytes(method, recipe, use_of(method))

    largest = made(full)
    if bytes_of(largest) <= budget_bytes:
        return largest
    # More parameters never take fewer bytes: `few` are refused or fit, `many` take too many bytes. Nearly so where
    # tables are encoded differently, as rows and projections of mixed widths; then a size just below the best is found.
    few, many, best, too_large = 0, full, None, largest
    while many - few > 1:
        middle = (few + many) // 2
        try:
            method = made(middle)
        except UsageError:
            few = middle
            continue
        if bytes_of(method) <= budget_bytes:
            few, best = middle, method
        else:
            many, too_large = middle, method
    if best is None:
        # Whatever is smaller than this one is refused.
        tables = " and ".join(f"{table.name} {table.rows} x {table.width}" for table in too_large.stored().tables())
        name = recipe if isinstance(recipe, str) else recipe.name
        raise UsageError(
            f"budget of {budget_bytes} bytes is out of reach for {member_name(kind)} as {name} with "
            f"{vocabulary_size} ids of width {width}: with the least it can store, {tables}, it takes "
            f"{bytes_of(too_large)}."
        )
    return best


def stated_ratio(method: Method) -> float:
    """Return the ratio that a method has, such that its `for_ratio` gives tables of the same sizes for it.

    Args:
        method: a method that `for_ratio` gave.

    Raises:
        ValueError: there is none, so the method's `for_ratio` contradicts itself.
    """
    fields = dataclasses.fields(method)
    options = {field.name: getattr(method, field.name) for field in fields if field.default is not dataclasses.MISSING}
    # The quotient may be rounded up, and then is just above what the method reaches.
    for ratio in (method.ratio, math.nextafter(method.ratio, 0)):
        with contextlib.suppress(UsageError):
            found = type(method).for_ratio(method.vocabulary_size, method.width, ratio, **options)
            if found.stored().tables() == method.stored().tables():
                return ratio
    raise ValueError(f"{method} has ratio {method.ratio!r}, but is not what it gives for it")
