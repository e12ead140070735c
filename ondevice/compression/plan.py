"""What becomes of each table, before anything is done: a method of the size asked for, or a reason to keep it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from ondevice.quantize.recipe import Recipe

LADDER = (128.0, 96.0, 64.0, 48.0, 32.0, 24.0, 16.0, 12.0, 8.0, 6.0, 4.0, 3.0, 2.0, 1.5, 1.25)
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
        keys: the key of each id, for the report; empty where nobody knows.
    """

    name: str
    layer: Any
    settings: Settings
    asked: bool
    usage: Usage
    reserved: int
    stored: str
    keys: Sequence[str] = ()

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
    """What may become of one table.

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


def plans_of(table: Table, recipe: Recipe, skip_below: int) -> list[Plan]:
    """Return what may become of a table, by rising bytes: one plan, or one of each ratio where a budget is to choose.

    Args:
        table: the table.
        recipe: the recipe that bytes are counted in.
        skip_below: tables of fewer bytes stay.

    Raises:
        UsageError: what a pattern asks for can't be done.
    """
    reason, refusal, plans = _why_kept(table, skip_below), None, []
    ratios = LADDER if table.settings.ratio is None else (table.settings.ratio,)
    for ratio in () if reason else ratios:
        try:
            plans.append(_sized(table, ratio, recipe))
        except UsageError as error:
            refusal = error
    if plans:
        return plans
    if table.asked and refusal is not None:
        raise UsageError(f"table {table.name!r}: {refusal}") from refusal
    if table.asked and table.settings.method != KEEP:
        raise UsageError(f"config names table {table.name!r}, which has to stay: {reason}.")
    full = methods.load(FULL)(table.layer.input_dim, table.layer.output_dim)
    return [Plan(table, None, "", payload_bytes(full, recipe), reason or str(refusal))]


def within(choices: Sequence[list[Plan]], budget: int) -> list[Plan]:
    """Divide bytes between tables, so that at each step the largest error per byte falls.

    Every table begins at the highest ratio that its method reaches. Then one after the other gets more bytes, always
    the one whose error falls most for each of them. The error is taken to be that of as many rows as the bytes make,
    each shared by neighbours in the order of the vectors: it depends on no method and takes no fitting.

    Args:
        choices: what may become of each table, by rising bytes; those that stay count, too.
        budget: bytes of all encoded tables.

    Raises:
        UsageError: even the smallest tables take more.
    """
    errors, places = [_errors(plans) for plans in choices], [0] * len(choices)
    used = sum(plans[0].stored_bytes for plans in choices)
    if used > budget:
        raise UsageError(f"budget is {budget} bytes; allowed are at least {used}, what the smallest tables take.")
    while True:
        gains = []
        for number, (plans, place) in enumerate(zip(choices, places, strict=True)):
            # The best of all steps ahead, since a single one may bring nothing.
            for ahead in range(place + 1, len(plans)):
                more = plans[ahead].stored_bytes - plans[place].stored_bytes
                if 0 < more <= budget - used:
                    gains.append(((errors[number][place] - errors[number][ahead]) / more, number, ahead, more))
        if not gains or max(gains)[0] <= 0:
            return [plans[place] for plans, place in zip(choices, places, strict=True)]
        _, number, places[number], more = max(gains)
        used += more


def _why_kept(table: Table, skip_below: int) -> str:
    """Return why a table stays whatever its method; empty where it need not."""
    layer = table.layer
    if table.settings.method == KEEP:
        return "config keeps it"
    if type(layer) not in COMPRESSED:
        return f"its class {type(layer).__name__} is derived from Embedding and not known"
    if layer.embeddings_regularizer is not None or layer.embeddings_constraint is not None:
        return "a regularizer or constraint of its table would have nothing to act on"
    if not layer.trainable and not table.asked:
        return "it is not trained"
    if table.bytes < skip_below and not table.asked:
        return f"it has {table.bytes} bytes, fewer than {skip_below}"
    return ""


def _sized(table: Table, ratio: float, recipe: Recipe) -> Plan:
    """Plan a method of a ratio, the bytes of a stored order counted."""
    layer, settings = table.layer, table.settings
    kind, size = methods.load(settings.method), layer.input_dim + RESERVED_IDS - table.reserved
    options = dict(settings.options)
    known = check_options(options, kind, f"method {settings.method}")
    similar = SEMANTIC if table.usage.lists else VECTORS
    if "sharing" in known and settings.order in ("", SEMANTIC, VECTORS):
        options.setdefault("sharing", BLOCK)
    falling = np.concatenate([np.zeros(RESERVED_IDS, np.int64), -np.sort(-table.usage.seen[table.reserved :])])
    options = kind.options_from_counts(Counts(falling, (size - RESERVED_IDS,)), options)
    method = kind.for_ratio(size, layer.output_dim, 1.0 if settings.method == FULL else ratio, **options)
    order = settings.order or method.needs_order or (similar if method.runs < method.items else AS_GIVEN)
    if settings.method == FULL:
        order = AS_GIVEN
    if method.needs_order not in ("", order):
        raise UsageError(f"order is {order!r}; allowed is {method.needs_order!r} for method {settings.method}.")
    if method.output_width != layer.output_dim:
        raise UsageError(
            f"method {settings.method} makes vectors of {method.output_width} numbers; allowed is one of "
            f"{layer.output_dim}, which the model goes on with."
        )
    held = layer.input_dim * order_bytes(layer.input_dim) if table.stored and order != AS_GIVEN else 0
    if held:
        left = size * layer.output_dim / ratio - held / 4
        if left < 1:
            raise UsageError(f"ratio is {ratio:g}, less than the order of the ids takes alone; allowed is a lower one.")
        method = kind.for_ratio(size, layer.output_dim, size * layer.output_dim / left, **options)
    return Plan(table, method, order, payload_bytes(method, settings.scheme or recipe) + held)


def _errors(plans: Sequence[Plan]) -> list[float]:
    """Return the error that each plan of a table leaves; of one alone nobody asks."""
    if len(plans) == 1:
        return [0.0]
    error, width = _error_of_rows(plans[0].table), plans[0].table.layer.output_dim
    return [error(max(1, plan.method.stored_parameters // width)) for plan in plans if plan.method is not None]


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
