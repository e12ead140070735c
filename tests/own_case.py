"""What the models of `tests/own_models` have in common: one file per model, each with `case(compressed) -> Case`."""

from __future__ import annotations

import importlib
import pkgutil
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import ondevice

PACKAGE = "tests.own_models"

SAMPLE_ROWS = 4

RATIO = 4

BATCH = 64


@dataclass(frozen=True)
class Case:
    """A fitted model and what belongs to it.

    Args:
        model: the model, fitted for a moment.
        x: evaluation rows as the model takes them: an array, or arrays in any structure of dicts.
        y: what is right for each of them, an array or arrays by the name of the output.
        metric: a Keras metric, or a callable of `(y, predictions)` where more is better; predictions are the array of a
            model with one output, the items and scores of a head that has them, otherwise arrays by the name of the
            output. None for agreement alone.
        chance: what the metric gives for answers that know nothing.
        compressed: names of the layers on the way to the outputs that are compressed in the compressed variant.
        head: name of the head and its arguments, e.g. `("top_k", {"k": 10})`.
        predict: what gives the predictions that the metric takes where the head makes them of the model's output.
        vocabularies: for `ondevice.export`, by input.
    """

    model: keras.Model
    x: Any
    y: Any
    metric: Any
    chance: float
    compressed: tuple[str, ...]
    head: tuple[str, Mapping[str, Any]] = ("values", {})
    predict: Callable[[Any], Any] | None = None
    vocabularies: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sample(self) -> Any:
        """The first evaluation rows."""
        return keras.tree.map_structure(lambda array: array[:SAMPLE_ROWS], self.x)

    def predictions(self) -> Any:
        """Return what the metric takes, of the model itself."""
        answers = self.model(keras.tree.map_structure(tensor, self.x), training=False)
        answers = keras.tree.map_structure(keras.ops.convert_to_numpy, answers)
        return self.predict(answers) if self.predict else answers

    def quality(self) -> float:
        """Return what the metric says of the model itself."""
        if not isinstance(self.metric, keras.metrics.Metric):
            return float(self.metric(self.y, self.predictions()))
        self.metric.reset_state()
        self.metric.update_state(self.y, self.predictions())
        return float(self.metric.result())


def tensor(array: np.ndarray) -> tf.Tensor:
    """Return an array as a tensor; Keras takes strings in no other form."""
    return tf.constant(array.astype(object) if array.dtype.kind == "U" else array)


class Savable:
    """Lets Keras save a model of a class of its own: it is made as its test makes it."""

    compressed: bool

    def get_config(self) -> dict[str, Any]:
        return {"compressed": self.compressed}


def names() -> list[str]:
    """List the models."""
    package = importlib.import_module(PACKAGE)
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def load(name: str, compressed: bool) -> Case:
    """Make and fit a model."""
    keras.utils.set_random_seed(0)
    return importlib.import_module(f"{PACKAGE}.{name}").case(compressed)


def table(
    compressed: bool, name: str, rows: int, width: int, method: str, mask_zero: bool = False, **options: Any
) -> keras.layers.Layer:
    """Make a layer that looks ids up: of Keras, or a compressed one of the toolkit."""
    if not compressed:
        return keras.layers.Embedding(rows, width, mask_zero=mask_zero, name=name)
    return ondevice.CompressedEmbedding(
        rows, width, method=method, ratio=RATIO, mask_zero=mask_zero, name=name, options=options
    )


def often(rng: np.random.Generator, rows: int, shape: Any, first: int = 0) -> np.ndarray:
    """Draw ids from `first` to `rows - 1`, the lower the more often, int32."""
    return (first + (rows - first) * rng.random(shape) ** 3).astype(np.int32)


def clicks(rng: np.random.Generator, *parts: np.ndarray) -> np.ndarray:
    """Draw zeros and ones, float32: the larger the sum of the parts, the more often one."""
    total = sum(parts)
    return (rng.random(total.shape) < 1 / (1 + np.exp(-2 * (total - total.mean())))).astype(np.float32)


def split(structure: Any, rows: int) -> tuple[Any, Any]:
    """Split every array into what is fitted and the last rows, which are evaluated."""
    before = keras.tree.map_structure(lambda array: array[:-rows], structure)
    return before, keras.tree.map_structure(lambda array: array[-rows:], structure)


TRAINING: weakref.WeakKeyDictionary[keras.Model, tuple[Any, Any]] = weakref.WeakKeyDictionary()
"""What each model was fitted to, inputs and targets."""


def fit(
    model: keras.Model, x: Any, y: Any, loss: Any = "binary_crossentropy", epochs: int = 2, rate: float = 0.01
) -> None:
    """Fit a model by Keras' own training step, which `model.fit` would trace twice: most of the time it takes."""
    TRAINING[model] = (x, y)
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=loss)
    rows = tf.data.Dataset.from_tensor_slices((keras.tree.map_structure(tensor, x), y))
    batches = rows.shuffle(len(rows), seed=0).batch(BATCH, drop_remainder=True).repeat(epochs)
    model(keras.tree.map_structure(lambda array: tensor(array[:BATCH]), x), training=True)
    model.optimizer.build(model.trainable_variables)
    step = tf.function(model.train_step, autograph=False)
    for batch in batches:
        step(batch)
