"""Training examples that have a label: the ids of each, and its label."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt

from ondevice.data.lists import IntArray
from ondevice.ids import PADDING_ID, UNKNOWN_ID


class LabelledExamples(keras.utils.PyDataset):
    """Every example once per epoch, in an order drawn from (seed, epoch) alone, so that a resumed run sees the same.

    Args:
        ids: ids of the examples, int32 `[examples, length]`, filled with padding.
        labels: label of each example by index, int32 `[examples]`.
        batch_size: examples per batch; every batch is full, so that the step is compiled once.
        unknown_share: share of the ids replaced by the unknown id.
        seed: seed of everything random.
        epoch: number of the epoch; the training loop sets it.
    """

    def __init__(
        self, ids: IntArray, labels: IntArray, batch_size: int, unknown_share: float, seed: int, epoch: int = 0
    ) -> None:
        super().__init__()
        self.ids = ids
        self.labels = labels
        self.batch_size = batch_size
        self.unknown_share = unknown_share
        self.seed = seed
        self.epoch = epoch
        self._shuffled: tuple[int, npt.NDArray[np.int64]] = (-1, np.arange(len(ids)))

    def __len__(self) -> int:
        """Return the number of batches per epoch."""
        return -(-len(self.ids) // self.batch_size)

    def __getitem__(self, batch: int) -> tuple[IntArray, IntArray]:
        """Return ids `[batch, length]` and labels `[batch]`."""
        of_epoch, shuffled = self._shuffled
        if of_epoch != self.epoch:
            # Once per epoch: with millions of lines it takes as long as many batches.
            shuffled = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.ids))
            self._shuffled = self.epoch, shuffled
        start = batch * self.batch_size
        examples = np.take(shuffled, range(start, start + self.batch_size), mode="wrap")
        ids = self.ids[examples]
        rng = np.random.default_rng([self.seed, self.epoch, batch])
        unknown = (rng.random(ids.shape, np.float32) < self.unknown_share) & (ids != PADDING_ID)
        return np.where(unknown, np.int32(UNKNOWN_ID), ids), self.labels[examples]
