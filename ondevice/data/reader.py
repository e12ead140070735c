"""The base of every reader, and the line parsing that the text formats share."""

from __future__ import annotations

import gzip
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ondevice.data.labelled import MINIMUM_COUNT, MOST_WORDS, SPLITS
from ondevice.data.split_data import SplitData
from ondevice.errors import OnDeviceError, UsageError
from ondevice.registry import Registry


class Reader(ABC):
    """Reads one format of data."""

    settings: ClassVar[tuple[str, ...]] = ()
    """Training settings that the reader takes by name."""

    @abstractmethod
    def read(self, name: str, path: Path | None) -> SplitData:
        """Read a data set.

        Args:
            name: name to give it.
            path: folder or file of the data.

        Raises:
            UsageError: a file is missing.
            OnDeviceError: a file is malformed; the message names file and line.
        """


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


DIGITS = 18
"""Digits of an integer in a file, at most; more would not fit 64 bits."""

registry: Registry[Reader] = Registry("reader", "ondevice.data.readers", Reader)


def find(folder: Path, name: str) -> Path:
    """Return `folder/name` or `folder/name.gz`, whichever exists.

    Raises:
        UsageError: neither does.
    """
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise UsageError(f"data file {str(folder / name)!r} does not exist, nor does {name}.gz beside it.")


def split_files(path: Path | None, ending: str) -> dict[str, Path]:
    """Return the files of a folder with one for each split, each perhaps with `.gz`, by the names of `SPLITS`.

    Args:
        path: the folder.
        ending: what each name ends with, e.g. `".txt"`.

    Raises:
        UsageError: it is no folder, or a file is missing.
    """
    names = [f"{split}{ending}" for split in SPLITS]
    if path is None or not path.is_dir():
        raise UsageError(f"data {str(path)!r} is not a folder; it must hold {names[0]}, {names[1]} and {names[2]}.")
    return {split: find(path, name) for split, name in zip(SPLITS, names, strict=True)}


def refuse_files(path: Path | None, what: str) -> None:
    """Raise a `UsageError` if a path is given for data that are made, e.g. `"synthetic texts are"`."""
    if path is not None:
        raise UsageError(f"data is {str(path)!r}, but {what} made, not read; leave --data out.")


def only_file(path: Path | None, patterns: tuple[str, ...], kind: str, of: str) -> Path:
    """Return a file, or the only one of its kind in a folder.

    Args:
        path: the file or the folder.
        patterns: how files of the kind are named.
        kind: what one is called in messages, e.g. `".tar.gz archive"`.
        of: what it holds.

    Raises:
        UsageError: there is none, or more than one.
    """
    if path is None or not path.exists():
        raise UsageError(f"data {str(path)!r} does not exist; it must be a {kind} of {of}.")
    if path.is_file():
        return path
    found = sorted(each for pattern in patterns for each in path.glob(pattern))
    if len(found) != 1:
        raise UsageError(f"data folder {str(path)!r} holds {len(found)} {kind}s; it must hold one.")
    return found[0]


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Give number and text of every line that is not blank, of a plain or gzip-compressed file, its end included.

    Raises:
        OnDeviceError: the file is not readable text.
    """
    # Lines end with \n, \r\n or \r, and not with what only Unicode takes for an end.
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        try:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, line
        except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise OnDeviceError(f"{path} is not a whole text or gzip file: {error}.") from error


def integer_lines(path: Path) -> Iterator[tuple[int, list[int]]]:
    """Give number and integers of every line of whitespace-separated ones from zero that is not blank.

    Raises:
        OnDeviceError: a line holds something else, or the file is not readable text.
    """
    for number, line in text_lines(path):
        words = line.split()
        bad = next((word for word in words if not word.isascii() or not word.isdigit()), None)
        if bad is not None:
            raise OnDeviceError(f"{path}, line {number}: {bad[:40]!r} is not an integer of at least 0.")
        long = next((word for word in words if len(word) > DIGITS), None)
        if long is not None:
            raise OnDeviceError(f"{path}, line {number}: {long[:40]!r} has more than {DIGITS} digits.")
        yield number, [int(word) for word in words]
