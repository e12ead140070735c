"""Who interacted with what: frozen lists of items per user, split into training, validation and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from ondevice.data.keys import Numbers, place
from ondevice.data.lists import Lists
from ondevice.data.log import Log
from ondevice.data.split import TEST, TRAIN, VALID, Split
from ondevice.data.split_data import SplitData
from ondevice.errors import UsageError
from ondevice.units import counted


@dataclass(frozen=True, eq=False)
class Interactions(SplitData):
    """A data set: items are numbered from zero in the order the source gives them.

    Args:
        name: name of the data set.
        item_keys: the source's key of every item.
        train: items of each user to learn from.
        valid: items of each user to choose settings by.
        test: items of each user to report on.
        ordered: whether a user's items are in the order of time, with validation and test last.
    """

    task: ClassVar[str] = "ranking"

    train: Lists
    valid: Lists
    test: Lists
    ordered: bool

    @property
    def users(self) -> int:
        """Number of users."""
        return len(self.train)

    @property
    def contexts(self) -> Lists:
        """The training items of each user."""
        return self.train

    @property
    def valid_answers(self) -> Lists:
        """The validation items that are new to their users; others are no answers, since no history is returned."""
        return self.valid.without(self.train)

    @cached_property
    def test_answers(self) -> Lists:
        """The test items that are new to their users."""
        return self.test.without(self.train.joined(self.valid))

    def described(self) -> str:
        """Return how much there is of what."""
        sizes = [len(split.values) for split in (self.train, self.valid, self.test)]
        order = "in the order of time" if self.ordered else "as unordered sets"
        repeated = sizes[2] - len(self.test_answers.values)
        if repeated:
            order += f"; not counted as answers: {counted(repeated, 'test item')} that the same user had before"
        return (
            f"{self.users:,} users, {self.items:,} items, {sum(sizes):,} interactions "
            f"({sizes[0]:,} train, {sizes[1]:,} validation, {sizes[2]:,} test), {order}"
        )

    def unseen(self) -> float:
        """Return which share of the test items do not occur in training."""
        return float(np.mean(self.counts[self.test.values] == 0)) if len(self.test.values) else 0.0


def in_order(
    name: str,
    numbers: Numbers,
    splits: Sequence[Lists],
    *,
    ordered: bool,
    notes: Sequence[str] = (),
    titles: Mapping[int, str] | None = None,
) -> Interactions:
    """Number items by their keys: whole numbers by their value, all others after them in alphabetical order.

    Args:
        name: name of the data set.
        numbers: the number that each item has so far; those that are in no split are no items.
        splits: items of each user to learn from, for validation and for test.
        ordered: whether a user's items are in the order of time.
        notes: what is to be told of the reading.
        titles: what items are called, by the number that they have so far.
    """
    keys = list(numbers)
    used = sum(split.counts(len(keys)) for split in splits)
    found = sorted(np.flatnonzero(used).tolist(), key=lambda number: place(keys[number]))
    table = np.zeros(len(keys), np.int32)
    table[found] = np.arange(len(found), dtype=np.int32)
    train, valid, test = (split.mapped(table) for split in splits)
    item_keys = tuple(keys[number] for number in found)
    called = tuple(titles.get(number, "") for number in found) if titles else ()
    return Interactions(name, item_keys, train, valid, test, ordered=ordered, notes=tuple(notes), titles=called)


def divided(name: str, log: Log, split: Split, notes: Sequence[str] = ()) -> Interactions:
    """Split what users did; users of whom there is nothing to learn from are left out.

    Args:
        name: name of the data set.
        log: what users did.
        split: how to split it.
        notes: what is to be told before what the log and the split say.

    Raises:
        UsageError: the split does not suit the data.
    """
    parts, told = split.parts(log)
    lists = [log.lists.where(parts == part) for part in (TRAIN, VALID, TEST)]
    learned = np.diff(lists[0].offsets) > 0
    if not learned.any():
        raise UsageError(f"split is {split.form}, and no user has anything to learn from.")
    notes = [*notes, *log.notes, *told]
    if left_out := int(np.count_nonzero(~learned & (np.diff(log.lists.offsets) > 0))):
        notes.append(f"left out: {counted(left_out, 'user')} {split.leaves_out}")
    kept = [each.at(np.flatnonzero(learned)) for each in lists]
    return in_order(name, log.items, kept, ordered=log.times is not None, notes=notes, titles=log.titles)
