"""How a text is cut into words: the same here, in an app and on a web page, since the vocabulary holds these words."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

from ondevice.errors import unknown_name

WORDS = "words"
NAMES = (WORDS,)

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
# By code points, not by a language's idea of a letter, on which no two languages agree. Every part of a surrogate pair
# is beyond ASCII, too, so that going by UTF-16 units cuts at the same places.
_WORD = re.compile(r"[A-Za-z0-9'\u0080-\U0010FFFF]+")


@dataclass(frozen=True)
class Tokenizer:
    """A way to cut texts into words.

    `"words"`: each letter A to Z becomes lower case if so wanted and nothing else changes; then a word is the longest
    run of ASCII letters, ASCII digits, apostrophes U+0027 and any characters from U+0080 on; all else separates words.

    Args:
        name: one of `NAMES`.
        lowercase: whether A to Z count as a to z.

    Raises:
        UsageError: there is no tokenizer of this name.
    """

    name: str = WORDS
    lowercase: bool = True

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise unknown_name("tokenizer", self.name, NAMES)

    def words(self, text: str) -> list[str]:
        """Cut a text into its words, in order."""
        return _WORD.findall(text.translate(_LOWER) if self.lowercase else text)
