"""The reference model: loading it, and the test vectors that it answers."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt

from ondevice import task as tasks
from ondevice.bundle import TestVector
from ondevice.data.vocabulary import Vocabulary
from ondevice.embeddings.method import FloatArray
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
    model: keras.Model, run: Run, vocabulary: Vocabulary, replacement: int, exclude_history: bool, top_k: int
) -> tuple[TestVector, ...]:
    """Make test vectors from real histories and from every kind of edge id, with the reference's answers.

    Args:
        model: the reference model, perhaps with the file's own tables.
        run: its run.
        vocabulary: the run's.
        replacement: id that an id outside the vocabulary counts as.
        exclude_history: whether the items given are left out of the answer.
        top_k: answers that the file returns, whose keys go along.
    """
    method, length = run.method(), run.config.history_length
    size, task = method.vocabulary_size, tasks.load(run.result.task)
    histories = run.evaluation().histories
    chosen = np.unique(np.linspace(0, len(histories) - 1, REAL_USERS).astype(int))
    real = {f"evaluation {task.example} {number}": histories[number] for number in chosen}
    named = real | {name: _filled(ids, length) for name, ids in _edges(size, length).items()}
    given = np.stack(list(named.values()))
    cleaned = np.where((given >= 0) & (given < size), given, np.int32(replacement))
    excluded = cleaned if exclude_history else np.zeros_like(cleaned)
    items, scores, ranges = task.reference_answers(model, method, cleaned, excluded)
    keys = run.result.labels or vocabulary.keys
    return tuple(
        TestVector(
            name=name,
            edge=name not in real,
            ids=tuple(ids.tolist()),
            items=tuple(best.tolist()),
            keys=tuple(keys[item] for item in best[:top_k]),
            scores=tuple(values.tolist()),
            score_range=float(span),
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
