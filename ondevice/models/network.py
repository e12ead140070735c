"""The network of every task: the ids of a history, a text or a line in, a score for every item or label out."""

from __future__ import annotations

import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import keras

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
    embedding = CompressedEmbedding(method, name="embedding")
    ids = keras.Input((fields or None,), dtype="int32", name="ids")
    vectors = embedding(ids)
    features = JoinedFields(name="fields")(vectors) if fields else MaskedMeanPooling(name="pooling")(vectors)
    for number, units in enumerate(hidden):
        features = keras.layers.Dense(units, activation="tanh", name=f"hidden_{number}")(features)
    features = Dropout(dropout, name="dropout")(features)
    scores = Scores(output, embedding if output.uses_tables else None, name=SCORES)
    return keras.Model(ids, scores(features), name="network")


def only_embedding(model: keras.Model, whose: str) -> CompressedEmbedding:
    """Return the one compressed embedding of a model, also of one within another.

    Args:
        model: the model.
        whose: what it is called in messages.

    Raises:
        OnDeviceError: there is none, or more than one.
    """
    layers = {id(layer): layer for layer in model._flatten_layers() if isinstance(layer, CompressedEmbedding)}
    if len(layers) != 1:
        names = f": {', '.join(sorted(layer.name for layer in layers.values()))}" if layers else ""
        raise OnDeviceError(f"{whose} has {len(layers)} compressed embeddings{names}; allowed is one.")
    return next(iter(layers.values()))


class SavedNetwork:
    """A network in a `.keras` file, not compiled, whose embedding tables are read when they are asked for.

    Keras reads each of them as a whole and several times over. Within a `with` block.

    Args:
        path: the `.keras` file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stack = ExitStack()

    def __enter__(self) -> SavedNetwork:
        """Read all but the tables."""
        layers = {layer.__name__: layer for layer in LAYERS}
        folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="ondevice-"))
        with unwritten_tables():
            self.model = keras.saving.load_model(self.path, layers, compile=False)
        with zipfile.ZipFile(self.path) as archive:
            weights = archive.extract(WEIGHTS, folder)
        self.stored = self.stack.enter_context(h5py.File(weights))
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        self.stack.close()

    @property
    def embedding(self) -> CompressedEmbedding:
        """The embedding layer.

        Raises:
            OnDeviceError: there is none, or more than one, of which the tables of the others would hold anything.
        """
        return only_embedding(self.model, f"model {str(self.path)!r}")

    def tables(self) -> dict[str, h5py.Dataset]:
        """Return the tables by name, to be read as a whole or by slices.

        Raises:
            OnDeviceError: a table is missing or has another shape.
        """
        layer = self.embedding

        def named(place: str, group: Any) -> h5py.Group | None:
            # Keras notes the layer's name where it keeps its variables, by their numbers.
            return group if place.endswith("/vars") and group.attrs.get("name") == layer.name else None

        stored = self.stored.visititems(named) or {}
        numbers = {variable.path: str(number) for number, variable in enumerate(layer.variables)}
        found = {name: stored.get(numbers[variable.path]) for name, variable in layer.tables.items()}
        for name, table in found.items():
            shape = tuple(layer.tables[name].shape)
            if table is None or table.shape != shape:
                holds = "no such table" if table is None else f"one of {list(table.shape)}"
                raise OnDeviceError(f"model {str(self.path)!r} holds {holds}; expected is {name!r} of {list(shape)}.")
        return found


def load_network(path: Path) -> keras.Model:
    """Read a saved network, not compiled.

    Args:
        path: the `.keras` file.

    Raises:
        OnDeviceError: it has no compressed embedding, or not all of its tables.
    """
    with SavedNetwork(path) as saved:
        saved.embedding.write_tables(saved.tables())
        return saved.model
