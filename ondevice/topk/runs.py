"""Runs of neighbours whose ids share what scores them: what there is of every run, and the best items of the best runs.

Both ids that are no items have one row in front of those of the runs, as in `ondevice.embeddings.sharing`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ondevice.embeddings.run_layout import RunLayout
from ondevice.embeddings.sharing import BLOCK, reserved_rows
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.ids import RESERVED_IDS, run_lengths
from ondevice.topk.best import NO_ITEM_PENALTY, in_order, penalty, places_of_best


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


def joined(rows: Any, layout: RunLayout) -> Any:
    """Leave out the empty places of rows that are laid out by runs, `[1 + runs, longest]` to `[2 + items]`."""
    length, _ = run_lengths(layout.items, layout.runs)
    first, full = reserved_rows(BLOCK), reserved_rows(BLOCK) + layout.longer
    pieces = [rows[:first, layout.longest - RESERVED_IDS :], rows[first:full], rows[full:, :length]]
    return tf.concat([tf.reshape(piece, [-1]) for piece in pieces if piece.shape[0]], axis=0)


def best_of_runs(
    bests: Any, scores_of: Callable[[Any], Any], layout: RunLayout, excluded: Any, k: int
) -> tuple[Any, Any]:
    """Return the best items, found from the best score of every run, so that most items have no score computed.

    Runs of excluded ids are all looked through, of the others the `k` with the best best scores (of equal ones the
    first), which are enough: take an item of another run. Each of these runs has an item that comes before it, since
    that run's best score is not below its own, and if it is equal the run comes first, and with it the smaller ids.

    Args:
        bests: the best score in every run, float32 `[runs]`.
        scores_of: gives the scores of all places of runs, `[chosen, longest]`, from their numbers, int32 `[chosen]`;
            any score at an empty place.
        layout: the runs.
        excluded: int32 `[1, entries]`, ids that must not be returned, besides padding and unknown.
        k: number of items.

    Returns:
        items int32 `[1, k]` and scores float32 `[1, k]`, falling, of equal scores the smaller id first.
    """
    xp, longest, entries = TensorFlowOps(), layout.longest, excluded.shape[1]
    # Reserved ids are in row 0, which is no run.
    place = layout.place(excluded[0], xp)
    row = place // longest
    once = None
    if entries and layout.runs > k + entries:
        run, once = _chosen(bests, row - 1, k)
    else:
        run = in_order(bests, min(layout.runs, k + entries))
    scores = scores_of(run)
    shorter = tf.cast(run >= layout.longer, tf.int32) if layout.longer < layout.runs else None
    if entries or shorter is not None:
        taken = penalty(run + 1, row, place - row * longest, layout.runs + 1, longest, shorter, once)
        scores -= tf.reshape(taken, [-1, longest])
    if run.shape[0] > k:
        # Now that nothing excluded counts, the best items are in as many runs.
        highest = tf.reduce_max(scores, axis=1)
        if once is not None:
            highest -= tf.cast(1 - once, tf.float32) * NO_ITEM_PENALTY
        best = in_order(highest, k)
        run, scores = tf.gather(run, best), tf.gather(scores, best)
    values, places = tf.math.top_k(tf.reshape(scores, [-1]), k)
    chosen = places // longest
    items = layout.first_id(tf.gather(run, chosen), xp) + places - chosen * longest
    return tf.expand_dims(items, 0), tf.expand_dims(values, 0)


def _chosen(bests: Any, of_excluded: Any, k: int) -> tuple[Any, Any]:
    """Return the runs of excluded ids and the best `k` others: rising, and which of them to count.

    A runtime takes the longer to rank numbers the more of them it is asked for, so it is not asked for `k` more than
    there are excluded ids, whose runs are known.

    Args:
        bests: the best score in every run, float32 `[runs]`, of more runs than are returned.
        of_excluded: the run of each excluded id, int32 `[entries]`, -1 for reserved ids.
        k: how many others.

    Returns:
        runs, int32 `[entries + k]`, and int32 of the same shape: 0 where a run stands a second time, or none.
    """
    runs = bests.shape[0]
    taken = tf.cast(tf.minimum(of_excluded + 1, 1), tf.float32) * NO_ITEM_PENALTY
    known = tf.maximum(of_excluded, 0)
    others = places_of_best(bests - tf.scatter_nd(tf.expand_dims(known, 1), taken, [runs]), k)
    found = tf.concat([of_excluded, others], axis=0)
    rising = runs - tf.math.top_k(runs - found, found.shape[0])[0]
    before = tf.concat([tf.constant([-1]), rising[:-1]], axis=0)
    return tf.maximum(rising, 0), tf.minimum(rising - before, 1)
