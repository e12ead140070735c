"""Who interacted with what: frozen lists of items per user, split into training, validation and test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Lists:
    """One list of integers per user, stored end to end.

    Args:
        offsets: int64 `[users + 1]`; user `u` has `values[offsets[u]:offsets[u + 1]]`.
        values: int32 `[all entries]`.
    """

    offsets: npt.NDArray[np.int64]
    values: IntArray

    @classmethod
    def of(cls, lists: Sequence[Sequence[int] | IntArray]) -> Lists:
        """Build from one sequence per user."""
        offsets = np.zeros(len(lists) + 1, np.int64)
        np.cumsum([len(entries) for entries in lists], out=offsets[1:])
        parts = [np.asarray(entries, np.int32) for entries in lists]
        return cls(offsets, np.concatenate(parts) if parts else np.zeros(0, np.int32))

    def __len__(self) -> int:
        """Return the number of users."""
        return len(self.offsets) - 1

    def __getitem__(self, user: int) -> IntArray:
        """Return the list of one user."""
        return self.values[self.offsets[user] : self.offsets[user + 1]]

    def __iter__(self) -> Iterator[IntArray]:
        """Go through the users' lists."""
        return (self[user] for user in range(len(self)))

    def joined(self, other: Lists) -> Lists:
        """Append another's entries to each user's."""
        return Lists.of([np.concatenate(pair) for pair in zip(self, other, strict=True)])

    def mapped(self, table: IntArray) -> Lists:
        """Replace each value `x` by `table[x]`."""
        return Lists(self.offsets, table[self.values])

    def kept(self, wanted: npt.NDArray[np.bool_]) -> Lists:
        """Leave out each value `x` for which `wanted[x]` is false."""
        chosen = wanted[self.values]
        before = np.concatenate([[0], np.cumsum(chosen)])
        return Lists(before[self.offsets], self.values[chosen])

    def holds(self, values: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Tell which of some values each user has.

        Args:
            values: `[users, k]`; no user has a negative one.

        Returns:
            bool `[users, k]`.
        """
        # One number per pair of user and value, so that all users are looked up at once.
        span = 1 + max(int(np.max(values, initial=0)), int(np.max(self.values, initial=0)))
        users = np.arange(len(self), dtype=np.int64) * span
        own = np.repeat(users, np.diff(self.offsets)) + self.values
        found: npt.NDArray[np.bool_] = np.isin(np.where(values < 0, -1, users[:, None] + values), own)
        return found

    def counts(self, size: int) -> npt.NDArray[np.int64]:
        """Count how often each value below `size` occurs."""
        return np.bincount(self.values, minlength=size)


@dataclass(frozen=True, eq=False)
class Interactions:
    """A data set: items are numbered from zero in the order the source gives them.

    Args:
        name: name of the data set.
        item_keys: the source's key of every item.
        train: items of each user to learn from.
        valid: items of each user to choose settings by.
        test: items of each user to report on.
        ordered: whether a user's items are in the order of time, with validation and test last.
    """

    name: str
    item_keys: tuple[str, ...]
    train: Lists
    valid: Lists
    test: Lists
    ordered: bool

    @property
    def users(self) -> int:
        """Number of users."""
        return len(self.train)

    @property
    def items(self) -> int:
        """Number of items."""
        return len(self.item_keys)

    def summary(self) -> str:
        """Return one sentence for reports."""
        sizes = [len(split.values) for split in (self.train, self.valid, self.test)]
        order = "in the order of time, last item for test" if self.ordered else "as unordered sets"
        return (
            f"{self.users:,} users, {self.items:,} items, {sum(sizes):,} interactions "
            f"({sizes[0]:,} train, {sizes[1]:,} validation, {sizes[2]:,} test), {order}"
        )
