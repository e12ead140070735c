"""One list of integers per user, line or text, stored end to end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ondevice.ids import PADDING_ID

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

    def at(self, users: npt.NDArray[np.integer]) -> Lists:
        """Return the lists of some users, in the order given."""
        lengths = np.diff(self.offsets)[users]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        # Users have few entries each, and an array for every one of them would take more memory than all entries.
        places = np.arange(offsets[-1])
        places += np.repeat(self.offsets[:-1][users] - offsets[:-1], lengths)
        return Lists(offsets, self.values[places])

    def joined(self, other: Lists) -> Lists:
        """Append another's entries to each user's.

        Raises:
            ValueError: there are not as many users.
        """
        if len(self) != len(other):
            raise ValueError(f"{len(other)} users are joined to {len(self)}.")
        # One list after the other, and then by turns.
        offsets = np.concatenate([self.offsets, self.offsets[-1] + other.offsets[1:]])
        both = Lists(offsets, np.concatenate([self.values, other.values]))
        turns = np.arange(2 * len(self)).reshape(2, len(self)).T.ravel()
        return Lists(self.offsets + other.offsets, both.at(turns).values)

    def mapped(self, table: IntArray) -> Lists:
        """Replace each value `x` by `table[x]`."""
        return Lists(self.offsets, table[self.values])

    def kept(self, wanted: npt.NDArray[np.bool_]) -> Lists:
        """Leave out each value `x` for which `wanted[x]` is false."""
        return self.where(wanted[self.values])

    def where(self, chosen: npt.NDArray[np.bool_]) -> Lists:
        """Leave out the entries that are not chosen, bool `[all entries]`."""
        before = np.zeros(len(chosen) + 1, np.int64)
        np.cumsum(chosen, out=before[1:])
        return Lists(before[self.offsets], self.values[chosen])

    def without(self, other: Lists) -> Lists:
        """Leave out of each user's values those that another has for this user."""
        return self.where(~np.isin(self._pairs(span := self._span(other.values)), other._pairs(span)))

    def holds(self, values: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Tell which of some values each user has.

        Args:
            values: `[users, k]`; no user has a negative one.

        Returns:
            bool `[users, k]`.
        """
        span = self._span(values)
        users = np.arange(len(self), dtype=np.int64) * span
        found: npt.NDArray[np.bool_] = np.isin(np.where(values < 0, -1, users[:, None] + values), self._pairs(span))
        return found

    def _span(self, values: npt.NDArray[np.integer]) -> int:
        return 1 + max(int(np.max(values, initial=0)), int(np.max(self.values, initial=0)))

    def _pairs(self, span: int) -> npt.NDArray[np.int64]:
        """Return one number per pair of user and value, so that all users are looked up at once."""
        users = np.arange(len(self), dtype=np.int64) * span
        return np.repeat(users, np.diff(self.offsets)) + self.values

    def counts(self, size: int) -> npt.NDArray[np.int64]:
        """Count how often each value below `size` occurs."""
        return np.bincount(self.values, minlength=size)


def padded(lists: Sequence[Sequence[int] | IntArray] | Lists, length: int) -> IntArray:
    """Put lists of ids into one array, keeping the last ids of a long one and filling short ones with padding.

    Args:
        lists: ids of each row.
        length: ids per row.

    Returns:
        int32 `[rows, length]`.
    """
    filled = np.full((len(lists), length), PADDING_ID, np.int32)
    for row, ids in zip(filled, lists, strict=True):
        kept = ids[-length:]
        row[: len(kept)] = kept
    return filled
