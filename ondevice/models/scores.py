"""The Keras layer around any output layer: it derives weights, call and config from the member."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ondevice.embeddings.layer import PER_ID_MARK
from ondevice.models.output import Output, output_config, output_from_config
from ondevice.models.output_parts import Weight

SCORES = "scores"
"""Name of the layer in every network."""


@keras.saving.register_keras_serializable(package="ondevice")
class Scores(keras.layers.Layer):
    """Turns hidden vectors into a score per id.

    Args:
        member: the output layer's member of the family, or its config.
        embedding: the network's embedding layer, for a member that uses its tables.

    Shapes: float32 `[batch, width]` in, `[batch, vocabulary_size]` out.
    """

    def __init__(self, member: Output | Mapping[str, Any], embedding: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.member = member if isinstance(member, Output) else output_from_config(member)
        # Keras writes the embedding's config twice, once as this layer's, and reads both as one object.
        self.embedding = keras.saving.deserialize_keras_object(embedding) if isinstance(embedding, dict) else embedding
        self.own: dict[str, keras.Variable] = {}

    def build(self, input_shape: Any) -> None:
        """Create one variable per weight of the member."""
        for weight in self.member.weights():
            self.own[weight.name] = self.add_weight(
                name=weight.name if weight.decays else f"{weight.name}_{PER_ID_MARK}",
                shape=weight.shape,
                initializer=_initializer(weight),
                dtype=None if weight.trainable else "uint8",
                trainable=weight.trainable,
            )

    def call(self, hidden: Any) -> Any:
        """Score every id."""
        return self.member.training_scores(hidden, self.variables_by_name())

    def variables_by_name(self) -> dict[str, Any]:
        """Return the layer's own weights and the embedding's tables that it uses."""
        return {**self.own, **{name: self.embedding.tables[name] for name in self.member.uses_tables}}

    def values(self) -> dict[str, npt.NDArray[Any]]:
        """Return the layer's own weights and the embedding's tables that it uses, by name."""
        return {name: np.asarray(variable) for name, variable in self.variables_by_name().items()}

    def assign(self, values: Mapping[str, npt.NDArray[Any]]) -> None:
        """Set weights or used tables by name, such as `Output.fitted` or `Output.chosen` made."""
        variables = self.variables_by_name()
        for name, array in values.items():
            variables[name].assign(array)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Replace the width by the number of ids."""
        return (*input_shape[:-1], self.member.vocabulary_size)

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        config = {**super().get_config(), "member": output_config(self.member)}
        if self.embedding is not None:
            config["embedding"] = keras.saving.serialize_keras_object(self.embedding)
        return config


def _initializer(weight: Weight) -> keras.initializers.Initializer:
    if not weight.spread:
        return keras.initializers.Constant(weight.center) if weight.center else keras.initializers.Zeros()
    half = weight.spread * math.sqrt(3)
    return keras.initializers.RandomUniform(weight.center - half, weight.center + half)
