"""Test vectors and texts of a user's model: rows of the sample, and the same rows with every kind of edge id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ondevice.bundle import TestText, TestVector
from ondevice.errors import OnDeviceError
from ondevice.head import Head
from ondevice.pipeline.answers import Arrays, as_answers, excluded_ids
from ondevice.validation.contract import span_of

if TYPE_CHECKING:
    from ondevice.converters.converted import Converted
    from ondevice.converters.program import Program

REAL_ROWS = 8
"""Test vectors that are rows of the sample."""


def make_vectors(program: Program, converted: Converted, sample: Any) -> tuple[TestVector, ...]:
    """Answer rows of the sample and edge ids with the model, whose tables are those of the file.

    Args:
        program: the model.
        converted: its file.
        sample: a batch as the model takes it.

    Raises:
        OnDeviceError: the model's answer to a row is not finite.
    """
    rows = program.arrays(sample)
    count = len(next(iter(rows.values())))
    chosen = np.unique(np.linspace(0, count - 1, REAL_ROWS).astype(int))
    named = {f"row {row} of the sample": {name: values[row] for name, values in rows.items()} for row in chosen}
    real = len(named)
    named |= _edges(program, {name: values[0] for name, values in rows.items()})
    raw = _reference(program, converted, list(named.values()))
    finite = [all(np.isfinite(values[place]).all() for values in raw.values()) for place in range(len(named))]
    if not all(finite[:real]):
        raise OnDeviceError(
            f"the model answers {list(named)[finite.index(False)]} with numbers that are not finite; allowed are "
            f"rows that it has an answer to."
        )
    head, vectors = converted.head, []
    stacked = {key: np.stack([row[key] for row in named.values()]) for key in rows}
    excluded = excluded_ids(head, program.features, stacked)
    answers, spans = as_answers(head, raw, excluded)
    keys = _keys(program, head)
    for place, (name, inputs) in enumerate(named.items()):
        if not finite[place]:
            continue
        vectors.append(
            TestVector(
                name,
                place >= real,
                {key: tuple(values.reshape(-1).tolist()) for key, values in inputs.items()},
                {key: tuple(values[place].reshape(-1).tolist()) for key, values in answers.items()},
                {
                    key: _range(head, raw[key] if not head.ranks else values, place, real)
                    for key, values in spans.items()
                },
                tuple(keys[item] for item in answers[head.outputs[0]][place][: head.k]) if keys else (),
            )
        )
    return tuple(vectors)


def _range(head: Head, values: npt.NDArray[Any], place: int, real: int) -> float:
    """Return the range that an answer's error is told in: of the model's own outputs that of real rows and this one."""
    return float(values[place]) if head.ranks else span_of(np.concatenate([values[:real], values[place : place + 1]]))


def _edges(program: Program, first: Arrays) -> dict[str, Arrays]:
    """Return the first row with another id in the first place of every input of ids.

    Not in all places: a model may make anything of nothing but padding, as of the average of no vectors.
    """
    sized = {feature.name: feature for feature in program.features if feature.size}
    limits = {name: feature.limits for name, feature in sized.items()}
    kinds = {
        "first id": {name: 0 for name in sized},
        "last id": {name: feature.size - 1 for name, feature in sized.items()},
        "below zero": {name: -1 for name in sized},
        "just beyond the vocabulary": {name: feature.size for name, feature in sized.items()},
        "least integer": {name: least for name, (least, _) in limits.items()},
        "largest integer": {name: largest for name, (_, largest) in limits.items()},
    }
    return {
        kind: first | {name: _with_first(first[name], value) for name, value in ids.items()}
        for kind, ids in kinds.items()
        if sized
    }


def _with_first(values: npt.NDArray[Any], value: int) -> npt.NDArray[Any]:
    changed = values.copy()
    changed.reshape(-1)[0] = value
    return changed


def _reference(program: Program, converted: Converted, rows: list[Arrays]) -> Arrays:
    import tensorflow as tf

    from ondevice.converters.signature import Signature
    from ondevice.head import values

    served = Signature(program.call, program.features, values(), converted.lowering())
    wanted = [tensor.name for tensor in served.outputs()]
    answered = [served.function(*(tf.constant(row[feature.name]) for feature in program.features)) for row in rows]
    return {name: np.stack([each[name].numpy() for each in answered]) for name in wanted}


def _keys(program: Program, head: Head) -> Any:
    if head.labels:
        return head.labels
    vocabulary = next((each.vocabulary for each in program.features if each.name == head.exclude), "")
    return program.vocabularies.get(vocabulary, ())


def make_texts(program: Program, sample: Any) -> tuple[TestText, ...]:
    """Return texts of the sample with the ids that the layers which are cut off make of them.

    Args:
        program: the model.
        sample: a batch as the model takes it.
    """
    from ondevice.converters.program import own_inputs

    given, rows, texts = own_inputs(program.model, sample), program.arrays(sample), []
    for name, _ in dict(program.cuts).items():
        values = given[program.leaves[name][0]]
        # Of several texts in one row nothing says how a person would write them.
        if len(program.leaves[name]) > 1 or values.dtype.kind not in "USO" or values.size != len(values):
            continue
        pairs = {_text(text): ids for text, ids in zip(values.reshape(-1), rows[name], strict=True)}
        texts += [
            TestText(name, text, tuple(ids.reshape(-1).tolist())) for text, ids in list(pairs.items())[:REAL_ROWS]
        ]
    return tuple(texts)


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
