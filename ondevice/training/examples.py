"""Training examples: part of a user's items as the history, others as the targets; or ids and their label."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt

from ondevice.data.lists import IntArray, Lists, padded
from ondevice.errors import OnDeviceError
from ondevice.ids import PADDING_ID, UNKNOWN_ID


class Examples(keras.utils.PyDataset):
    """Each example once per epoch, drawn from (seed, epoch, batch) alone, so that a resumed run sees the same.

    Args:
        numbers: the number of every example.
        batch_size: examples per batch; every batch is full, so that the step is compiled once.
        unknown_share: share of the ids given that are replaced by the unknown id.
        seed: seed of everything random.
        epoch: number of the epoch; the training loop sets it.
    """

    def __init__(
        self, numbers: npt.NDArray[np.intp], batch_size: int, unknown_share: float, seed: int, epoch: int
    ) -> None:
        super().__init__()
        self.numbers = numbers
        self.batch_size = batch_size
        self.unknown_share = unknown_share
        self.seed = seed
        self.epoch = epoch
        self._shuffled: tuple[int, npt.NDArray[np.intp]] = (-1, numbers)

    def __len__(self) -> int:
        """Return the number of batches per epoch."""
        return -(-len(self.numbers) // self.batch_size)

    def drawn(self, batch: int) -> tuple[npt.NDArray[np.intp], np.random.Generator]:
        """Return the numbers of a batch's examples, and what draws the rest."""
        of_epoch, shuffled = self._shuffled
        if of_epoch != self.epoch:
            # Once per epoch: with millions of examples it takes as long as many batches.
            shuffled = np.random.default_rng([self.seed, self.epoch]).permutation(self.numbers)
            self._shuffled = self.epoch, shuffled
        start = batch * self.batch_size
        numbers = np.take(shuffled, range(start, start + self.batch_size), mode="wrap")
        return numbers, np.random.default_rng([self.seed, self.epoch, batch])

    def with_unknown(self, ids: IntArray, draws: npt.NDArray[np.floating]) -> IntArray:
        """Replace the share of the ids that draws between 0 and 1 of the same shape fall on; padding stays."""
        unknown = (draws < self.unknown_share) & (ids != PADDING_ID)
        return np.where(unknown, np.int32(UNKNOWN_ID), ids)


class HistoryExamples(Examples):
    """One example per user and epoch.

    Unordered items: a random half is the history, the other half the targets. Ordered items: the history ends at a
    random place and the next item is the target.

    Args:
        lists: ids of each user, int32; users with fewer than two are left out.
        ordered: whether the ids are in the order of time.
        length: ids per history and targets per example, at most.
        batch_size, unknown_share, seed, epoch: as for `Examples`.

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
        super().__init__(np.flatnonzero(np.diff(lists.offsets) >= 2), batch_size, unknown_share, seed, epoch)
        if not len(self.numbers):
            raise OnDeviceError("no user has two items to learn from: one for the history and one as its target.")
        self.lists = lists
        self.ordered = ordered
        self.length = length

    def __getitem__(self, batch: int) -> tuple[IntArray, IntArray]:
        """Return histories `[batch, length]` and targets `[batch, length or 1]`, filled with padding."""
        users, rng = self.drawn(batch)
        pairs = [self._example(self.lists[user], rng) for user in users]
        histories = padded([history for history, _ in pairs], self.length)
        targets = padded([target for _, target in pairs], 1 if self.ordered else self.length)
        return self.with_unknown(histories, rng.random(histories.shape)), targets

    def _example(self, ids: IntArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
        if self.ordered:
            cut = int(rng.integers(1, len(ids)))
            return ids[:cut], ids[cut : cut + 1]
        shuffled = rng.permutation(ids)
        return shuffled[: len(ids) // 2], shuffled[len(ids) // 2 :]


class LabelledExamples(Examples):
    """Examples that have a label, each once per epoch.

    Args:
        ids: ids of the examples, int32 `[examples, length]`, filled with padding.
        labels: label of each example by index, int32 `[examples]`.
        batch_size, unknown_share, seed, epoch: as for `Examples`.
    """

    def __init__(
        self, ids: IntArray, labels: IntArray, batch_size: int, unknown_share: float, seed: int, epoch: int = 0
    ) -> None:
        super().__init__(np.arange(len(ids)), batch_size, unknown_share, seed, epoch)
        self.ids = ids
        self.labels = labels

    def __getitem__(self, batch: int) -> tuple[IntArray, IntArray]:
        """Return ids `[batch, length]` and labels `[batch]`."""
        examples, rng = self.drawn(batch)
        ids = self.ids[examples]
        return self.with_unknown(ids, rng.random(ids.shape, np.float32)), self.labels[examples]
