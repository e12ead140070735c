"""Lines of text files, plain or compressed: what the readers of text have in common."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ondevice.data.keys import ALLOWED, Numbers, is_key
from ondevice.data.lists import IntArray, Lists
from ondevice.errors import OnDeviceError

LONGEST_LINE = 1 << 24
"""Characters of a line, at most; a longer one is refused before it is held."""

_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^ \t\r\n\v\f]+")
"""What stands between blanks; a no-break space is none."""


class UserLists(NamedTuple):
    """What a file says of each user.

    Args:
        users: the number of each line's user, int32 `[lines]`.
        lists: the numbers of each line's items.
        repeated: how many items were left out because their line has them already.
    """

    users: IntArray
    lists: Lists
    repeated: int

    def of(self, users: Sequence[int]) -> Lists:
        """Return the lists of these users, empty ones for those of whom the file says nothing."""
        lines = np.full(1 + max((*users, *self.users), default=0), len(self.users))
        lines[self.users] = np.arange(len(self.users))
        lists = Lists(np.append(self.lists.offsets, self.lists.offsets[-1]), self.lists.values)
        return lists.at(lines[np.asarray(users, np.int64)])


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Give number and text of every line that is not blank, of a plain or compressed file, its end included.

    The mark that some programs begin a file with is no part of the first line.

    Raises:
        OnDeviceError: the file is not whole, or a line is no text or too long.
    """
    # Lines end with \n, \r\n or \r, and not with what only Unicode takes for an end.
    number = 0
    # What is no UTF-8 is let through, so that the line it stands in can be named.
    with _opened(path) as file, io.TextIOWrapper(file, "utf-8-sig", "surrogateescape") as lines:
        try:
            while line := lines.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    raise OnDeviceError(
                        f"{path}, line {number} is too long; allowed are {LONGEST_LINE:,} characters at most."
                    )
                if "\0" in line or not (line.isascii() or _is_text(line)):
                    raise OnDeviceError(f"{path}, line {number} is not text; allowed is UTF-8 without U+0000.")
                if line.strip():
                    yield number, line
        except (EOFError, OSError, zlib.error) as error:
            kind = "Zstandard" if path.suffix == ".zst" else "gzip"
            raise OnDeviceError(f"{path} is not a whole {kind} file: {error}.") from error


def _opened(path: Path) -> Any:
    if path.suffix == ".zst":
        import pyarrow as pa

        return pa.input_stream(str(path), compression="zstd")
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _is_text(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_user_lists(path: Path, users: Numbers, items: Numbers, *, once: bool) -> UserLists:
    """Read `user item item …` lines, of which each user has one.

    Args:
        path: the file.
        users: numbers of the users met so far, to which new ones are added.
        items: the same of the items.
        once: whether an item counts once per line, at its first place.

    Raises:
        OnDeviceError: a user has a second line, a word is no key, the first line names columns, or the file is not
            readable text.
    """
    seen = bytearray()
    found, offsets, values = array("i"), array("q", [0]), array("i")
    first: list[str] = []
    words = 0
    for number, line in text_lines(path):
        user, *keys = _WORD.findall(line)
        first = first or [user, *keys]
        known = len(users), len(items)
        place = users[user]
        words += len(keys)
        values.extend(map(items.__getitem__, dict.fromkeys(keys) if once else keys))
        new = (*islice(reversed(users), len(users) - known[0]), *islice(reversed(items), len(items) - known[1]))
        bad = next((key for key in new if not is_key(key)), None)
        if bad is not None:
            raise OnDeviceError(f"{path}, line {number}: {bad[:40]!r} is no key; {ALLOWED}.")
        seen.extend(bytes(max(0, place + 1 - len(seen))))
        if seen[place]:
            raise OnDeviceError(f"{path}, line {number}: user {user} has a second line; each user has one.")
        seen[place] = 1
        found.append(place)
        offsets.append(len(values))
    if _names_columns(first, users, items):
        raise OnDeviceError(
            f"{path}: the first line, {' '.join(first)[:40]!r}, holds no digit, as every other key does, so it names "
            f"columns; allowed are lines of data alone."
        )
    lists = Lists(np.frombuffer(offsets, np.int64), np.frombuffer(values, np.int32))
    return UserLists(np.frombuffer(found, np.int32), lists, words - len(values))


def _names_columns(words: list[str], *keys: Iterable[str]) -> bool:
    """Tell whether words are a header and no data: none of them holds a digit, and all other keys do."""
    if not words or any(map(_DIGIT.search, words)):
        return False
    others = set().union(*keys).difference(words)
    return bool(others) and all(map(_DIGIT.search, others))
