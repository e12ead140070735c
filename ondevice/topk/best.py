"""The best items of given scores, exactly, of equal scores the smaller id first."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from ondevice.ids import PADDING_ID, RESERVED_IDS, UNKNOWN_ID

EXCLUDED_PENALTY = 1e9
"""Taken from the score of an item that must not be returned; far beyond any score."""

NO_ITEM_PENALTY = 1e15
"""Taken where there is no item at all: more than any number of repeats of an excluded item adds up to."""

BY_BLOCK_FROM = 200_000
"""Ids from which on blocks of items are ranked before items.

Measured with `tests/benchmarks/output_layers.py` (one thread): with 41,000 ids both ways take as long, with a million
the whole answer takes half as long on LiteRT and 7 % less on tflite-runtime 2.14.
"""

SMALLEST_GROUP = 10
"""Numbers compared at once below which a second ranking costs more than it saves."""


def best_of_one(scores: Any, excluded: Any, k: int) -> tuple[Any, Any]:
    """Return what `best_items` returns for one history, in the way that suits the number of items.

    Args:
        scores: float32 `[1, vocabulary_size]`.
        excluded: int32 `[1, entries]`, as for `best_items`.
        k: number of items.
    """
    if scores.shape[1] < BY_BLOCK_FROM:
        return best_items(scores, excluded, k)
    # About as many blocks as items of the chosen ones, so that both rankings together are smallest.
    return best_items_by_block(scores, excluded, k, max(1, math.isqrt(scores.shape[1] // (k + excluded.shape[1]))))


def best_items(scores: Any, excluded: Any, k: int, never: int = RESERVED_IDS) -> tuple[Any, Any]:
    """Return the best items and their scores, leaving out the first ids, as padding and unknown, and some given ones.

    Args:
        scores: float32 `[batch, vocabulary_size]`, batch known.
        excluded: int32 `[batch, entries]`, ids that must not be returned; repeats and padding do no harm.
        k: number of items.
        never: ids below this one are never returned.

    Returns:
        items int32 `[batch, k]` and scores float32 `[batch, k]`, falling.
    """
    if never or excluded.shape[1] != 0:
        scores = _without_excluded(scores, excluded, never)
    values, items = tf.math.top_k(scores, k)
    return items, values


def best_labels(scores: Any, k: int, logits: bool = True) -> tuple[Any, Any]:
    """Return the best labels and their probabilities.

    Args:
        scores: float32 `[batch, labels]`.
        k: number of labels.
        logits: whether the scores are those before the softmax, and not probabilities.

    Returns:
        labels int32 `[batch, k]` and probabilities float32 `[batch, k]`, falling.
    """
    values, labels = tf.math.top_k(tf.nn.softmax(scores) if logits else scores, k)
    return labels, values


def click_probability(scores: Any, logits: bool = True) -> tuple[Any, Any]:
    """Return the only label and its probability.

    Args:
        scores: float32 `[batch, 1]`.
        logits: whether the score is that before the logistic function, and not a probability.

    Returns:
        labels int32 `[batch, 1]`, all zero, and probabilities float32 `[batch, 1]`.
    """
    probabilities = tf.sigmoid(scores) if logits else scores
    # Not a constant, which no runtime would have to write: no probability is below zero, which the converter does not
    # know.
    return tf.cast(tf.minimum(probabilities, 0.0), tf.int32), probabilities


def _without_excluded(scores: Any, excluded: Any, never: int) -> Any:
    batch, vocabulary_size = scores.shape
    reserved = tf.constant([list(range(never))] * batch, tf.int32, [batch, never])
    excluded = tf.concat([excluded, reserved], axis=1)
    flat = excluded + tf.range(batch, dtype=tf.int32)[:, None] * vocabulary_size if batch > 1 else excluded
    penalties = tf.fill([tf.size(flat), 1], EXCLUDED_PENALTY)[:, 0]
    # [batch * entries, 1] -> [batch * vocabulary_size]; repeated ids add up, which changes nothing.
    penalty = tf.scatter_nd(tf.reshape(flat, [-1, 1]), penalties, [batch * vocabulary_size])
    return scores - tf.reshape(penalty, [batch, vocabulary_size])


def best_items_by_block(scores: Any, excluded: Any, k: int, block: int) -> tuple[Any, Any]:
    """Return the same as `best_items`, from the blocks of neighbours whose best scores are the best.

    With `x` ids excluded, the `k + x` blocks with the best best scores (of equal ones the first) are enough: take an
    item of another block. Each of these blocks has an item that comes before it, since that block's best score is not
    below its own, and if it is equal the block comes first, and with it the smaller ids. That makes `k + x` items, at
    most `x` of them excluded, so `k` that may be returned come before this item.

    Args:
        scores: float32 `[1, vocabulary_size]`.
        excluded: int32 `[1, entries]`, as for `best_items`.
        k: number of items.
        block: items per block; those beyond the last whole block are ranked in any case.

    Returns:
        items int32 `[1, k]` and scores float32 `[1, k]`, falling.
    """
    size = scores.shape[1]
    blocks = size // block
    left_out = tf.concat([excluded[0], tf.constant([PADDING_ID, UNKNOWN_ID], tf.int32)], axis=0)
    whole = tf.reshape(scores[:, : blocks * block], [blocks, block])
    chosen = in_order(tf.reduce_max(whole, axis=1), min(blocks, k + left_out.shape[0]))
    ids = tf.reshape(tf.expand_dims(chosen, 1) * block + tf.range(block, dtype=tf.int32), [-1])
    found = tf.reshape(tf.gather(whole, chosen), [-1])
    if size % block:
        chosen = tf.concat([chosen, [blocks]], axis=0)
        ids = tf.concat([ids, tf.range(blocks * block, size, dtype=tf.int32)], axis=0)
        found = tf.concat([found, scores[0, blocks * block :]], axis=0)
    row = left_out // block
    found -= penalty(chosen, row, left_out - row * block, blocks + 1, block)[: found.shape[0]]
    values, places = tf.math.top_k(found, k)
    return tf.expand_dims(tf.gather(ids, places), 0), tf.expand_dims(values, 0)


def in_order(bests: Any, count: int) -> Any:
    """Return the blocks with the best best scores in the order of their ids, so that ties stay in that order.

    Args:
        bests: float32 `[blocks]`.
        count: how many.
    """
    return _rising(places_of_best(bests, count), bests.shape[0])


def places_of_best(values: Any, count: int) -> Any:
    """Return where the largest numbers are, of equal ones the first, in any order.

    Many numbers are compared by groups of neighbours first: the largest are in as many groups, those with the largest
    largest number, of equal ones the first. A runtime takes longer to rank a number than to compare it
    with the largest of its group.

    Args:
        values: float32 `[any]`.
        count: how many.

    Returns:
        int32 `[count]`.
    """
    size = values.shape[0]
    group = math.isqrt(size // count)
    if group < SMALLEST_GROUP:
        return tf.math.top_k(values, count)[1]
    whole = size // group * group
    groups = tf.reshape(values[:whole], [-1, group])
    chosen = _rising(tf.math.top_k(tf.reduce_max(groups, axis=1), count)[1], whole // group)
    places = tf.reshape(tf.expand_dims(chosen, 1) * group + tf.range(group, dtype=tf.int32), [-1])
    found = tf.reshape(tf.gather(groups, chosen), [-1])
    if whole < size:
        places = tf.concat([places, tf.range(whole, size, dtype=tf.int32)], axis=0)
        found = tf.concat([found, values[whole:]], axis=0)
    return tf.gather(places, tf.math.top_k(found, count)[1])


def _rising(places: Any, size: int) -> Any:
    return size - tf.math.top_k(size - places, places.shape[0])[0]


def penalty(chosen: Any, row: Any, offset: Any, blocks: int, block: int, no_last: Any = None, once: Any = None) -> Any:
    """Return what is taken from the score of each item of some blocks: much for excluded ids, nothing for others.

    Found from the excluded ids, which takes far fewer operations than to compare each with every item.

    Args:
        chosen: the blocks, int32 `[chosen]`.
        row: the block of each excluded id, int32 `[entries]`.
        offset: its place there, int32 `[entries]`.
        blocks: how many blocks there are.
        block: items per block.
        no_last: one for each chosen block whose last place holds no item, else zero, int32 `[chosen]`; all hold one
            without it.
        once: one for each chosen block, or zero where it stands among the chosen ones a second time, int32 `[chosen]`;
            none does without it.

    Returns:
        float32 `[chosen * block]`.
    """
    count = chosen.shape[0]
    # 0 is for ids of other blocks, from which nothing is taken, wherever that is.
    numbers = tf.range(1, count + 1, dtype=tf.int32)
    numbers = numbers if once is None else numbers * once
    number = tf.gather(tf.scatter_nd(tf.expand_dims(chosen, 1), numbers, [blocks]), row)
    index = tf.maximum(number - 1, 0) * block + offset
    taken = tf.cast(tf.minimum(number, 1), tf.float32) * EXCLUDED_PENALTY
    if no_last is not None:
        index = tf.concat([index, tf.range(block - 1, count * block, block, dtype=tf.int32)], axis=0)
        taken = tf.concat([taken, tf.cast(no_last, tf.float32) * NO_ITEM_PENALTY], axis=0)
    return tf.scatter_nd(tf.expand_dims(index, 1), taken, [count * block])
