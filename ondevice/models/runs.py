"""Runs of neighbours whose ids share what scores them: what there is of every run, and the best items of the best runs.

Both ids that are no items have one row in front of those of the runs, as in `ondevice.embeddings.sharing`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ondevice.embeddings.sharing import BLOCK, reserved_rows, run_of
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.ids import RESERVED_IDS, run_lengths
from ondevice.models.best import in_order, penalty

BEYOND = -3e38
"""Score of what is no candidate: below that of any item."""


def spread(rows: Any, items: int, runs: int) -> Any:
    """Turn what there is of every run into that of every id.

    Repeating needs no index per id in a file, and adds up gradients many times faster than a gather.

    Args:
        rows: `[1 + runs, ...]`, the first for the ids that are no items.
        items: number of ids that are items.
        runs: number of runs.

    Returns:
        `[2 + items, ...]`.
    """
    length, longer = run_lengths(items, runs)
    first, rest = reserved_rows(BLOCK), rows.shape[1:]
    cuts = ((0, first, RESERVED_IDS), (first, first + longer, length + 1), (first + longer, first + runs, length))
    # [rows] -> [rows, 1] -> [rows, ids of each] -> [ids]
    pieces = [
        tf.reshape(tf.tile(tf.expand_dims(rows[start:stop], 1), [1, ids] + [1] * len(rest)), [-1, *rest])
        for start, stop, ids in cuts
        if stop > start
    ]
    return tf.concat(pieces, axis=0)


def best_of_runs(
    products: Any,
    ends: tuple[Any, Any],
    multipliers: Callable[[Any], Any],
    items: int,
    excluded: Any,
    k: int,
) -> tuple[Any, Any]:
    """Return the best items where a score is the product of the run's number and the id's multiplier.

    Most multipliers are not even read. With `x` ids excluded, the `k + x` runs with the best best scores (of equal ones
    the first) are enough: take an item of another run. Each of these runs has an item that comes before it, since that
    run's best score is not below its own, and if it is equal the run comes first, and with it the smaller ids. That
    makes `k + x` items of which at most `x` are excluded, so `k` that may be returned come before this item. A product
    of floats that is rounded never falls where the exact one rises, so the largest of a run's scores is one of the two
    products of its extreme multipliers to the last bit.

    Args:
        products: float32 `[1, runs]`, the number of every run.
        ends: the highest and the lowest multiplier of every run, float32 `[1, runs]` each.
        multipliers: gives the multipliers of ids, float32 of their shape.
        items: number of ids that are items.
        excluded: int32 `[1, entries]`, ids that must not be returned, besides padding and unknown.
        k: number of items.

    Returns:
        items int32 `[1, k]` and scores float32 `[1, k]`, falling, of equal scores the smaller id first.
    """
    runs = products.shape[1]
    length, longer = run_lengths(items, runs)

    def starts_of(run: Any) -> Any:
        return RESERVED_IDS + run * length + tf.minimum(run, longer)

    bests = tf.maximum(*(products * end for end in ends))
    run = in_order(bests[0], min(runs, k + excluded.shape[1]))
    starts = starts_of(run)
    # [runs, 1] + [longest] -> [candidates]; a shorter run's last candidate is the next run's first item.
    longest = length + (longer > 0)
    ids = tf.reshape(starts[:, None] + tf.range(longest, dtype=tf.int32), [-1])
    scores = tf.repeat(tf.gather(products[0], run), longest) * multipliers(tf.minimum(ids, items + RESERVED_IDS - 1))
    if longer:
        after = starts + length + tf.cast(run < longer, tf.int32)
        scores = tf.where(ids < tf.repeat(after, longest), scores, BEYOND)
    if excluded.shape[1]:
        # Reserved ids have a number of their own, which is none of these.
        of_excluded = run_of(excluded[0] - RESERVED_IDS, items, runs, TensorFlowOps())
        offsets = tf.minimum(excluded[0] - starts_of(of_excluded), longest - 1)
        scores -= penalty(run + 1, of_excluded + 1, offsets, runs + 1, longest)
    values, places = tf.math.top_k(scores, k)
    return tf.gather(ids, places)[None, :], values[None, :]
