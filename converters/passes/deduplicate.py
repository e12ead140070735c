"""Every constant once: a table that is gathered from and multiplied with as well is two for the converter."""

from __future__ import annotations

import hashlib
from collections import Counter

from ondevice.converters.model_file import SMALLEST, ModelFile
from ondevice.converters.passes import Facts


def apply(file: ModelFile, facts: Facts) -> None:
    """Let every larger constant that equals an earlier one refer to that one's data."""
    lengths = Counter(len(constant) for constant in file.data)
    first: dict[tuple[int, bytes], int] = {}
    same: dict[int, int] = {}
    for index, constant in enumerate(file.data):
        size = len(constant)
        if size >= SMALLEST:
            # A length of its own says enough.
            digest = hashlib.sha256(constant.data).digest() if lengths[size] > 1 else b""
            same[index] = first.setdefault((size, digest), index)
    for tensor in file.tensors():
        tensor.buffer = same.get(tensor.buffer, tensor.buffer)
