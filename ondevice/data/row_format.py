"""The base of every format that holds a table: named columns, read some rows at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ondevice.errors import UsageError
from ondevice.registry import Registry

if TYPE_CHECKING:
    import pyarrow as pa

COMPRESSED = (".gz", ".zst")
"""Endings that may follow the one of a text format."""


class RowFormat(ABC):
    """A file of rows.

    Args:
        path: the file.
        separator: what stands between two values of a row; empty for the format's own.
        names: names of the columns, where the file doesn't say them.
    """

    endings: ClassVar[tuple[str, ...]]
    """How files of the format are named, without the ending of a compression."""

    def __init__(self, path: Path, separator: str = "", names: Sequence[str] = ()) -> None:
        self.path = path
        self.separator = separator
        self.given_names = tuple(names)

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns.

        Raises:
            OnDeviceError: the file is malformed.
        """

    @abstractmethod
    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Give the rows in their order, of these columns only, some at a time.

        Raises:
            OnDeviceError: the file is malformed; the message names the row.
        """

    @property
    def first_row(self) -> int:
        """What the first row is called: its line where lines are rows."""
        return 1

    def refuse_names(self) -> None:
        """Raise a `UsageError` if names or a separator were given to a format that has its own."""
        for what, value in (("names", self.given_names), ("separator", self.separator)):
            if value:
                raise UsageError(f"{what} is given; allowed is it only for a text with separated values.")


registry: Registry[RowFormat] = Registry("table format", "ondevice.data.formats", RowFormat)


def ending(path: Path) -> str:
    """Return the ending that names a file's format, in lower case."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return (
        (suffixes[-2] if len(suffixes) > 1 else "") if suffixes and suffixes[-1] in COMPRESSED else path.suffix.lower()
    )


def all_endings() -> dict[str, str]:
    """Return the format of every ending."""
    return {end: name for name in registry.names() for end in registry.load(name).endings}


def open_rows(path: Path, separator: str = "", names: Sequence[str] = ()) -> RowFormat:
    """Return a file in the format that its name says.

    Raises:
        UsageError: the name says none.
    """
    known = all_endings()
    if ending(path) not in known:
        raise UsageError(
            f"data {str(path)!r} has no ending of a table; allowed are {', '.join(sorted(known))}, those of texts also "
            f"with {' or '.join(COMPRESSED)} behind."
        )
    return registry.load(known[ending(path)])(path, separator, names)
