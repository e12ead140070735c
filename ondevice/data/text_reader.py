"""The base of the readers of texts: how often a word must occur, and how many words get an id."""

from __future__ import annotations

from typing import ClassVar

from ondevice.data.labelled import MINIMUM_COUNT, MOST_WORDS
from ondevice.data.reader import Reader


class TextReader(Reader):
    """Reads texts, of which words become items.

    Args:
        minimum_count: how often a word must occur in training, at least.
        most_words: number of words, at most.
    """

    settings: ClassVar[tuple[str, ...]] = ("minimum_count", "most_words")

    def __init__(self, minimum_count: int = MINIMUM_COUNT, most_words: int = MOST_WORDS) -> None:
        self.minimum_count = minimum_count
        self.most_words = most_words
