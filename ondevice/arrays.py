"""NumPy's files read strictly: whatever is wrong with one is an error that names it."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.errors import OnDeviceError

_DAMAGE = (
    OSError, ValueError, KeyError, TypeError, EOFError, MemoryError, OverflowError, RuntimeError, SyntaxError,
    struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What NumPy lets through of a file that is cut off or was changed."""


def read_archive(path: Path, what: str) -> dict[str, npt.NDArray[Any]]:
    """Read all arrays of a `.npz` file by name.

    Args:
        path: the file.
        what: what it is, for the message.

    Raises:
        OnDeviceError: it is damaged.
    """
    try:
        # Given a path, NumPy leaves a file open that is no whole archive.
        with path.open("rb") as file, np.load(file) as stored:
            return dict(stored)
    except _DAMAGE as error:
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
    except _DAMAGE as error:
        raise _unreadable(path, what, error) from error


def _unreadable(path: Path, what: str, error: BaseException) -> OnDeviceError:
    return OnDeviceError(f"{what} {str(path)!r} can't be read: {str(error)[:200] or type(error).__name__}.")
