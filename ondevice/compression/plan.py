"""What becomes of each table, before anything is done: a method of the size asked for, or a reason to keep it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ondevice.compression.order import AS_GIVEN, SEMANTIC, VECTORS, arranged
from ondevice.compression.settings import KEEP, Settings
from ondevice.compression.usage import Usage
from ondevice.embeddings.fit_tables import fit_weights
from ondevice.embeddings.method import FULL, Counts, Method
from ondevice.embeddings.method import registry as methods
from ondevice.embeddings.options import check_options
from ondevice.embeddings.sharing import BLOCK
from ondevice.embeddings.swap import COMPRESSED
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS, run_starts
from ondevice.quantize.budget import payload_bytes
from ondevice.quantize.encode import order_bytes
from ondevice.quantize.recipe import Recipe, single

LADDER = (1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0)
"""Ratios among which a budget chooses."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table of a model.

    Args:
        name: the layer's name.
        layer: the layer.
        settings: what is asked of it.
        asked: whether the config names it in full, so that what can't be done is an error, and nothing is too small.
        usage: what was seen of it.
        reserved: how many first ids are no keys, which have rows of their own.
        stored: why the file would hold its order of ids; empty where a vocabulary takes it over.
    """

    name: str
    layer: Any
    settings: Settings
    asked: bool
    usage: Usage
    reserved: int
    stored: str

    @property
    def vectors(self) -> np.ndarray:
        """Its trained vectors, float32 `[ids, width]`."""
        return np.asarray(self.layer.embeddings, np.float32)

    @property
    def bytes(self) -> int:
        """Bytes as float32."""
        return 4 * int(self.layer.input_dim) * int(self.layer.output_dim)


@dataclass(frozen=True, eq=False)
class Plan:
    """What becomes of one table.

    Args:
        table: the table.
        method: the method; None where it stays.
        order: name of its id order.
        stored_bytes: bytes of its encoded tables and, where the file holds it, its order.
        reason: why it stays.
    """

    table: Table
    method: Method | None
    order: str
    stored_bytes: int
    reason: str = ""


def plan_of(table: Table, recipe: Recipe, skip_below: int) -> Plan:
    """Return what becomes of a table.

    Args:
        table: the table.
        recipe: the recipe that bytes are counted in.
        skip_below: tables of fewer bytes stay.

    Raises:
        UsageError: what a pattern asks for can't be done.
    """
    layer, settings = table.layer, table.settings
    reason = ""
    if settings.method == KEEP:
        reason = "config keeps it"
    elif type(layer) not in COMPRESSED:
        reason = f"its class {type(layer).__name__} is derived from Embedding and not known"
    elif layer.embeddings_regularizer is not None or layer.embeddings_constraint is not None:
        reason = "a regularizer or constraint of its table would have nothing to act on"
    elif not layer.trainable and not table.asked:
        reason = "it is not trained"
    elif table.bytes < skip_below and not table.asked:
        reason = f"it has {table.bytes} bytes, fewer than {skip_below}"
    if not reason:
        try:
            method, order = _sized(table, settings.ratio)
            return Plan(table, method, order, _stored_bytes(table, method, order, recipe))
        except UsageError as error:
            if table.asked:
                raise UsageError(f"table {table.name!r}: {error}") from error
            reason = str(error)
    if table.asked and settings.method != KEEP:
        raise UsageError(f"config names table {table.name!r}, which has to stay: {reason}.")
    full = methods.load(FULL)(layer.input_dim, layer.output_dim)
    return Plan(table, None, "", payload_bytes(full, recipe), reason)


def within(plans: Mapping[str, Plan], budget: int, recipe: Recipe) -> dict[str, Plan]:
    """Divide bytes between tables, so that at each step the largest error per byte falls.

    Every table begins at the highest ratio that its method reaches. Then one after the other gets more bytes, always
    the one whose error falls most for each of them. The error is taken to be that of as many rows as the bytes make,
    each shared by neighbours in the order of the vectors: it depends on no method and takes no fitting.

    Args:
        plans: what becomes of each table; those that stay count, too.
        budget: bytes of all encoded tables.
        recipe: the recipe that bytes are counted in.

    Raises:
        UsageError: even the smallest tables take more.
    """
    fixed = {name: plan for name, plan in plans.items() if plan.method is None}
    steps = {name: _ladder(plan, recipe) for name, plan in plans.items() if plan.method is not None}
    place = dict.fromkeys(steps, 0)
    used = sum(plan.stored_bytes for plan in fixed.values()) + sum(made[0][0].stored_bytes for made in steps.values())
    if used > budget:
        raise UsageError(f"budget is {budget} bytes; allowed are at least {used}, what the smallest tables take.")
    while True:
        gains = []
        for name, made in steps.items():
            now, error = made[place[name]]
            # The best of all steps ahead, since a single one may bring nothing.
            for ahead in range(place[name] + 1, len(made)):
                more = made[ahead][0].stored_bytes - now.stored_bytes
                if 0 < more <= budget - used:
                    gains.append(((error - made[ahead][1]) / more, name, ahead, more))
        if not gains or max(gains)[0] <= 0:
            return fixed | {name: made[place[name]][0] for name, made in steps.items()}
        _, name, place[name], more = max(gains)
        used += more


def _sized(table: Table, ratio: float) -> tuple[Method, str]:
    """Return a method of a ratio, the bytes of a stored order counted, and the name of its id order."""
    layer, settings = table.layer, table.settings
    kind, size = methods.load(settings.method), layer.input_dim + RESERVED_IDS - table.reserved
    options = dict(settings.options)
    known = check_options(options, kind, f"method {settings.method}")
    similar = SEMANTIC if table.usage.lists else VECTORS
    if "sharing" in known and settings.order in ("", SEMANTIC, VECTORS):
        options.setdefault("sharing", BLOCK)
    falling = np.concatenate([np.zeros(RESERVED_IDS, np.int64), -np.sort(-table.usage.seen[table.reserved :])])
    options = kind.options_from_counts(Counts(falling, (size - RESERVED_IDS,)), options)
    if settings.method == FULL:
        ratio = 1.0
    full = kind.for_ratio(size, layer.output_dim, ratio, **options)
    order = settings.order or full.needs_order or (similar if full.runs < full.items else AS_GIVEN)
    if full.needs_order not in ("", order):
        raise UsageError(f"order is {order!r}; allowed is {full.needs_order!r} for method {settings.method}.")
    if full.output_width != layer.output_dim:
        raise UsageError(
            f"method {settings.method} makes vectors of {full.output_width} numbers; allowed is one of "
            f"{layer.output_dim}, which the model goes on with."
        )
    if order == AS_GIVEN or not table.stored or settings.method == FULL:
        return full, order
    left = size * layer.output_dim / ratio - layer.input_dim * order_bytes(layer.input_dim) / 4
    if left < 1:
        raise UsageError(f"ratio is {ratio:g}, less than the order of the ids takes alone; allowed is a lower one.")
    return kind.for_ratio(size, layer.output_dim, size * layer.output_dim / left, **options), order


def _stored_bytes(table: Table, method: Method, order: str, recipe: Recipe) -> int:
    chosen = single(table.settings.scheme) if table.settings.scheme else recipe
    holds = order != AS_GIVEN and bool(table.stored)
    return payload_bytes(method, chosen) + holds * table.layer.input_dim * order_bytes(table.layer.input_dim)


def _ladder(plan: Plan, recipe: Recipe) -> list[tuple[Plan, float]]:
    """Return plans of rising bytes with the error that so many bytes leave."""
    table, error = plan.table, _error_of_rows(plan.table)
    found = []
    for ratio in LADDER:
        try:
            method, order = _sized(table, ratio)
        except UsageError:
            continue
        made = dataclasses.replace(plan, method=method, order=order)
        made = dataclasses.replace(made, stored_bytes=_stored_bytes(table, method, order, recipe))
        found.append((made, error(max(1, method.stored_parameters // table.layer.output_dim))))
    return found[::-1] or [(plan, 0.0)]


def _error_of_rows(table: Table) -> Callable[[int], float]:
    """Return what gives the weighted squared error of so many rows that neighbours share."""
    vectors, weights = table.vectors.astype(np.float64), fit_weights(table.usage.seen).astype(np.float64)
    pairs = methods.load("hashing").for_ratio(len(vectors) + RESERVED_IDS, vectors.shape[1], 2.5, sharing=BLOCK)
    # Of so short runs bisection alone decides, whose order is good at every length at once.
    order = arranged(VECTORS, pairs, table.vectors, table.usage, 0)
    vectors, weights = vectors[order], weights[order]
    # `rows.sum` of any run is the difference of two of these.
    sums = np.concatenate([np.zeros((1, vectors.shape[1])), np.cumsum(weights[:, None] * vectors, axis=0)])
    masses = np.concatenate([[0.0], np.cumsum(weights)])
    total = float(np.einsum("ij,ij,i", vectors, vectors, weights))

    def error(rows: int) -> float:
        starts = run_starts(len(vectors), min(rows, len(vectors)))
        added, mass = np.diff(sums[starts], axis=0), np.diff(masses[starts])
        return total - float((np.einsum("ij,ij->i", added, added) / np.maximum(mass, 1e-30)).sum())

    return error
