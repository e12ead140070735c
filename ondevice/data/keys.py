"""Keys: any text of one line that a vocabulary can list, numbered as it is met and kept as it is written."""

from __future__ import annotations

LONGEST_KEY = 1_000
"""Characters of a key, at most, whatever it is read from."""

ALLOWED = f"a key is one line of 1 to {LONGEST_KEY:,} characters"


def is_key(text: str) -> bool:
    """Tell whether a text can be a key: what other systems take for the end of a line can't be part of one."""
    return len(text) <= LONGEST_KEY and text.splitlines() == [text]


class Numbers(dict[str, int]):
    """The number of every key, given when the key is first asked for."""

    def __missing__(self, key: str) -> int:
        """Number a new key."""
        number = self[key] = len(self)
        return number


def place(key: str) -> tuple[bool, int, str]:
    """Return what keys are sorted by: whole numbers by their value, all others after them in alphabetical order."""
    whole = key.isascii() and key.isdigit()
    return not whole, int(key) if whole else 0, key
