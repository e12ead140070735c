"""Labelled examples: some keys by number and a label each, split into training, validation and test."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ondevice.data.lists import IntArray, Lists
from ondevice.data.split_data import SplitData

MINIMUM_COUNT, MOST_WORDS = 2, 30_000
"""What a reader of labelled data assumes if it is not told."""

DATA_SETTINGS = {"minimum_count": "texts and click logs", "most_words": "texts"}
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
        return LabelledSplit(Lists.of([self.keys[example] for example in examples]), self.labels[examples])


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

    def counted_as(self, examples: str, keys: str) -> str:
        """Return the part of the summary that all labelled data have.

        Args:
            examples: plural of what an example is called.
            keys: plural of what a key is called.
        """
        splits = (self.train, self.valid, self.test)
        without = float(np.mean(self.train.keys.values == NO_KEY)) if len(self.train.keys.values) else 0.0
        return (
            f"{sum(map(len, splits)):,} {examples} ({len(self.train):,} train, {len(self.valid):,} validation, "
            f"{len(self.test):,} test), {self.items:,} {keys} ({without:.1%} of those in training have no id)"
        )


def numbered(
    splits: Mapping[str, Iterable[LabelledExample]], minimum_count: int, most: int | None = None
) -> tuple[tuple[str, ...], tuple[LabelledSplit, LabelledSplit, LabelledSplit]]:
    """Number the keys that are frequent enough in training.

    Args:
        splits: examples by the names of `SPLITS`; the training split is asked for first.
        minimum_count: how often a key must occur in training, at least.
        most: number of keys, at most; of equally frequent ones the first in alphabetical order.

    Returns:
        the keys, the most frequent first, and the splits in the order of `SPLITS`.
    """
    numbers: dict[str, int] = {}
    found: dict[str, LabelledSplit] = {}
    for split in SPLITS:
        keys: list[IntArray] = []
        right: list[int] = []
        for label, words in splits[split]:
            keys.append(np.fromiter((numbers.setdefault(w, len(numbers)) for w in words), np.int32, len(words)))
            right.append(label)
        found[split] = LabelledSplit(Lists.of(keys), np.array(right, np.int32))
    counts = found["train"].keys.counts(len(numbers))
    # A key is one line of a file: what other systems take for the end of a line can't be part of it.
    kept = [word for word, n in numbers.items() if counts[n] >= minimum_count and word.splitlines() == [word]]
    kept = sorted(kept, key=lambda word: (-counts[numbers[word]], word))[:most]
    places = np.full(len(numbers), NO_KEY, np.int32)
    places[np.array([numbers[word] for word in kept], np.int64)] = np.arange(len(kept), dtype=np.int32)
    train, valid, test = (LabelledSplit(found[s].keys.mapped(places), found[s].labels) for s in SPLITS)
    return tuple(kept), (train, valid, test)
