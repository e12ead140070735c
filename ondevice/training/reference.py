"""The reference model: loading it, and the test vectors that it answers."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt

from ondevice import task as tasks
from ondevice.bundle import TestVector
from ondevice.data.vocabulary import Vocabulary
from ondevice.embeddings.method import FloatArray
from ondevice.feature import Feature
from ondevice.head import Head
from ondevice.ids import PADDING_ID, RESERVED_IDS, UNKNOWN_ID
from ondevice.models.network import load_network
from ondevice.training.run_folder import Run

REAL_USERS = 8
"""Test vectors that are histories of real evaluation users, or real texts."""


def load_reference(run: Run) -> tuple[keras.Model, dict[str, FloatArray]]:
    """Load a run's model and the values of its embedding's tables by name.

    Raises:
        OnDeviceError: the model has no compressed embedding.
    """
    model = load_network(run.model)
    return model, model.get_layer("embedding").table_values()


def make_vectors(
    model: keras.Model, run: Run, vocabulary: Vocabulary, feature: Feature, head: Head
) -> tuple[TestVector, ...]:
    """Make test vectors from real histories and from every kind of edge id, with the reference's answers.

    Args:
        model: the reference model, perhaps with the file's own tables.
        run: its run.
        vocabulary: the run's.
        feature: the file's input.
        head: what the file answers.
    """
    method, example = run.method(), tasks.load(run.result.task).example
    histories = run.evaluation().histories
    chosen = np.unique(np.linspace(0, len(histories) - 1, REAL_USERS).astype(int))
    real = {f"evaluation {example} {number}": histories[number] for number in chosen}
    named = real | {name: _filled(ids, feature.length) for name, ids in _edges(feature.size, feature.length).items()}
    given = np.stack(list(named.values()))
    cleaned = np.where((given >= 0) & (given < feature.size), given, np.int32(feature.outside))
    excluded = cleaned if head.exclude else np.zeros_like(cleaned)
    items, scores, ranges = tasks.load(run.result.task).reference_answers(model, method, cleaned, excluded)
    keys, (answers, of_answers) = head.labels or vocabulary.keys, head.outputs
    return tuple(
        TestVector(
            name=name,
            edge=name not in real,
            inputs={feature.name: tuple(ids.tolist())},
            outputs={answers: tuple(best.tolist()), of_answers: tuple(values.tolist())},
            ranges={of_answers: float(span)},
            keys=tuple(keys[item] for item in best[: head.k]),
        )
        for name, ids, best, values, span in zip(named, given, items, scores, ranges, strict=True)
    )


def _edges(size: int, length: int) -> dict[str, list[int]]:
    lowest, highest = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    first, last = RESERVED_IDS, size - 1
    return {
        "all padding": [],
        "only unknown": [UNKNOWN_ID],
        "first item": [first],
        "last item": [last],
        "one item again and again": [first] * length,
        "last item, then padding between": [last, PADDING_ID, first],
        "below zero": [-1, first],
        "just beyond the vocabulary": [size, first],
        "extreme integers": [lowest, highest, last],
    }


def _filled(ids: list[int], length: int) -> npt.NDArray[np.int32]:
    row = np.full(length, PADDING_ID, np.int32)
    row[: len(ids[:length])] = ids[:length]
    return row
