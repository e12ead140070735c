"""How an input is cut into words: the same here, in an app and on a web page, since the vocabulary holds the words."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

from ondevice.errors import UsageError, unknown_name

WORDS = "words"
FIELDS = "fields"
NAMES = (WORDS, FIELDS)

BLANKS = " \t\r"
"""What does not count at the ends of a line of fields."""

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
# By code points, not by a language's idea of a letter, on which no two languages agree. Every part of a surrogate pair
# is beyond ASCII, too, so that going by UTF-16 units cuts at the same places.
_WORD = re.compile(r"[A-Za-z0-9'\u0080-\U0010FFFF]+")


FIELD_NAME = "a field's name is one line without = and blanks around it"


def is_field(name: str) -> bool:
    """Tell whether lines can name a field so."""
    return bool(name) and "=" not in name and name.strip(BLANKS).splitlines() == [name]


@dataclass(frozen=True)
class Tokenizer:
    """A way to cut texts into words.

    `"words"`: each letter A to Z becomes lower case if so wanted and nothing else changes; then a word is the longest
    run of ASCII letters, ASCII digits, apostrophes U+0027 and any characters from U+0080 on; all else separates words.

    `"fields"`: lines end with U+000A, and spaces, tabs and U+000D at their ends do not count. There is one word for
    each field, in the order of the fields: of the lines that begin with the field's name and `=` the last one, or
    these alone where there is no such line. All other lines are ignored.

    Args:
        name: one of `NAMES`.
        lowercase: whether A to Z count as a to z; never so for fields.
        fields: names of the fields in order; none for words.

    Raises:
        UsageError: there is no tokenizer of this name, or the fields are not such that lines can name them.
    """

    name: str = WORDS
    lowercase: bool = True
    fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise unknown_name("tokenizer", self.name, NAMES)
        if self.name == WORDS and self.fields:
            raise UsageError(f"fields is {list(self.fields)}; allowed are none for the tokenizer {WORDS!r}.")
        if self.name == FIELDS:
            self._check_fields()

    def _check_fields(self) -> None:
        if self.lowercase:
            raise UsageError(f"lowercase is True; allowed is False for the tokenizer {FIELDS!r}.")
        if not self.fields or len(set(self.fields)) != len(self.fields):
            raise UsageError(f"fields is {list(self.fields)}; allowed is one or more, each once.")
        for field in self.fields:
            if not is_field(field):
                raise UsageError(f"field {field!r} is not allowed; {FIELD_NAME}.")

    def words(self, text: str) -> list[str]:
        """Cut a text into its words, in order."""
        if self.name == FIELDS:
            return self._lines(text)
        return _WORD.findall(text.translate(_LOWER) if self.lowercase else text)

    def _lines(self, text: str) -> list[str]:
        found = {f"{field}=": f"{field}=" for field in self.fields}
        for line in text.split("\n"):
            word = line.strip(BLANKS)
            name = word[: word.find("=") + 1]
            if name in found:
                found[name] = word
        return list(found.values())
