"""NumPy's files read strictly: whatever is wrong with one is an error that names it."""

from __future__ import annotations

import os
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.errors import OnDeviceError
from ondevice.units import format_bytes

DAMAGE = (
    OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, MemoryError, OverflowError, RuntimeError,
    SyntaxError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What NumPy and Keras let through of a file that is cut off or was changed."""


def require_unpacked_size(path: Path) -> None:
    """Refuse a zip archive that unpacks to more than this machine's memory, whatever it is said to be.

    Raises:
        ValueError: it does.
        zipfile.BadZipFile: it is no whole archive.
    """
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > (memory := os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")):
        raise ValueError(
            f"it unpacks to {format_bytes(unpacked)}, and this machine has {format_bytes(memory)} of memory"
        )


def read_archive(path: Path, what: str) -> dict[str, npt.NDArray[Any]]:
    """Read all arrays of a `.npz` file by name.

    Args:
        path: the file.
        what: what it is, for the message.

    Raises:
        OnDeviceError: it is damaged.
    """
    try:
        require_unpacked_size(path)
        # Given a path, NumPy leaves a file open that is no whole archive.
        with path.open("rb") as file, np.load(file) as stored:
            return dict(stored)
    except DAMAGE as error:
        raise _unreadable(path, what, error) from error


def read_array(path: Path, what: str) -> npt.NDArray[Any]:
    """Read the array of a `.npy` file; the arguments are those of `read_archive`.

    Raises:
        OnDeviceError: it is damaged.
    """
    try:
        with path.open("rb") as file:
            found: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)  # type: ignore[no-untyped-call]
            return found
    except DAMAGE as error:
        raise _unreadable(path, what, error) from error


def _unreadable(path: Path, what: str, error: BaseException) -> OnDeviceError:
    return OnDeviceError(f"{what} {str(path)!r} can't be read: {str(error)[:200] or type(error).__name__}.")
