"""The network of every task: the ids of a history, a text or a line in, a score for every item or label out."""

from __future__ import annotations

import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import keras

from ondevice import arrays
from ondevice.embeddings.layer import CompressedEmbedding, unwritten_tables
from ondevice.embeddings.method import Method
from ondevice.errors import OnDeviceError
from ondevice.models.dropout import Dropout
from ondevice.models.output import Output, registry
from ondevice.models.pooling import JoinedFields, MaskedMeanPooling
from ondevice.models.scores import SCORES, Scores

LAYERS = (CompressedEmbedding, JoinedFields, MaskedMeanPooling, Dropout, Scores)
"""The layers of a network that are not Keras' own."""

WEIGHTS = "model.weights.h5"
"""What Keras puts all variables into, within the archive of a model."""


def pooled_network(
    method: Method, hidden: tuple[int, ...], dropout: float, output: Output | None = None, fields: int = 0
) -> keras.Model:
    """Build ids -> embedding -> masked mean, or the vectors of all fields in a row -> dense layers -> scores.

    Args:
        method: how ids become vectors.
        hidden: units of each hidden dense layer.
        dropout: share of the last hidden layer's units that training drops.
        output: the output layer; dense over all ids without it.
        fields: ids of each example, each at a place of its own; 0 where they are a list in which places say nothing.

    Returns:
        a model from `ids` int32 `[batch, length]` to scores float32 `[batch, output.vocabulary_size]`.
    """
    if output is None:
        width = method.output_width * max(fields, 1)
        output = registry.load("dense")(method.vocabulary_size, hidden[-1] if hidden else width)
    embedding = CompressedEmbedding.of(method, name="embedding")
    ids = keras.Input((fields or None,), dtype="int32", name="ids")
    vectors = embedding(ids)
    features = JoinedFields(name="fields")(vectors) if fields else MaskedMeanPooling(name="pooling")(vectors)
    for number, units in enumerate(hidden):
        features = keras.layers.Dense(units, activation="tanh", name=f"hidden_{number}")(features)
    features = Dropout(dropout, name="dropout")(features)
    scores = Scores(output, embedding if output.uses_tables else None, name=SCORES)
    return keras.Model(ids, scores(features), name="network")


def load_network(path: Path) -> keras.Model:
    """Read a saved network, not compiled, and its tables some rows at a time.

    Keras reads each of them as a whole and several times over.

    Args:
        path: the `.keras` file.

    Raises:
        OnDeviceError: it is damaged, has no compressed embedding, or not all of its tables.
    """
    layers = {layer.__name__: layer for layer in LAYERS}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ondevice-"))
        try:
            arrays.require_unpacked_size(path)
            with unwritten_tables():
                model = keras.saving.load_model(path, layers, compile=False)
            with zipfile.ZipFile(path) as archive:
                weights = archive.extract(WEIGHTS, folder)
            stored = stack.enter_context(h5py.File(weights))
        except arrays.DAMAGE as error:
            said = str(error).strip().partition("\n")[0]
            raise OnDeviceError(f"model {str(path)!r} can't be read by Keras: {said}") from error
        embeddings = [layer for layer in model._flatten_layers() if isinstance(layer, CompressedEmbedding)]
        if not embeddings:
            raise OnDeviceError(f"model {str(path)!r} has no compressed embedding.")
        for layer in embeddings:
            layer.write_tables(_tables(path, stored, layer))
    return model


def _tables(path: Path, stored: h5py.File, layer: CompressedEmbedding) -> dict[str, h5py.Dataset]:
    """Return a layer's tables by name, to be read as a whole or by slices."""
    groups: list[h5py.Group] = []

    def collect(place: str, group: Any) -> None:
        # Keras notes the layer's name where it keeps its variables, by their numbers.
        if place.endswith("/vars") and group.attrs.get("name") == layer.name:
            groups.append(group)

    stored.visititems(collect)
    numbers = {variable.path: str(number) for number, variable in enumerate(layer.variables)}
    # Two layers of one name can't be told apart here, so that neither is taken for the other.
    group = groups[0] if len(groups) == 1 else {}
    found = {name: group.get(numbers[variable.path]) for name, variable in layer.tables.items()}
    for name, table in found.items():
        shape = tuple(layer.tables[name].shape)
        if table is None or table.shape != shape:
            holds = "no such table" if table is None else f"one of {list(table.shape)}"
            expected = f"{name!r} of layer {layer.name!r}, {list(shape)}"
            raise OnDeviceError(f"model {str(path)!r} holds {holds}; expected is {expected}.")
    return found
