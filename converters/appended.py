"""Small files that travel at the end of a `.tflite` file: a zip archive, which runtimes do not look at."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from ondevice.converters.summary import AppendedFile

STORED_BYTES = 16_384
"""Files up to this size are stored as they are, so that any reader finds their text; larger ones are deflated."""
DATE = (1980, 1, 1, 0, 0, 0)
"""The date of every entry, the oldest that the format knows: equal files give equal bytes."""
_UNIX = 3
_ENTRY = b"PK\x03\x04"
# What the zip reader raises for bytes that happen to look like the end of an archive, or for a damaged one.
_UNREADABLE = (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error)


def append(path: Path, files: Mapping[str, bytes]) -> int:
    """Append an archive to a file and return its size in bytes.

    Args:
        path: a `.tflite` file with nothing appended.
        files: content by name, in the order of the archive.
    """
    before = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(before)
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in files.items():
                entry = zipfile.ZipInfo(name, DATE)
                # Otherwise the system that writes would be told apart.
                entry.create_system, entry.external_attr = _UNIX, 0o644 << 16
                small = len(content) <= STORED_BYTES
                entry.compress_type = zipfile.ZIP_STORED if small else zipfile.ZIP_DEFLATED
                archive.writestr(entry, content, compresslevel=9)
    return path.stat().st_size - before


def archive_in(file: BinaryIO) -> tuple[int, tuple[AppendedFile, ...]]:
    """Return where the archive at the end of an open file starts and what is in it.

    Args:
        file: the file, open for reading.

    Returns:
        bytes from the start of the file to the archive, all where there is none; and the archive's entries.
    """
    end = file.seek(0, io.SEEK_END)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            start = min((entry.header_offset for entry in entries), default=archive.start_dir)
        file.seek(start)
        first = file.read(len(_ENTRY))
    except _UNREADABLE:
        # Bytes that are no archive are the runtime's to judge.
        return end, ()
    # A directory that is damaged may lead anywhere.
    if entries and first != _ENTRY:
        return end, ()
    found = (AppendedFile(entry.filename, entry.file_size, entry.compress_size) for entry in entries)
    return start, tuple(found)
