"""Lowering: the trained model with every embedding replaced by its encoded look-up."""

from __future__ import annotations

from typing import Any

import keras

from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import Rows
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.models.scores import SCORES, Scores
from ondevice.quantize.encode import EncodedEmbedding


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


def lower(model: keras.Model, encoded: EncodedEmbedding, hidden: bool = False) -> keras.Model:
    """Return the model with its embedding layer replaced; all other layers are the model's own, weights included.

    An output layer other than Keras' own is left off, since `converters.output.lower_output` replaces it: the model
    returned then ends with the hidden vector.

    Args:
        model: a functional model with one `CompressedEmbedding`.
        encoded: the embedding's encoded tables.
        hidden: whether Keras' own output layer is left off, too.
    """

    def replaced(layer: keras.layers.Layer) -> keras.layers.Layer:
        return EncodedLookup(encoded, name=layer.name) if isinstance(layer, CompressedEmbedding) else layer

    scores = model.get_layer(SCORES)
    if hidden or isinstance(scores, Scores):
        model = keras.Model(model.inputs, scores.input, name=model.name)
    return keras.models.clone_model(model, clone_function=replaced)
