"""Labelled texts, whose keys are words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.data.keys import Numbers
from ondevice.data.labelled import NO_KEY, SPLITS, Labelled, LabelledExample, collected, numbered
from ondevice.tokenizer import Tokenizer

FEW = 20
"""Occurrences in training of a word whose leaning counts by about two thirds."""

NAMED = 10
"""Labels that a summary names, at most."""

LabelledText = tuple[str, str]
"""A label and a text."""


@dataclass(frozen=True, eq=False)
class LabelledTexts(Labelled):
    """A data set of texts; its keys are words, the most frequent first."""

    task: ClassVar[str] = "text"

    @property
    def leanings(self) -> npt.NDArray[np.float32]:
        """How much more often each word occurs in the training texts of a label than in those of the others.

        The logarithm of its share of the label's words, less its mean over the labels; that of a rare word is drawn
        towards zero, since it is mostly chance.
        """
        words, labels = self.train.keys, len(self.labels)
        known = np.repeat(self.train.labels, np.diff(words.offsets))
        found = words.values != NO_KEY
        places = known[found].astype(np.int64) * self.items + words.values[found]
        counts = np.bincount(places, minlength=labels * self.items).reshape(labels, self.items)
        shares = np.log((counts + 1) / (counts + 1).sum(axis=1, keepdims=True))
        total = counts.sum(axis=0)
        return ((shares - shares.mean(axis=0)) * np.sqrt(total / (total + FEW))).T.astype(np.float32)

    def described(self) -> str:
        """Return how much there is of what; the training texts of each label where these are few."""
        counts = np.bincount(self.train.labels, minlength=len(self.labels))
        each = ", ".join(f"{label} {count:,}" for label, count in zip(self.labels, counts, strict=True))
        named = f" ({each})" if len(self.labels) <= NAMED else ""
        return f"{self.counted_as('texts', 'words')}, {len(self.labels)} labels{named}"


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

    numbers = Numbers()
    found = {split: collected(cut(splits[split]), numbers) for split in SPLITS}
    keys, (train, valid, test), notes = numbered(found, numbers, minimum_count, most_words)
    notes = (*notes, *_alike(labels))
    return LabelledTexts(name, keys, train, valid, test, labels=labels, tokenizer=tokenizer, notes=notes)


def _alike(labels: tuple[str, ...]) -> list[str]:
    """Name the labels that differ in nothing but capital letters, blanks and what is not seen."""
    groups: dict[str, list[str]] = {}
    for label in labels:
        plain = "".join(each for each in unicodedata.normalize("NFKC", label) if each.isprintable() and each != " ")
        groups.setdefault(plain.casefold(), []).append(label)
    return [f"warning: labels {', '.join(map(repr, each))} look alike" for each in groups.values() if len(each) > 1]
