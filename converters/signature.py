"""The base of every signature: the exported function from ids to answers and scores."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import keras
import tensorflow as tf

from converters.output import LoweredOutput
from ondevice.ids import OUT_OF_RANGE
from ondevice.manifest import Tensor
from ondevice.registry import Registry
from ondevice.task import Task


class Signature(tf.Module):
    """The exported function: `name(ids int32 [1, length]) -> answers int32 [1, k], scores float32 [1, k]`.

    A member's file has the name of its task, which says what the function and its answers are called.

    Args:
        model: the lowered model, from ids to scores or, with an output layer apart, to hidden vectors.
        vocabulary_size: ids from this one on are out of range.
        history_length: ids per call.
        top_k: answers per call.
        out_of_range: key of `ids.OUT_OF_RANGE`; decided by arithmetic, so that no id can make a gather fail.
        exclude_history: whether the ids given are left out of the answer.
        output: the output layer, if the model does not end with it.
    """

    task: ClassVar[Task]
    """The task whose answers these are."""

    def __init__(
        self,
        model: keras.Model,
        vocabulary_size: int,
        history_length: int,
        top_k: int,
        out_of_range: str,
        exclude_history: bool,
        output: LoweredOutput | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.vocabulary_size = vocabulary_size
        self.top_k = top_k
        self.replacement = OUT_OF_RANGE[out_of_range]
        self.exclude_history = exclude_history
        self.output = output
        spec = tf.TensorSpec([1, history_length], tf.int32, name="ids")
        self.inputs = (Tensor("ids", (1, history_length), "int32"),)
        self.answers = f"{self.task.answer}s"
        self.outputs = (Tensor(self.answers, (1, top_k), "int32"), Tensor("scores", (1, top_k), "float32"))
        self.function = tf.function(self.call, input_signature=[spec])

    def call(self, ids: Any) -> dict[str, Any]:
        """Answer once."""
        inside = tf.logical_and(tf.greater_equal(ids, 0), tf.less(ids, self.vocabulary_size))
        ids = tf.where(inside, ids, self.replacement)
        answers, scores = self.answer(ids, self.model(ids, training=False))
        return {self.answers: answers, "scores": scores}

    @abstractmethod
    def answer(self, ids: Any, found: Any) -> tuple[Any, Any]:
        """Return the best answers int32 `[1, k]` and their scores float32 `[1, k]`, falling.

        Args:
            ids: int32 `[1, length]`, all within the vocabulary.
            found: what the model gave.
        """


registry: Registry[Signature] = Registry("signature", "converters.signatures", Signature)
