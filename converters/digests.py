"""What a file's constants are, so that whoever has the file alone can tell whether they are those that were proven."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ondevice.converters.flatbuffer import read


def constant_digests(model: Path | bytes) -> tuple[str, ...]:
    """Return the SHA-256 of every constant of a file, each place of the file once, in the order of the places.

    Args:
        model: the file.

    Raises:
        OnDeviceError: it is damaged.
    """
    content = model.read_bytes() if isinstance(model, Path) else model
    spans = read(content).spans
    return tuple(hashlib.sha256(content[start : start + size]).hexdigest() for start, size in spans)
