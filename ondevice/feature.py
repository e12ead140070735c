"""A feature: one input of a model by name, what its numbers are and what becomes of those that it does not know."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ondevice.errors import UsageError
from ondevice.tokenizer import Tokenizer

IDS, NUMBER, BOOL = "ids", "number", "bool"
DTYPES = {IDS: ("int32",), NUMBER: ("float32", "int32"), BOOL: ("int32", "bool")}
"""The kinds of features and the types that each may have in a file, the first one where any will do: browsers have no
truth values."""


@dataclass(frozen=True)
class Feature:
    """One input of an exported file.

    Args:
        name: name of the input.
        kind: `"ids"`, `"number"` or `"bool"`.
        shape: its shape in the file, the batch of one included.
        dtype: NumPy's name of its type in the file.
        size: ids are 0 to this number minus one; 0 where no bound is known, and for other kinds.
        outside: the id that every id outside counts as, which the file decides by arithmetic.
        padding: the id that fills places which nobody gives; None where every place has to be given.
        reserved: how many of the first ids are no keys that a person could pick, as padding and unknown.
        vocabulary: file of the bundle with one key per line, the line's number from zero being the id; empty where the
            app has the ids.
        tokenizer: how a text becomes keys of the vocabulary; None where keys are picked.
        made_by: the layer that made the ids in the model and was cut off, with its settings; empty where none did.
        titles: file of the bundle with what each id is called for people, a line per id, empty for its key; empty where
            nothing has a title.

    Raises:
        UsageError: the fields contradict each other.

    Example:
        >>> Feature("item_id", "ids", (1, 50), "int32", size=1000, outside=1, padding=0).length
        50
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    size: int = 0
    outside: int = 0
    padding: int | None = None
    reserved: int = 0
    vocabulary: str = ""
    tokenizer: Tokenizer | None = None
    made_by: dict[str, int | float | str | bool] = field(default_factory=dict)
    titles: str = ""

    def __post_init__(self) -> None:
        inside = {"outside": self.outside, "padding": self.padding or 0}
        for what, value, holds, allowed in (
            ("kind", self.kind, self.kind in DTYPES, f"one of {', '.join(DTYPES)}"),
            ("dtype", self.dtype, self.dtype in DTYPES.get(self.kind, ()), f"a type of the kind {self.kind!r}"),
            ("shape", self.shape, min(self.shape, default=1) >= 1, "whole numbers of at least 1"),
            ("size", self.size, self.size >= 0 and not (self.size and self.kind != IDS), "0, or ids of the kind 'ids'"),
            ("vocabulary", self.vocabulary, not self.vocabulary or self.size > 0, "one only beside a size"),
            ("titles", self.titles, not self.titles or bool(self.vocabulary), "one only beside a vocabulary"),
            *(
                (name, id_, not self.size or 0 <= id_ < self.size, f"0 to {self.size - 1}")
                for name, id_ in inside.items()
            ),
        ):
            if not holds:
                raise UsageError(f"{what} of feature {self.name!r} is {value!r}; allowed is {allowed}.")

    @property
    def length(self) -> int:
        """Numbers per call."""
        return math.prod(self.shape)

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the largest number of its type, for a feature of whole numbers."""
        info = np.iinfo(self.dtype)
        return int(info.min), int(info.max)
