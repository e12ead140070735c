"""The change itself: a planned table becomes a compressed one in place, fitted to what was trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ondevice.compression.order import AS_GIVEN, arranged, places_of
from ondevice.compression.plan import Plan
from ondevice.compression.report import TableReport, WorstKey
from ondevice.embeddings.fit_tables import fit_tables, fit_weights
from ondevice.embeddings.method import FULL, FloatArray
from ondevice.embeddings.swap import swap
from ondevice.ids import RESERVED_IDS
from ondevice.registry import member_name

WORST = 5


def planned(plan: Plan, error: float | None = None, worst: Sequence[WorstKey] = ()) -> TableReport:
    """Return the record of a plan, with what its fit left where it was carried out."""
    table, kept = plan.table, plan.method is None
    where = f"stored, since {table.stored}" if table.stored else "free in the vocabulary"
    return TableReport(
        table.name,
        int(table.layer.input_dim),
        int(table.layer.output_dim),
        table.bytes,
        plan.stored_bytes,
        "keep" if plan.method is None else member_name(type(plan.method)),
        "" if kept or plan.order == AS_GIVEN else f"{plan.order} ({where})",
        error,
        tuple(worst),
        f"since {plan.reason}" if plan.reason else "",
    )


def apply(plan: Plan, keys: Sequence[str], seed: int) -> tuple[TableReport, list[str]]:
    """Compress one table.

    Args:
        plan: what becomes of it.
        keys: the key of each id, for the report; empty where nobody knows.
        seed: seed of whatever is random.

    Returns:
        its record, and the names of the layers that held its variable and now follow it.
    """
    table, method = plan.table, plan.method
    if method is None:
        return planned(plan), []
    vectors, usage, reserved = table.vectors, table.usage, table.reserved
    arrangement = np.arange(len(vectors) - reserved)
    if plan.order != AS_GIVEN and member_name(type(method)) != FULL:
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
    return planned(plan, error, _worst(vectors, table.layer.embeddings.numpy(), usage.seen, keys)), followed


def _worst(before: FloatArray, after: FloatArray, seen: np.ndarray, keys: Sequence[str]) -> list[WorstKey]:
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    cosines = np.einsum("ij,ij->i", before, after) / np.maximum(lengths, np.finfo(np.float32).tiny)
    # What nobody looks up says nothing, where anything was seen at all.
    cosines = np.where((lengths > 0) & ((seen > 0) | ~seen.any()), cosines, np.inf)
    least = np.argsort(cosines, kind="stable")[:WORST]
    return [
        WorstKey(int(id_), keys[id_] if id_ < len(keys) else str(id_), round(float(cosines[id_]), 4))
        for id_ in least
        if np.isfinite(cosines[id_])
    ]
