"""What every data set is once it is read, whatever its task: keys that get ids, and what occurred together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.data.lists import Lists
from ondevice.tokenizer import Tokenizer


@dataclass(frozen=True, eq=False)
class SplitData(ABC):
    """A data set, split into training, validation and test; each task has one kind of it.

    Args:
        name: name of the data set.
        item_keys: key of everything that gets an id, in the order in which the source numbers it.
        labels: names of the labels by index, where the answers are labels.
        tokenizer: how what is typed in becomes keys, where these are words of a text or values of fields.
    """

    task: ClassVar[str]

    name: str
    item_keys: tuple[str, ...]
    labels: tuple[str, ...] = field(default=(), kw_only=True)
    tokenizer: Tokenizer | None = field(default=None, kw_only=True)

    @property
    def items(self) -> int:
        """Number of keys."""
        return len(self.item_keys)

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields of which every example has one key each; empty where examples are lists of any length."""
        return self.tokenizer.fields if self.tokenizer is not None else ()

    @property
    def item_fields(self) -> npt.NDArray[np.int64]:
        """The field that each key is a value of, by its place in `fields`; all zero without fields, int64 `[items]`."""
        places = {field: place for place, field in enumerate(self.fields)}
        found = (places[key.partition("=")[0]] if places else 0 for key in self.item_keys)
        return np.fromiter(found, np.int64, self.items)

    @property
    @abstractmethod
    def contexts(self) -> Lists:
        """What occurred together in training: numbers below `items`."""

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """How often each key occurs in training, int64 `[items]`."""
        return self.contexts.counts(self.items)

    @property
    def leanings(self) -> npt.NDArray[np.float32] | None:
        """What the training split says of each key beyond its contexts, float32 `[items, any]`; None for nothing."""
        return None

    @abstractmethod
    def summary(self) -> str:
        """Return one sentence for reports."""
