"""The ranking network: the items of a history in, a score for every item out, and the best items of those scores."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import Method
from ondevice.ids import PADDING_ID, UNKNOWN_ID
from ondevice.models.pooling import MaskedMeanPooling

EXCLUDED_PENALTY = 1e9
"""Taken from the score of an item that must not be returned; far beyond any score."""


def ranking_network(method: Method, hidden: tuple[int, ...], dropout: float) -> keras.Model:
    """Build history ids -> embedding -> masked mean -> dense layers -> scores over all ids.

    Args:
        method: how ids become vectors.
        hidden: units of each hidden dense layer.
        dropout: share of the last hidden layer's units that training drops.

    Returns:
        a model from `ids` int32 `[batch, length]` to scores float32 `[batch, vocabulary_size]`.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    features = MaskedMeanPooling(name="pooling")(CompressedEmbedding(method, name="embedding")(ids))
    for number, units in enumerate(hidden):
        features = keras.layers.Dense(units, activation="tanh", name=f"hidden_{number}")(features)
    features = keras.layers.Dropout(dropout, name="dropout")(features)
    scores = keras.layers.Dense(method.vocabulary_size, name="scores")(features)
    return keras.Model(ids, scores, name="ranking")


def best_items(scores: Any, excluded: Any, k: int) -> tuple[Any, Any]:
    """Return the best items and their scores, leaving out padding, unknown and some given ids.

    Args:
        scores: float32 `[batch, vocabulary_size]`, batch known.
        excluded: int32 `[batch, entries]`, ids that must not be returned; repeats and padding do no harm.
        k: number of items.

    Returns:
        items int32 `[batch, k]` and scores float32 `[batch, k]`, falling.
    """
    batch, vocabulary_size = scores.shape
    reserved = tf.constant([[PADDING_ID, UNKNOWN_ID]] * batch, tf.int32)
    excluded = tf.concat([excluded, reserved], axis=1)
    flat = excluded + tf.range(batch, dtype=tf.int32)[:, None] * vocabulary_size if batch > 1 else excluded
    penalties = tf.fill([tf.size(flat), 1], EXCLUDED_PENALTY)[:, 0]
    # [batch * entries, 1] -> [batch * vocabulary_size]; repeated ids add up, which changes nothing.
    penalty = tf.scatter_nd(tf.reshape(flat, [-1, 1]), penalties, [batch * vocabulary_size])
    values, items = tf.math.top_k(scores - tf.reshape(penalty, [batch, vocabulary_size]), k)
    return items, values
