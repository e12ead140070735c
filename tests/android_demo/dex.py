"""Reads which classes a `.dex` file has and which it speaks of (its format: a header of offsets into tables)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

STRINGS, TYPES, CLASSES = 0x38, 0x40, 0x60
"""Where the header holds number and offset of the table of strings, of types and of classes."""

CLASS_DEFINITION_BYTES = 32


@dataclass(frozen=True)
class Dex:
    """The content of one file.

    Args:
        version: version of the format, e.g. `"037"`.
        defined: names of the classes in the file.
        named: names of all classes that it speaks of.
    """

    version: str
    defined: frozenset[str]
    named: frozenset[str]


def read(content: bytes) -> Dex:
    """Read a file; names are written with points."""

    def table(place: int) -> tuple[int, int]:
        return struct.unpack_from("<II", content, place)

    def text(index: int) -> str:
        (start,) = struct.unpack_from("<I", content, table(STRINGS)[1] + 4 * index)
        # The length comes first, seven bits per byte.
        while content[start] & 0x80:
            start += 1
        return content[start + 1 : content.index(0, start + 1)].decode()

    def name(index: int) -> str:
        return text(struct.unpack_from("<I", content, table(TYPES)[1] + 4 * index)[0])

    types, (count, start) = table(TYPES)[0], table(CLASSES)
    indexes = [struct.unpack_from("<I", content, start + CLASS_DEFINITION_BYTES * each)[0] for each in range(count)]
    return Dex(
        content[4:7].decode(),
        frozenset(_class(name(index)) for index in indexes),
        frozenset(_class(found) for index in range(types) if (found := name(index)).lstrip("[").startswith("L")),
    )


def _class(descriptor: str) -> str:
    return descriptor.lstrip("[")[1:-1].replace("/", ".")
