"""What data a folder was begun with, so that going on with others is noticed before anything is written."""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ondevice import files
from ondevice.errors import UsageError

if TYPE_CHECKING:
    from ondevice.data.split_data import SplitData

DATA_FILE = "data.sha256"
"""Holds the digest of the data that everything in the folder was trained on."""

NOT_TRAINED_ON = ("name", "notes")


def require_same(folder: Path, data: SplitData) -> None:
    """Refuse to go on in a folder that was begun with other data.

    Raises:
        UsageError: it was.
    """
    path = folder / DATA_FILE
    if path.is_file() and path.read_text(encoding="utf-8").strip() != data.digest:
        raise UsageError(
            f"output {str(folder)!r} was begun with other data than {data.name!r} has now, see its {DATA_FILE}; bring "
            f"those back to go on, or name a new folder."
        )


def write(folder: Path, data: SplitData) -> None:
    """Say what data a folder is begun with."""
    files.write_text(folder / DATA_FILE, f"{data.digest}\n")


def digest(data: Any) -> str:
    """Return the hexadecimal SHA-256 of everything that training reads of data: content, order and split."""
    found = hashlib.sha256()
    _add(found, data)
    return found.hexdigest()


def _add(found: Any, value: Any) -> None:
    if is_dataclass(value):
        for field in fields(value):
            if field.name not in NOT_TRAINED_ON:
                found.update(f"{field.name}:".encode())
                _add(found, getattr(value, field.name))
    elif isinstance(value, np.ndarray):
        found.update(f"{value.dtype.str}{value.shape}:".encode())
        found.update(np.ascontiguousarray(value))
    else:
        found.update(f"{value!r}:".encode())
