"""A trained model as the teacher of another: where that one starts, in what order its ids are, what it learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ondevice.data.vocabulary import Vocabulary
from ondevice.embeddings.every_id import reference_lookup
from ondevice.embeddings.fit_tables import fit_tables, fit_weights
from ondevice.embeddings.method import FloatArray
from ondevice.embeddings.method import registry as methods
from ondevice.models.network import pooled_network
from ondevice.models.output import registry as outputs
from ondevice.models.scores import SCORES
from ondevice.training.reference import load_reference
from ondevice.training.run_folder import Run


@dataclass(frozen=True, eq=False)
class Teacher:
    """A trained model, its ids put in the order of the pupil's.

    Args:
        vectors: the vector of every id, float32 `[vocabulary_size, width]`.
        hidden: weights of each hidden dense layer.
        kernel: of the output layer, or of the dense one that gives the same scores, float32 `[units, scores]`.
        bias: of the output layer, float32 `[scores]`.
        fields: see `pooled_network`.
    """

    vectors: FloatArray
    hidden: tuple[list[npt.NDArray[Any]], ...]
    kernel: FloatArray
    bias: FloatArray
    fields: int = 0

    @classmethod
    def of_run(cls, run: Run, vocabulary: Vocabulary) -> Teacher:
        """Read a finished run.

        Args:
            run: the run, of any method and output layer.
            vocabulary: the pupil's keys in the order of its ids; those of the run in any order.
        """
        model, values = load_reference(run)
        method, own = run.method(), run.vocabulary()
        ids = own.ids(vocabulary.keys)
        # Every id has a score, or every label, which are the same for both.
        places = np.arange(len(run.result.labels)) if run.result.labels else ids
        vectors = reference_lookup(method, values, np.arange(method.vocabulary_size, dtype=np.int32))
        scores = model.get_layer(SCORES)
        kernel, bias = scores.member.as_dense(scores.values())
        hidden = tuple(layer.get_weights() for layer in _hidden(model))
        return cls(vectors[ids], hidden, kernel[:, places], bias[places], run.result.fields)

    def start(self, model: keras.Model, counts: npt.NDArray[np.int64], seed: int) -> None:
        """Give a model the teacher's dense layers, and tables and an output layer as near to the teacher's as can be.

        Args:
            model: the pupil, with tables chosen and not trained yet; of the same width and hidden layers.
            counts: how often each id occurs in training, int64 `[vocabulary_size]`; vectors count by its root.
            seed: seed of whatever is random.
        """
        for layer, given in zip(_hidden(model), self.hidden, strict=True):
            layer.set_weights(given)
        scores = model.get_layer(SCORES)
        scores.assign(scores.member.fitted(self.kernel, self.bias, seed, self.vectors))
        embedding, weights = model.get_layer("embedding"), fit_weights(counts)
        for name, values in embedding.method.chosen_tables(self.vectors, seed, weights).items():
            embedding.tables[name].assign(values)
        fit_tables(embedding, self.vectors, weights)

    def network(self) -> keras.Model:
        """Return the teacher as a network with a full table and a dense output like the pupil's, not trainable."""
        units = tuple(len(bias) for _, bias in self.hidden)
        output = outputs.load("dense")(self.kernel.shape[1], self.kernel.shape[0])
        network = pooled_network(methods.load("full")(*self.vectors.shape), units, 0.0, output, self.fields)
        network.get_layer("embedding").set_weights([self.vectors])
        network.get_layer(SCORES).set_weights([self.kernel, self.bias])
        for layer, given in zip(_hidden(network), self.hidden, strict=True):
            layer.set_weights(given)
        network.trainable = False
        return network


def _hidden(model: keras.Model) -> list[keras.layers.Dense]:
    return [layer for layer in model.layers if layer.name.startswith("hidden_")]
