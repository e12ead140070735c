"""Labelled texts: words by number and a label each, split into training, validation and test."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.data.lists import IntArray, Lists
from ondevice.data.split_data import SplitData
from ondevice.tokenizer import Tokenizer

MINIMUM_COUNT, MOST_WORDS = 2, 30_000
TEXT_SETTINGS = ("minimum_count", "most_words")
"""What a reader of texts may be told, and what it assumes if it is not."""

FEW = 20
"""Occurrences in training of a word whose leaning counts by about two thirds."""

NO_WORD = -1
"""The number of a word that has no key."""

SPLITS = ("train", "valid", "test")

LabelledText = tuple[str, str]
"""A label and a text."""


@dataclass(frozen=True, eq=False)
class TextSplit:
    """The texts of one split.

    Args:
        words: the words of every text in order, by number; `NO_WORD` for those that have no key.
        labels: the label of every text by index, int32 `[texts]`.
    """

    words: Lists
    labels: IntArray

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.labels)

    def of(self, texts: npt.NDArray[np.integer]) -> TextSplit:
        """Return some of the texts only."""
        return TextSplit(Lists.of([self.words[text] for text in texts]), self.labels[texts])


@dataclass(frozen=True, eq=False)
class LabelledTexts(SplitData):
    """A data set of texts; its keys are words, the most frequent first.

    Args:
        train: texts to learn from.
        valid: texts to choose settings by.
        test: texts to report on.
    """

    task: ClassVar[str] = "text"

    train: TextSplit
    valid: TextSplit
    test: TextSplit

    @functools.cached_property
    def contexts(self) -> Lists:
        """The words of each training text that have a key."""
        known = self.train.words.values != NO_WORD
        before = np.concatenate([[0], np.cumsum(known)])
        return Lists(before[self.train.words.offsets], self.train.words.values[known])

    @property
    def leanings(self) -> npt.NDArray[np.float32]:
        """How much more often each word occurs in the training texts of a label than in those of the others.

        The logarithm of its share of the label's words, less its mean over the labels; that of a rare word is drawn
        towards zero, since it is mostly chance.
        """
        known = np.repeat(self.train.labels, np.diff(self.train.words.offsets))
        found = self.train.words.values != NO_WORD
        places = known[found].astype(np.int64) * self.items + self.train.words.values[found]
        counts = np.bincount(places, minlength=len(self.labels) * self.items).reshape(len(self.labels), self.items)
        shares = np.log((counts + 1) / (counts + 1).sum(axis=1, keepdims=True))
        total = counts.sum(axis=0)
        return ((shares - shares.mean(axis=0)) * np.sqrt(total / (total + FEW))).T.astype(np.float32)

    def summary(self) -> str:
        """Return one sentence for reports."""
        splits = (self.train, self.valid, self.test)
        without = float(np.mean(self.train.words.values == NO_WORD)) if len(self.train.words.values) else 0.0
        return (
            f"{sum(map(len, splits)):,} texts ({len(self.train):,} train, {len(self.valid):,} validation, "
            f"{len(self.test):,} test), {self.items:,} words ({without:.1%} of those in training have no id), "
            f"{len(self.labels)} labels"
        )


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
    numbers: dict[str, int] = {}
    found: dict[str, TextSplit] = {}
    index = {label: number for number, label in enumerate(labels)}
    for split in SPLITS:
        words: list[IntArray] = []
        right: list[int] = []
        for label, text in splits[split]:
            cut = tokenizer.words(text)
            words.append(np.fromiter((numbers.setdefault(w, len(numbers)) for w in cut), np.int32, len(cut)))
            right.append(index[label])
        found[split] = TextSplit(Lists.of(words), np.array(right, np.int32))
    counts = found["train"].words.counts(len(numbers))
    # A key is one line of a file: what other systems take for the end of a line can't be part of it.
    keys = [word for word, n in numbers.items() if counts[n] >= minimum_count and word.splitlines() == [word]]
    keys = sorted(keys, key=lambda word: (-counts[numbers[word]], word))[:most_words]
    places = np.full(len(numbers), NO_WORD, np.int32)
    places[np.array([numbers[word] for word in keys], np.int64)] = np.arange(len(keys), dtype=np.int32)
    train, valid, test = (TextSplit(found[s].words.mapped(places), found[s].labels) for s in SPLITS)
    return LabelledTexts(name, tuple(keys), train, valid, test, labels=labels, tokenizer=tokenizer)
