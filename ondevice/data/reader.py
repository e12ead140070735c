"""The base of every reader, and how its files are found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ondevice.data.labelled import MINIMUM_COUNT, MOST_WORDS, SPLITS
from ondevice.data.split_data import SplitData
from ondevice.errors import UsageError
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


registry: Registry[Reader] = Registry("reader", "ondevice.data.readers", Reader)


def regular(path: Path) -> Path:
    """Return a file that has an end.

    Raises:
        UsageError: it is a folder, a pipe or a device.
    """
    if not path.is_file():
        raise UsageError(f"data {str(path)!r} is no regular file; allowed is one, not a folder, pipe or device.")
    return path


def find(folder: Path, name: str) -> Path:
    """Return `folder/name` or `folder/name.gz`, whichever exists.

    Raises:
        UsageError: neither does, or it is no regular file.
    """
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return regular(path)
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
        UsageError: there is none, or more than one, or it is no regular file.
    """
    if path is None or not path.exists():
        raise UsageError(f"data {str(path)!r} does not exist; it must be a {kind} of {of}.")
    if not path.is_dir():
        return regular(path)
    found = sorted(each for pattern in patterns for each in path.glob(pattern))
    if len(found) != 1:
        raise UsageError(f"data folder {str(path)!r} holds {len(found)} {kind}s; it must hold one.")
    return regular(found[0])
