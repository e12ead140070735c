"""Training examples: part of a user's items as the history, others of the same user as the targets."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt

from ondevice.data.lists import IntArray, Lists, padded
from ondevice.errors import OnDeviceError
from ondevice.ids import PADDING_ID, UNKNOWN_ID


class HistoryExamples(keras.utils.PyDataset):
    """One example per user and epoch, drawn from (seed, epoch, batch) alone, so that a resumed run sees the same.

    Unordered items: a random half is the history, the other half the targets. Ordered items: the history ends at a
    random place and the next item is the target.

    Args:
        lists: ids of each user, int32; users with fewer than two are left out.
        ordered: whether the ids are in the order of time.
        length: ids per history and targets per example, at most.
        batch_size: examples per batch; every batch is full, so that the step is compiled once.
        unknown_share: share of history ids replaced by the unknown id.
        seed: seed of everything random here.
        epoch: number of the epoch; the training loop sets it.

    Raises:
        OnDeviceError: no user has two ids.
    """

    def __init__(
        self,
        lists: Lists,
        ordered: bool,
        length: int,
        batch_size: int,
        unknown_share: float,
        seed: int,
        epoch: int = 0,
    ) -> None:
        super().__init__()
        self.lists = lists
        self.usable = np.flatnonzero(np.diff(lists.offsets) >= 2)
        if not len(self.usable):
            raise OnDeviceError("no user has two items to learn from: one for the history and one as its target.")
        self.ordered = ordered
        self.length = length
        self.batch_size = batch_size
        self.unknown_share = unknown_share
        self.seed = seed
        self.epoch = epoch
        self._shuffled: tuple[int, npt.NDArray[np.intp]] = (-1, self.usable)

    def __len__(self) -> int:
        """Return the number of batches per epoch."""
        return -(-len(self.usable) // self.batch_size)

    def __getitem__(self, batch: int) -> tuple[IntArray, IntArray]:
        """Return histories `[batch, length]` and targets `[batch, length or 1]`, filled with padding."""
        of_epoch, shuffled = self._shuffled
        if of_epoch != self.epoch:
            # Once per epoch: with millions of users it takes as long as many batches.
            shuffled = np.random.default_rng([self.seed, self.epoch]).permutation(self.usable)
            self._shuffled = self.epoch, shuffled
        start = batch * self.batch_size
        users = np.take(shuffled, range(start, start + self.batch_size), mode="wrap")
        rng = np.random.default_rng([self.seed, self.epoch, batch])
        pairs = [self._example(self.lists[user], rng) for user in users]
        histories = padded([history for history, _ in pairs], self.length)
        targets = padded([target for _, target in pairs], 1 if self.ordered else self.length)
        unknown = (rng.random(histories.shape) < self.unknown_share) & (histories != PADDING_ID)
        return np.where(unknown, np.int32(UNKNOWN_ID), histories), targets

    def _example(self, ids: IntArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
        if self.ordered:
            cut = int(rng.integers(1, len(ids)))
            return ids[:cut], ids[cut : cut + 1]
        shuffled = rng.permutation(ids)
        return shuffled[: len(ids) // 2], shuffled[len(ids) // 2 :]
