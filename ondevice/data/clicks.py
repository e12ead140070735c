"""Click logs: lines with a value for each field, and whether there was a click."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ondevice.data.labelled import Labelled, LabelledExample, numbered
from ondevice.tokenizer import FIELDS, Tokenizer

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

    def summary(self) -> str:
        """Return one sentence for reports."""
        clicks = float(self.train.labels.mean())
        return f"{self.counted_as('lines', 'values')}, {len(self.fields)} fields, {clicks:.1%} clicks in training"


def number_lines(
    name: str, splits: Mapping[str, Iterable[ClickLine]], fields: tuple[str, ...], minimum_count: int
) -> ClickLog:
    """Number the values that are frequent enough in training.

    Args:
        name: name of the data set.
        splits: lines by the names of `SPLITS`; the training split is asked for first.
        fields: names of the fields in order.
        minimum_count: how often a value must occur in training, at least.
    """
    tokenizer = Tokenizer(FIELDS, lowercase=False, fields=fields)

    def named(lines: Iterable[ClickLine]) -> Iterator[LabelledExample]:
        for click, values in lines:
            yield click, [f"{field}={value}" for field, value in zip(fields, values, strict=True)]

    keys, (train, valid, test) = numbered({split: named(lines) for split, lines in splits.items()}, minimum_count)
    return ClickLog(name, keys, train, valid, test, labels=(CLICK,), tokenizer=tokenizer)
