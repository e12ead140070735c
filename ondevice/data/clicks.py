"""Click logs: lines with a value for each field, and whether there was a click."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ondevice.data.keys import Numbers
from ondevice.data.labelled import NO_KEY, Labelled, LabelledSplit, collected, numbered
from ondevice.data.split_data import MUCH
from ondevice.tokenizer import FIELDS, Tokenizer
from ondevice.units import counted

MANY_NUMBERS = 1_000
"""From so many numbers on a field is likely to be a measure and no name."""

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)

CLICK = "click"
"""The one label, of whose probability a model tells."""

ClickLine = tuple[int, Sequence[str]]
"""1 for a click and 0 for none, and the values in the order of the fields; empty ones are values, too."""


@dataclass(frozen=True, eq=False)
class ClickLog(Labelled):
    """A data set of lines; its keys are `field=value`, the most frequent first, and so one vocabulary for all fields.

    A value that is too rare for a key counts as unknown. What a field it is of a model sees by its place.

    The semantic order compares values by the lines they occur in alone, not by how often these were clicked, as it does
    words of texts. Most values are so rare that this is chance, and a row of values that happened to be clicked tells
    training the labels that it is to predict.
    """

    task: ClassVar[str] = "clicks"

    def described(self) -> str:
        """Return how much there is of what."""
        clicks = float(self.train.labels.mean())
        return f"{self.counted_as('lines', 'values')}, {len(self.fields)} fields, {clicks:.1%} clicks in training"


def collect_lines(lines: Iterable[ClickLine], fields: tuple[str, ...], numbers: Numbers) -> LabelledSplit:
    """Number the values of lines as they come.

    Args:
        lines: whether there was a click, and the values in the order of the fields.
        fields: names of the fields.
        numbers: numbers of the values met so far, to which new ones are added.
    """
    named = [f"{field}=" for field in fields]
    return collected(((click, list(map(str.__add__, named, values))) for click, values in lines), numbers)


def number_lines(
    name: str, splits: Mapping[str, LabelledSplit], fields: tuple[str, ...], numbers: Numbers, minimum_count: int
) -> ClickLog:
    """Number the values that are frequent enough in training.

    Args:
        name: name of the data set.
        splits: lines by the names of `SPLITS`, as `collect_lines` collects them.
        fields: names of the fields in order.
        numbers: the numbers that the values have so far.
        minimum_count: how often a value must occur in training, at least.
    """
    keys, (train, valid, test), notes = numbered(splits, numbers, minimum_count)
    tokenizer = Tokenizer(FIELDS, lowercase=False, fields=fields)
    notes = (*notes, *_odd_fields(fields, keys, train))
    if count := sum(int(np.isin(split.keys.values, _empty(fields, numbers)).sum()) for split in splits.values()):
        notes = (*notes, f"{counted(count, 'empty value')} counted as values")
    return ClickLog(name, keys, train, valid, test, labels=(CLICK,), tokenizer=tokenizer, notes=notes)


def _empty(fields: Sequence[str], numbers: Numbers) -> list[int]:
    return [numbers[f"{field}="] for field in fields if f"{field}=" in numbers]


def _odd_fields(fields: Sequence[str], keys: Sequence[str], train: LabelledSplit) -> Iterator[str]:
    """Name the fields that are measures and no names, and those of which most values are too rare to learn from."""
    unknown = (train.keys.values.reshape(-1, len(fields)) == NO_KEY).mean(axis=0) if len(train) else [0] * len(fields)
    counts, measured = dict.fromkeys(fields, 0), set(fields)
    for key in keys:
        field, _, value = key.partition("=")
        counts[field] += 1
        if not NUMBER.fullmatch(value):
            measured.discard(field)
    for field, share in zip(fields, unknown, strict=True):
        if field in measured and counts[field] >= MANY_NUMBERS:
            yield f"field {field!r} has {counts[field]:,} ids for as many numbers"
        if share > MUCH:
            yield f"warning: {share:.1%} of the values of field {field!r} in training have no id"
