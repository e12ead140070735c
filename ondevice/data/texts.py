"""Labelled texts, whose keys are words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from ondevice.data.labelled import Labelled, LabelledExample, numbered
from ondevice.tokenizer import Tokenizer

LabelledText = tuple[str, str]
"""A label and a text."""


@dataclass(frozen=True, eq=False)
class LabelledTexts(Labelled):
    """A data set of texts; its keys are words, the most frequent first."""

    task: ClassVar[str] = "text"

    def summary(self) -> str:
        """Return one sentence for reports."""
        return f"{self.counted_as('texts', 'words')}, {len(self.labels)} labels"


def number_texts(
    name: str,
    splits: Mapping[str, Iterable[LabelledText]],
    labels: tuple[str, ...],
    tokenizer: Tokenizer,
    minimum_count: int,
    most_words: int,
) -> LabelledTexts:
    """Cut texts into words and number those that are frequent enough in training.

    Args:
        name: name of the data set.
        splits: labels and texts by the names of `SPLITS`; the training split is asked for first.
        labels: names of all labels.
        tokenizer: how to cut texts.
        minimum_count: how often a word must occur in training, at least.
        most_words: number of words, at most; of equally frequent ones the first in alphabetical order.
    """
    index = {label: number for number, label in enumerate(labels)}

    def cut(texts: Iterable[LabelledText]) -> Iterator[LabelledExample]:
        return ((index[label], tokenizer.words(text)) for label, text in texts)

    found = {split: cut(texts) for split, texts in splits.items()}
    keys, (train, valid, test) = numbered(found, minimum_count, most_words)
    return LabelledTexts(name, keys, train, valid, test, labels=labels, tokenizer=tokenizer)
