"""Lowering: the trained model with every embedding replaced by its encoded look-up, wrapped in the signature."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from converters.output import LoweredOutput
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import Rows
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.ids import OUT_OF_RANGE, PADDING_ID
from ondevice.models.best import best_items
from ondevice.models.scores import SCORES, Scores
from ondevice.quantize.encode import EncodedEmbedding

SIGNATURE = "recommend"


class EncodedLookup(CompressedEmbedding):
    """The embedding layer over encoded constants: the method's own look-up with rows that are decoded first."""

    def __init__(self, encoded: EncodedEmbedding, **kwargs: Any) -> None:
        super().__init__(encoded.method, **kwargs)
        self.encoded = encoded

    def build(self, input_shape: Any) -> None:
        """Create no variables; the tables are constants of the graph."""

    def rows(self) -> Rows:
        """Return the access to decoded rows."""
        return self.encoded.rows(TensorFlowOps())


def lower(model: keras.Model, encoded: EncodedEmbedding) -> keras.Model:
    """Return the model with its embedding layer replaced; all other layers are the model's own, weights included.

    An output layer other than Keras' own is left off, since `converters.output.lower_output` replaces it: the model
    returned then ends with the hidden vector.

    Args:
        model: a functional model with one `CompressedEmbedding`.
        encoded: the embedding's encoded tables.
    """

    def replaced(layer: keras.layers.Layer) -> keras.layers.Layer:
        return EncodedLookup(encoded, name=layer.name) if isinstance(layer, CompressedEmbedding) else layer

    scores = model.get_layer(SCORES)
    if isinstance(scores, Scores):
        model = keras.Model(model.inputs, scores.input, name=model.name)
    return keras.models.clone_model(model, clone_function=replaced)


class Recommend(tf.Module):
    """The exported function: `recommend(ids int32 [1, length]) -> items int32 [1, k], scores float32 [1, k]`.

    Args:
        model: the lowered model, from ids to scores or, with an output layer apart, to hidden vectors.
        vocabulary_size: ids from this one on are out of range.
        history_length: ids per call.
        top_k: items per answer.
        out_of_range: key of `ids.OUT_OF_RANGE`; decided by arithmetic, so that no id can make a gather fail.
        exclude_history: whether the items given are left out of the answer.
        output: the output layer, if the model does not end with it.
    """

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
        self.function = tf.function(self.recommend, input_signature=[spec])

    def recommend(self, ids: Any) -> dict[str, Any]:
        """Answer one history."""
        inside = tf.logical_and(tf.greater_equal(ids, 0), tf.less(ids, self.vocabulary_size))
        ids = tf.where(inside, ids, self.replacement)
        found = self.model(ids, training=False)
        excluded = ids if self.exclude_history else tf.zeros([1, 0], tf.int32)
        if self.output is None:
            items, values = best_items(tf.ensure_shape(found, [1, self.vocabulary_size]), excluded, self.top_k)
        else:
            # No id is below that of padding by now, which the converter does not know.
            place = tf.minimum(ids[:, 0], PADDING_ID)
            best = tf.autograph.experimental.do_not_convert(self.output.best)
            items, values = best(found, excluded, self.top_k, place)
        return {"items": items, "scores": values}
