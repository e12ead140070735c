"""The change itself: planned tables become compressed ones in place, fitted to what was trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ondevice.compression.order import AS_GIVEN, arranged, places_of
from ondevice.compression.plan import Plan, Table, plans_of, within
from ondevice.compression.report import CompressionReport, TableReport
from ondevice.compression.settings import KEEP
from ondevice.embeddings.fit_tables import fit_tables, fit_weights
from ondevice.embeddings.method import FULL, FloatArray, Method
from ondevice.embeddings.swap import swap
from ondevice.encoding_error import WorstId
from ondevice.ids import RESERVED_IDS
from ondevice.quantize.recipe import Recipe
from ondevice.registry import member_name

WORST = 5


def compressed(
    tables: Sequence[Table],
    recipe: Recipe,
    budget: int | None = None,
    skip_below: int = 0,
    seed: int = 0,
    plan_only: bool = False,
) -> CompressionReport:
    """Compress tables in place, each at the ratio of its settings, or all of them within a budget.

    Args:
        tables: the tables.
        recipe: the recipe that bytes are counted in.
        budget: bytes of all tables together.
        skip_below: tables with fewer bytes stay.
        seed: seed of whatever is random.
        plan_only: whether nothing is done but to tell what would be.

    Raises:
        UsageError: what is asked for can't be done.
    """
    choices = [plans_of(table, recipe, skip_below) for table in tables]
    plans = [plan for plan, *_ in choices] if budget is None else within(choices, budget)
    found, notes = [], []
    for plan in plans:
        if plan.method is None or plan_only:
            found.append(_told(plan))
            continue
        report, followed = _applied(plan, plan.method, seed)
        name = plan.table.name
        found.append(report)
        notes += [f"Layer {other} read the table of {name} and now reads its compressed vectors." for other in followed]
    return CompressionReport(tuple(found), recipe.name, tuple(notes))


def _told(plan: Plan, error: float | None = None, worst: Sequence[WorstId] = ()) -> TableReport:
    """Return the record of a plan, with what its fit left where it was carried out."""
    table, kept = plan.table, plan.method is None
    where = f"stored, since {table.stored}" if table.stored else "free in the vocabulary"
    return TableReport(
        table.name,
        int(table.layer.input_dim),
        int(table.layer.output_dim),
        table.bytes,
        plan.stored_bytes,
        KEEP if plan.method is None else member_name(type(plan.method)),
        "" if kept or plan.order == AS_GIVEN else f"{plan.order} ({where})",
        error,
        tuple(worst),
        f"since {plan.reason}" if plan.reason else "",
    )


def _applied(plan: Plan, method: Method, seed: int) -> tuple[TableReport, list[str]]:
    """Compress one table; return its record, and the names of the layers that held its variable and now follow it."""
    table = plan.table
    vectors, usage, reserved = table.vectors, table.usage, table.reserved
    arrangement = np.arange(len(vectors) - reserved)
    if plan.order != AS_GIVEN:
        some = np.arange(reserved, len(vectors))
        arrangement = arranged(plan.order, method, vectors[reserved:], usage.of_ids(some), seed)
    ids = np.concatenate([np.arange(reserved), reserved + arrangement])
    ordered = not np.array_equal(ids, np.arange(len(ids)))
    followed = swap(table.layer, method, ordered, reserved, table.settings.scheme)
    # Ids that stand for none and that the model does not have come first, and count for nothing.
    none = RESERVED_IDS - reserved
    target = np.concatenate([np.zeros((none, vectors.shape[1]), np.float32), vectors[ids]])
    weights = np.concatenate([np.zeros(none, np.float32), fit_weights(usage.seen)[ids]])
    for name, values in method.chosen_tables(target, seed, weights).items():
        table.layer.tables[name].assign(values)
    if member_name(type(method)) == FULL:
        table.layer.write_tables({"table": target})
        error = 0.0
    else:
        error = fit_tables(table.layer, target, weights, usage.metric)
    if ordered:
        table.layer.order.assign(places_of(arrangement, reserved))
    return _told(plan, error, _worst(table, vectors)), followed


def _worst(table: Table, before: FloatArray) -> list[WorstId]:
    after, seen, keys = table.layer.embeddings.numpy(), table.usage.seen, table.keys
    errors = np.linalg.norm(after - before, axis=1)
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    cosines = np.einsum("ij,ij->i", before, after) / np.maximum(lengths, np.finfo(np.float32).tiny)
    # What nobody looks up says nothing, where anything was seen at all.
    cosines = np.where((lengths > 0) & ((seen > 0) | ~seen.any()), cosines, np.inf)
    least = np.argsort(cosines, kind="stable")[:WORST]
    return [
        WorstId(int(id_), keys[id_] if id_ < len(keys) else str(id_), float(errors[id_]), round(float(cosines[id_]), 4))
        for id_ in least
        if np.isfinite(cosines[id_])
    ]
