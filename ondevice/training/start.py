"""What a training run starts with: the order of the ids, tables that are chosen and not learned, a teacher."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from ondevice.data.context_order import factor_order
from ondevice.data.order import registry as orders
from ondevice.data.split_data import SplitData
from ondevice.data.vocabulary import Vocabulary
from ondevice.embeddings.method import FloatArray, Method
from ondevice.ids import RESERVED_IDS, run_starts
from ondevice.models.output import Output
from ondevice.models.scores import SCORES
from ondevice.training.config import TrainConfig
from ondevice.training.run_folder import open_run
from ondevice.training.teacher import Teacher


def arranged(config: TrainConfig, data: SplitData, method: Method, output: Output) -> Vocabulary:
    """Give the items their ids, in runs as the embedding method cuts them, or as the output layer does if it does not.

    Args:
        config: the settings.
        data: the data set.
        method: the embedding method.
        output: the output layer.
    """
    items = data.items
    # An output layer that scores labels has nothing to do with the order of the ids.
    wanted = output.wanted_runs if output.vocabulary_size == method.vocabulary_size else items
    runs = method.runs if method.runs < items else wanted
    if config.teacher_order:
        as_given = Vocabulary.of_items(data.item_keys, np.arange(items))
        vectors = Teacher.of_run(open_run(Path(config.teacher)), as_given).vectors[RESERVED_IDS:]
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        directions = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
        arrangement = factor_order(directions, data.counts, run_starts(items, runs))
    else:
        arrangement = orders.load(config.order)().arrange(data, config.seed, runs)
    return Vocabulary.of_items(data.item_keys, arrangement)


def start(
    config: TrainConfig,
    data: SplitData,
    method: Method,
    model: keras.Model,
    ids: npt.NDArray[np.int32],
    teacher: Teacher | None,
) -> None:
    """Give a new model the values that it starts with, beyond its initial ones.

    Args:
        config: the settings.
        data: the data set.
        method: the embedding method.
        model: the network.
        ids: the id of every item.
        teacher: the model to start from, if any.
    """
    if config.warm_start and teacher is not None:
        counts = np.zeros(method.vocabulary_size, np.int64)
        counts[ids] = data.counts
        teacher.start(model, counts, config.seed)
    elif _has_chosen(model, method):
        vectors = _vectors(config, data, ids)
        embedding, scores = model.get_layer("embedding"), model.get_layer(SCORES)
        for name, values in method.chosen_tables(vectors, config.seed).items():
            embedding.tables[name].assign(values)
        scores.assign(scores.member.chosen(vectors, config.seed))


def _has_chosen(model: keras.Model, method: Method) -> bool:
    """Tell whether something is chosen before training instead of learned."""
    learned = all(weight.trainable for weight in model.get_layer(SCORES).member.weights())
    return not learned or not all(table.trainable for table in method.tables())


def _vectors(config: TrainConfig, data: SplitData, ids: npt.NDArray[np.int32]) -> FloatArray | None:
    """Return vectors by id such that similar ids have similar ones; None where nothing is known of the ids."""
    vectors = orders.load(config.order)().vectors(data, config.seed)
    if vectors is None:
        return None
    by_id = np.zeros((len(vectors) + RESERVED_IDS, vectors.shape[1]), np.float32)
    by_id[ids] = vectors
    return by_id
