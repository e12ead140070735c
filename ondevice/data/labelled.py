"""Labelled examples: some keys by number and a label each, split into training, validation and test."""

from __future__ import annotations

import functools
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ondevice.data.keys import ALLOWED, Numbers, is_key
from ondevice.data.lists import IntArray, Lists
from ondevice.data.split_data import SplitData
from ondevice.units import counted

MINIMUM_COUNT, MOST_WORDS = 2, 30_000
"""What a reader of labelled data assumes if it is not told."""

DATA_SETTINGS = {"minimum_count": "texts and click logs", "most_words": "texts", "table": "tables"}
"""The training settings that readers may be told, with what kind of data it makes sense for."""

LENGTHS = ("history_length", "sample_length")
"""The training settings that say how many ids an example has, where its fields don't."""

NO_KEY = -1
"""The number of what has no key."""

SPLITS = ("train", "valid", "test")

LabelledExample = tuple[int, Sequence[str]]
"""The index of a label, and the keys of an example in order."""


@dataclass(frozen=True, eq=False)
class LabelledSplit:
    """The examples of one split.

    Args:
        keys: the keys of every example in order, by number; `NO_KEY` for what has none.
        labels: the label of every example by index, int32 `[examples]`.
    """

    keys: Lists
    labels: IntArray

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.labels)

    def of(self, examples: npt.NDArray[np.integer]) -> LabelledSplit:
        """Return some of the examples only."""
        return LabelledSplit(self.keys.at(examples), self.labels[examples])


@dataclass(frozen=True, eq=False)
class Labelled(SplitData):
    """A data set of labelled examples; its keys are what they consist of, the most frequent first.

    Args:
        train: examples to learn from.
        valid: examples to choose settings by.
        test: examples to report on.
    """

    train: LabelledSplit
    valid: LabelledSplit
    test: LabelledSplit

    @functools.cached_property
    def contexts(self) -> Lists:
        """The keys of each training example, without what has none."""
        return self.train.keys.where(self.train.keys.values != NO_KEY)

    def unseen(self) -> float:
        """Return which share of the keys in the test split have no number."""
        return without_key(self.test)

    def counted_as(self, examples: str, keys: str) -> str:
        """Return the part of the summary that all labelled data have.

        Args:
            examples: plural of what an example is called.
            keys: plural of what a key is called.
        """
        splits = (self.train, self.valid, self.test)
        without = f"{without_key(self.train):.1%} of those in training have no id"
        return (
            f"{sum(map(len, splits)):,} {examples} ({len(self.train):,} train, {len(self.valid):,} validation, "
            f"{len(self.test):,} test), {self.items:,} {keys} ({without})"
        )


def without_key(split: LabelledSplit) -> float:
    """Return which share of the keys of a split have no number."""
    return float(np.mean(split.keys.values == NO_KEY)) if len(split.keys.values) else 0.0


def collected(examples: Iterable[LabelledExample], numbers: Numbers) -> LabelledSplit:
    """Number the keys of examples as they come.

    Args:
        examples: the examples.
        numbers: numbers of the keys met so far, to which new ones are added.
    """
    offsets, values, labels = array("q", [0]), array("i"), array("i")
    for label, keys in examples:
        values.extend(map(numbers.__getitem__, keys))
        offsets.append(len(values))
        labels.append(label)
    lists = Lists(np.frombuffer(offsets, np.int64), np.frombuffer(values, np.int32))
    return LabelledSplit(lists, np.frombuffer(labels, np.int32))


def numbered(
    splits: Mapping[str, LabelledSplit], numbers: Numbers, minimum_count: int, most: int | None = None
) -> tuple[tuple[str, ...], tuple[LabelledSplit, LabelledSplit, LabelledSplit], tuple[str, ...]]:
    """Number the keys anew that are frequent enough in training.

    Args:
        splits: examples by the names of `SPLITS`, as `collected`.
        numbers: the numbers that their keys have so far.
        minimum_count: how often a key must occur in training, at least.
        most: number of keys, at most; of equally frequent ones the first in alphabetical order.

    Returns:
        the keys, the most frequent first, the splits in the order of `SPLITS`, and what was left out.
    """
    counts = splits["train"].keys.counts(len(numbers))
    frequent = [word for word, n in numbers.items() if counts[n] >= minimum_count]
    kept = sorted(filter(is_key, frequent), key=lambda word: (-counts[numbers[word]], word))
    notes = (f"no id: {counted(no_keys, 'value')}, since {ALLOWED}",) if (no_keys := len(frequent) - len(kept)) else ()
    kept = kept[:most]
    places = np.full(len(numbers), NO_KEY, np.int32)
    places[np.array([numbers[word] for word in kept], np.int64)] = np.arange(len(kept), dtype=np.int32)
    train, valid, test = (LabelledSplit(splits[s].keys.mapped(places), splits[s].labels) for s in SPLITS)
    return tuple(kept), (train, valid, test), notes
