"""What every data set is once it is read, whatever its task: keys that get ids, and what occurred together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.data import begun
from ondevice.data.lists import Lists
from ondevice.tokenizer import Tokenizer

MUCH = 0.5
"""Share of what has no id above which figures say little of the model."""


@dataclass(frozen=True, eq=False)
class SplitData(ABC):
    """A data set, split into training, validation and test; each task has one kind of it.

    Args:
        name: name of the data set.
        item_keys: key of everything that gets an id, in the order in which the source numbers it.
        labels: names of the labels by index, where the answers are labels.
        tokenizer: how what is typed in becomes keys, where these are words of a text or values of fields.
        titles: what each key is called for people, empty where it has no title; `()` where nothing has one.
        notes: what the reader left out or found odd, each a part of a sentence.
    """

    task: ClassVar[str]

    name: str
    item_keys: tuple[str, ...]
    labels: tuple[str, ...] = field(default=(), kw_only=True)
    tokenizer: Tokenizer | None = field(default=None, kw_only=True)
    titles: tuple[str, ...] = field(default=(), kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    @cached_property
    def digest(self) -> str:
        """Digest of all that training reads of the data: content, order and split."""
        return begun.digest(self)

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
    def described(self) -> str:
        """Return how much there is of what, as part of a sentence."""

    def unseen(self) -> float:
        """Return which share of the entries of the test split has no id that training has seen."""
        return 0.0

    def summary(self) -> str:
        """Return one sentence for the screen and reports: what there is and what was left out or is odd."""
        unseen = self.unseen()
        odd = (
            [f"warning: {unseen:.1%} of the entries of the test split do not occur in training"]
            if unseen > MUCH
            else []
        )
        return "; ".join([self.described(), *self.notes, *odd])
