"""The bases of the readers of click logs and of texts: how often a key must occur, and how many get an id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ondevice.data.labelled import MINIMUM_COUNT, MOST_WORDS
from ondevice.data.reader import Reader


@dataclass(frozen=True)
class ClickReader(Reader):
    """Reads lines of a log, of which values become items.

    Args:
        minimum_count: how often a value must occur in training, at least.
    """

    settings: ClassVar[tuple[str, ...]] = ("minimum_count",)

    minimum_count: int = MINIMUM_COUNT


@dataclass(frozen=True)
class TextReader(Reader):
    """Reads texts, of which words become items.

    Args:
        minimum_count: how often a word must occur in training, at least.
        most_words: number of words, at most.
    """

    settings: ClassVar[tuple[str, ...]] = ("minimum_count", "most_words")

    minimum_count: int = MINIMUM_COUNT
    most_words: int = MOST_WORDS
