"""Lowering: the trained model with every embedding replaced by its encoded look-up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import keras
import tensorflow as tf
from keras.src.models.functional import Functional

from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import Rows
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.errors import OnDeviceError
from ondevice.models.network import only_embedding
from ondevice.models.scores import SCORES
from ondevice.quantize.encode import EncodedEmbedding, EncodedTable
from ondevice.quantize.scheme import INT4


class EncodedLookup(CompressedEmbedding):
    """The embedding layer over encoded constants: the method's own look-up with rows that are decoded first.

    Args:
        encoded: the embedding's encoded tables.
        held: whether graphs refer to the tables and do not hold them many times over: for use, not for conversion.
    """

    batched: ClassVar[bool] = False

    def __init__(self, encoded: EncodedEmbedding, held: bool = False, **kwargs: Any) -> None:
        super().__init__(encoded.method, **kwargs)
        self.encoded = _as_tensors(encoded) if held else encoded

    def build(self, input_shape: Any) -> None:
        """Create no variables; the tables are constants of the graph."""

    def rows(self) -> Rows:
        """Return the access to decoded rows."""
        return self.encoded.rows(TensorFlowOps())


def _as_tensors(encoded: EncodedEmbedding) -> EncodedEmbedding:
    def tensors(entry: EncodedTable) -> EncodedTable:
        # What is unpacked first has to be known then.
        arrays = {part: array if part == INT4 else tf.constant(array) for part, array in entry.arrays.items()}
        return replace(entry, arrays=arrays)

    return EncodedEmbedding(encoded.method, {name: tensors(entry) for name, entry in encoded.tables.items()})


def lower(model: keras.Model, encoded: EncodedEmbedding, hidden: bool = False, held: bool = False) -> keras.Model:
    """Return the model with its embedding layer replaced; all other layers are the model's own, weights included.

    Args:
        model: a functional model with one `CompressedEmbedding`.
        encoded: the embedding's encoded tables.
        hidden: whether the output layer is left off, since `converters.output.lower_output` replaces it: the model
            returned then ends with the hidden vector.
        held: whether the model is for use and not for conversion, see `EncodedLookup`.

    Raises:
        OnDeviceError: the model is not functional, lacks the layer `scores`, or has another number of embeddings.
    """
    only_embedding(model, f"model {model.name!r}")
    if not isinstance(model, Functional):
        raise OnDeviceError(f"model {model.name!r} is a {type(model).__name__}; allowed is a functional model.")
    if SCORES not in (layer.name for layer in model.layers):
        raise OnDeviceError(f"model {model.name!r} has no layer {SCORES!r}, with which a network ends.")

    def replaced(layer: keras.layers.Layer) -> keras.layers.Layer:
        return EncodedLookup(encoded, held, name=layer.name) if isinstance(layer, CompressedEmbedding) else layer

    if hidden:
        model = keras.Model(model.inputs, model.get_layer(SCORES).input, name=model.name)
    return keras.models.clone_model(model, clone_function=replaced)
