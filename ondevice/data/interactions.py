"""Who interacted with what: frozen lists of items per user, split into training, validation and test."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from ondevice.data.lists import Lists
from ondevice.data.split_data import SplitData
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

    def summary(self) -> str:
        """Return one sentence for reports."""
        sizes = [len(split.values) for split in (self.train, self.valid, self.test)]
        order = "in the order of time, last item for test" if self.ordered else "as unordered sets"
        repeated = sizes[2] - len(self.test_answers.values)
        if repeated:
            order += f"; not counted as answers: {counted(repeated, 'test item')} that the same user had before"
        return (
            f"{self.users:,} users, {self.items:,} items, {sum(sizes):,} interactions "
            f"({sizes[0]:,} train, {sizes[1]:,} validation, {sizes[2]:,} test), {order}"
        )
