"""A teacher's answers as a second target of any Keras model, whatever its own training step and loss are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from ondevice.errors import OnDeviceError


@contextmanager
def taught(model: Any, teacher: Any, share: float, loss: Callable[[Any, Any], Any]) -> Iterator[None]:
    """Let a model learn from its targets and from a teacher's answers within a `with` block (Hinton et al., 2015).

    The teacher is no part of the model: it is saved and loaded as if there were none.

    Args:
        model: a compiled model whose training step asks `compute_loss` for its loss.
        teacher: a model with the same inputs, or what else is called with these and `training=False`.
        share: how much of the loss is that of the teacher's answers, 0 to 1.
        loss: the loss of the teacher's answers and the own ones.

    Raises:
        OnDeviceError: the model's training step never asked for the loss.
    """
    own, asked = model.compute_loss, []

    def compute_loss(
        x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        given = own(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        asked.append(training)
        if not training:
            return given
        return (1 - share) * given + share * loss(teacher(x, training=False), y_pred)

    model.train_function = None
    with patch.object(model, "compute_loss", compute_loss):
        yield
    model.train_function = None
    if not asked:
        raise OnDeviceError(
            f"model {model.name!r} was trained without asking compute_loss, so that no teacher was heard; allowed is a "
            f"train_step that calls it."
        )


def answers_apart(theirs: Any, own: Any) -> Any:
    """Return how far the fractions among a model's answers are from a teacher's: squares, by the teacher's spread.

    Args:
        theirs: the teacher's answers in any structure.
        own: those of the model in the same one.
    """
    import keras

    pairs = zip(keras.tree.flatten(theirs), keras.tree.flatten(own), strict=True)
    parts = [
        keras.ops.mean(keras.ops.square(one - other)) / (keras.ops.var(one) + 1e-12)
        for one, other in pairs
        if keras.backend.is_float_dtype(other.dtype)
    ]
    if not parts:
        raise OnDeviceError("the teacher answers with whole numbers alone; allowed are fractions, which come nearer.")
    return sum(parts) / len(parts)
