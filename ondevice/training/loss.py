"""The losses: cross-entropies over the whole vocabulary, over labels, of a click, and those to a teacher's answers."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ondevice.ids import PADDING_ID


@keras.saving.register_keras_serializable(package="ondevice")
def softmax_over_targets(targets: Any, scores: Any) -> Any:
    """Return minus the mean log-probability of the targets.

    The targets' scores are gathered, so no dense `[batch, vocabulary]` array of targets is made.

    Args:
        targets: ids `[batch, targets]`, filled with padding.
        scores: float32 `[batch, vocabulary_size]`.

    Returns:
        float32 `[batch]`.
    """
    targets = tf.cast(targets, tf.int32)
    weights = tf.cast(tf.not_equal(targets, PADDING_ID), tf.float32)
    log_total = tf.reduce_logsumexp(scores, axis=1, keepdims=True)
    losses = log_total - tf.gather(scores, targets, batch_dims=1)
    return tf.reduce_sum(weights * losses, axis=1) / tf.maximum(tf.reduce_sum(weights, axis=1), 1.0)


@keras.saving.register_keras_serializable(package="ondevice")
def softmax_over_labels(labels: Any, scores: Any) -> Any:
    """Return minus the log-probability of the right label.

    Args:
        labels: int32 `[batch]`.
        scores: float32 `[batch, labels]`, before the softmax.

    Returns:
        float32 `[batch]`.
    """
    # Keras gives targets of one number per example a second dimension.
    return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.reshape(tf.cast(labels, tf.int32), [-1]), scores)


@keras.saving.register_keras_serializable(package="ondevice")
def logistic(clicked: Any, scores: Any) -> Any:
    """Return minus the log-probability of what happened.

    Args:
        clicked: 1 for a click and 0 for none, int32 `[batch]`.
        scores: float32 `[batch, 1]`, before the logistic function.

    Returns:
        float32 `[batch]`.
    """
    clicked = tf.reshape(tf.cast(clicked, tf.float32), [-1])
    return tf.nn.sigmoid_cross_entropy_with_logits(clicked, tf.reshape(scores, [-1]))


def softmax_taught(taught: Any, scores: Any) -> Any:
    """Return the cross-entropy to a teacher's probabilities.

    Args:
        taught: the teacher's scores, float32 `[batch, answers]`.
        scores: the pupil's, float32 `[batch, answers]`.

    Returns:
        float32 `[batch]`.
    """
    return tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(taught), scores)


def logistic_taught(taught: Any, scores: Any) -> Any:
    """Return the cross-entropy to a teacher's probabilities of a click.

    Args:
        taught: the teacher's scores, float32 `[batch, 1]`.
        scores: the pupil's, float32 `[batch, 1]`.

    Returns:
        float32 `[batch]`.
    """
    return tf.reshape(tf.nn.sigmoid_cross_entropy_with_logits(tf.sigmoid(taught), scores), [-1])
