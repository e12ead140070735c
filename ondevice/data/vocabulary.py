"""The vocabulary: item keys in id order. It ships with the model, so the order of ids is free to choose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ondevice import files
from ondevice.data.lists import IntArray, padded
from ondevice.errors import OnDeviceError, UsageError
from ondevice.ids import RESERVED_IDS, UNKNOWN_ID
from ondevice.tokenizer import Tokenizer

RESERVED_KEYS = ("<padding>", "<unknown>")
OTHER_BREAKS = "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""All that ends a line for `str.splitlines`, but for the one that does so in the file."""


@dataclass(frozen=True)
class Vocabulary:
    """Keys by id: `keys[0]` and `keys[1]` are padding and unknown, the rest are items.

    Raises:
        UsageError: a key occurs twice, is empty or holds a line break.
    """

    keys: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.keys[:RESERVED_IDS] != RESERVED_KEYS:
            raise UsageError(f"vocabulary starts with {self.keys[:RESERVED_IDS]}; it must start with {RESERVED_KEYS}.")
        if _any_equal(self.keys):
            twice = Counter(self.keys).most_common(1)[0][0]
            raise UsageError(f"vocabulary key {twice!r} occurs twice; every key needs an id of its own.")
        # All at once; one by one only where there is something to name.
        lines = "\n".join(self.keys)
        if "" in self.keys or lines.count("\n") != len(self.keys) - 1 or any(each in lines for each in OTHER_BREAKS):
            wrong = next(key for key in self.keys if key.splitlines() != [key])
            raise UsageError(f"vocabulary key {wrong!r} is not allowed; a key is one non-empty line.")

    @classmethod
    def of_items(cls, item_keys: tuple[str, ...], arrangement: npt.NDArray[np.int64]) -> Vocabulary:
        """Give ids to items: `arrangement[p]` is the number of the item that gets id `p + 2`."""
        return cls((*RESERVED_KEYS, *(item_keys[item] for item in arrangement)))

    def __len__(self) -> int:
        """Return the number of ids, reserved ones included."""
        return len(self.keys)

    def ids(self, item_keys: tuple[str, ...]) -> npt.NDArray[np.int32]:
        """Return the id of each of these items, int32 `[items]`.

        Raises:
            OnDeviceError: an item is not in the vocabulary.
        """
        by_key = {key: number for number, key in enumerate(self.keys)}
        missing = next((key for key in item_keys if key not in by_key), None)
        if missing is not None:
            raise OnDeviceError(f"item {missing!r} is not in the vocabulary of {len(self):,} ids.")
        return np.array([by_key[key] for key in item_keys], np.int32)

    def write(self, path: Path) -> None:
        """Write one key per line, so that the line number (from zero) is the id."""
        files.write_text(path, "".join(f"{key}\n" for key in self.keys))

    @classmethod
    def read(cls, path: Path) -> Vocabulary:
        """Read what `write` wrote.

        Raises:
            UsageError: there is no such file.
            OnDeviceError: the file is cut off or not text.
        """
        return cls(read_keys(path))


def read_keys(path: Path) -> tuple[str, ...]:
    """Read the keys of a vocabulary file of any model, in the order of their ids.

    Args:
        path: the file, one key per line.

    Raises:
        UsageError: there is no such file.
        OnDeviceError: the file is cut off or not text.
    """
    if not path.is_file():
        raise UsageError(f"vocabulary {str(path)!r} does not exist.")
    try:
        *keys, rest = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise OnDeviceError(f"vocabulary {str(path)!r} is not a text file: {error}.") from error
    if rest:
        raise OnDeviceError(f"vocabulary {str(path)!r} is cut off: its last line {rest[:40]!r} has no end.")
    return tuple(keys)


def text_ids(keys: Iterable[str], texts: Iterable[str], tokenizer: Tokenizer, length: int) -> IntArray:
    """Return the ids of the last words of every text, filled with padding behind, int32 `[texts, length]`.

    Args:
        keys: the key of every id.
        texts: the texts.
        tokenizer: how to cut them.
        length: words per text, at most.
    """
    by_key = {key: number for number, key in enumerate(keys)}
    return padded([[by_key.get(word, UNKNOWN_ID) for word in tokenizer.words(text)] for text in texts], length)


def _any_equal(keys: tuple[str, ...]) -> bool:
    # Millions of hashes are sorted sooner than put into a set, and equal ones are rare.
    hashes = np.fromiter(map(hash, keys), np.int64, len(keys))
    hashes.sort()
    return bool((hashes[1:] == hashes[:-1]).any()) and len(set(keys)) != len(keys)
