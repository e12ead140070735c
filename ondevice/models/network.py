"""The network of every task: the ids of a history or a text in, a score for every item or label out."""

from __future__ import annotations

from pathlib import Path

import keras

from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import Method
from ondevice.models.dropout import Dropout
from ondevice.models.output import Output, registry
from ondevice.models.pooling import MaskedMeanPooling
from ondevice.models.scores import Scores


def pooled_network(
    method: Method, hidden: tuple[int, ...], dropout: float, output: Output | None = None
) -> keras.Model:
    """Build ids -> embedding -> masked mean -> dense layers -> scores.

    Args:
        method: how ids become vectors.
        hidden: units of each hidden dense layer.
        dropout: share of the last hidden layer's units that training drops.
        output: the output layer; dense over all ids without it.

    Returns:
        a model from `ids` int32 `[batch, length]` to scores float32 `[batch, output.vocabulary_size]`.
    """
    if output is None:
        output = registry.load("dense")(method.vocabulary_size, hidden[-1] if hidden else method.output_width)
    embedding = CompressedEmbedding(method, name="embedding")
    ids = keras.Input((None,), dtype="int32", name="ids")
    features = MaskedMeanPooling(name="pooling")(embedding(ids))
    for number, units in enumerate(hidden):
        features = keras.layers.Dense(units, activation="tanh", name=f"hidden_{number}")(features)
    features = Dropout(dropout, name="dropout")(features)
    return keras.Model(ids, output.layer(embedding)(features), name="network")


def load_network(path: Path) -> keras.Model:
    """Read a saved network, not compiled.

    Args:
        path: the `.keras` file.
    """
    layers = {layer.__name__: layer for layer in (CompressedEmbedding, MaskedMeanPooling, Dropout, Scores)}
    return keras.saving.load_model(path, custom_objects=layers, compile=False)
