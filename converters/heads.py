"""Heads within the graph: from what a model gives to the outputs of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from ondevice.converters.output import LoweredOutput
from ondevice.errors import UsageError
from ondevice.head import ANSWERS, SCORES, TOP_K, Head
from ondevice.topk.best import best_items, best_labels, click_probability

PLAIN = {"float16": tf.float32, "bfloat16": tf.float32, "float64": tf.float32, "int64": tf.int32}
"""What an output of a type that apps do not read becomes."""


def answer(head: Head, found: Any, inputs: Mapping[str, Any], output: LoweredOutput | None) -> dict[str, Any]:
    """Return the outputs of a file by name.

    Args:
        head: what is asked for.
        found: what the model gave: for a head that ranks scores `[1, any]`, or with an output layer apart the hidden
            vector `[1, width]`; else a tensor for each output by name.
        inputs: the file's inputs by name, ids all within their vocabulary.
        output: the output layer, if the model does not end with it.

    Raises:
        UsageError: the model does not give what the head needs.
    """
    if not head.ranks:
        return {name: tf.cast(value, PLAIN.get(value.dtype.name, value.dtype)) for name, value in found.items()}
    if output is None:
        found = _row(head, found)
        _require_enough(head, found.shape[-1], inputs)
    zero = tf.minimum(tf.reshape(next(iter(inputs.values())), [1, -1])[:, 0], 0) if output is not None else None
    if head.kind == TOP_K:
        excluded = tf.reshape(inputs[head.exclude], [1, -1]) if head.exclude else tf.zeros([1, 0], tf.int32)
        if output is not None:
            best = tf.autograph.experimental.do_not_convert(output.best)
            items, scores = best(found, excluded, head.k, zero)
        else:
            items, scores = best_items(found, excluded, head.k, head.never)
        return {ANSWERS[TOP_K]: items, SCORES: scores}
    if output is not None:
        found = output.scores(found, zero)
    if head.k == 1:
        labels, scores = click_probability(found, head.logits)
    else:
        labels, scores = best_labels(found, head.k, head.logits)
    return {ANSWERS[head.kind]: labels, SCORES: scores}


def _require_enough(head: Head, scores: int, inputs: Mapping[str, Any]) -> None:
    """Refuse more answers than there are once everything that may be left out is."""
    left_out = (head.never + inputs[head.exclude].shape.num_elements()) if head.exclude else head.never
    if head.kind == TOP_K and head.k > scores - left_out:
        raise UsageError(
            f"k of the head is {head.k}; allowed is at most {scores - left_out}, since {left_out} of {scores} may go."
        )


def _row(head: Head, found: Any) -> Any:
    """Return the scores as one row of fractions, which has to be what the model gives."""
    if isinstance(found, Mapping):
        if len(found) != 1:
            raise UsageError(
                f"the model gives {', '.join(found)}; allowed for a head {head.kind!r} is one: name it in outputs."
            )
        [found] = found.values()
    needed = head.k if head.kind != TOP_K else max(head.k, found.shape[-1] or 0)
    if found.shape.num_elements() != found.shape[-1] or not found.dtype.is_floating or found.shape[-1] != needed:
        expected = "a score for each id" if head.kind == TOP_K else f"a number for each of {head.k} labels"
        raise UsageError(
            f"the model gives {found.dtype.name} {found.shape.as_list()}; expected for a head {head.kind!r} is "
            f"{expected}."
        )
    return tf.reshape(found, [1, found.shape[-1]])
