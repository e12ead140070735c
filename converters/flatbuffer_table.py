"""Bounds-checked access to FlatBuffers tables: damaged files end in one error, never in a hang or a crash."""

from __future__ import annotations

import struct

from ondevice.errors import OnDeviceError

MAX_ENTRIES = 20_000_000
"""More than any real model describes: a damaged length must cost neither minutes nor gigabytes."""
ENTRIES_PER_BYTE, ENTRIES_AT_LEAST = 8, 100_000
"""What the bytes of a file describe at most if each is read once: without it, a small file whose tables refer to the
same long vector again and again would cost as much as a large one."""


class Source:
    """The bytes of one file and what may be read of them.

    Args:
        data: the whole file.
        name: what to call the file in messages, quoted already if it is a path.
    """

    def __init__(self, data: memoryview, name: str) -> None:
        self.data = data
        self.name = name
        self.limit = min(MAX_ENTRIES, ENTRIES_AT_LEAST + ENTRIES_PER_BYTE * len(data))
        self._left = self.limit

    def error(self, reason: str) -> OnDeviceError:
        """Build the error that says the file is damaged and how."""
        return OnDeviceError(f"{self.name} is not a readable TFLite file: {reason}.")

    def number(self, code: str, position: int) -> int:
        """Read one integer.

        Args:
            code: its `struct` letter, e.g. `"I"`.
            position: bytes from the start of the file.
        """
        self.require(position, struct.calcsize(f"<{code}"))
        value: int = struct.unpack_from(f"<{code}", self.data, position)[0]
        return value

    def require(self, start: int, size: int) -> None:
        """Raise an `OnDeviceError` unless `size` bytes from `start` lie inside the file."""
        if start < 0 or start + size > len(self.data):
            raise self.error(f"it has {len(self.data)} bytes but refers to bytes {start} to {start + size}")

    def spend(self, entries: int) -> None:
        """Count entries read against the most that a real file of this size has."""
        self._left -= entries
        if self._left < 0:
            raise self.error(f"it claims to describe more than {self.limit} entries in {len(self.data)} bytes")


class Table:
    """One FlatBuffers table: fields by their number in the schema, absent fields as their default.

    Args:
        source: the file.
        position: where the table starts, in bytes from the start of the file.
    """

    def __init__(self, source: Source, position: int) -> None:
        # A table weighs more than a number because a Python object is made of it.
        source.spend(20)
        self.source = source
        self.position = position
        self._vtable = position - source.number("i", position)
        self._vtable_bytes = source.number("H", self._vtable)

    def _field(self, field: int) -> int:
        """Return where a field is stored, 0 if it is absent."""
        slot = 4 + 2 * field
        if slot + 2 > self._vtable_bytes:
            return 0
        offset = self.source.number("H", self._vtable + slot)
        return self.position + offset if offset else 0

    def _follow(self, position: int) -> int:
        return position + self.source.number("I", position)

    def number(self, field: int, code: str, default: int = 0) -> int:
        """Read an integer field of the given `struct` letter."""
        position = self._field(field)
        return self.source.number(code, position) if position else default

    def span(self, field: int, item_bytes: int) -> tuple[int, int]:
        """Return where the items of a vector field start and how many there are, `(0, 0)` if it is absent."""
        position = self._field(field)
        if not position:
            return 0, 0
        vector = self._follow(position)
        count = self.source.number("I", vector)
        self.source.require(vector + 4, count * item_bytes)
        return vector + 4, count

    def numbers(self, field: int, code: str) -> tuple[int, ...]:
        """Read a vector of integers of the given `struct` letter."""
        start, count = self.span(field, struct.calcsize(f"<{code}"))
        self.source.spend(count)
        return struct.unpack_from(f"<{count}{code}", self.source.data, start)

    def text(self, field: int) -> str:
        """Read a string field, empty if it is absent."""
        start, count = self.span(field, 1)
        self.source.spend(count)
        # No runtime asks whether a name is UTF-8.
        return bytes(self.source.data[start : start + count]).decode("utf-8", "backslashreplace")

    def table(self, field: int) -> Table | None:
        """Read a table field, `None` if it is absent."""
        position = self._field(field)
        return Table(self.source, self._follow(position)) if position else None

    def tables(self, field: int) -> list[Table]:
        """Read a vector of tables."""
        start, count = self.span(field, 4)
        # Charged in full before the first one is made, so that a damaged length fails at once.
        self.source.spend(20 * count)
        return [Table(self.source, self._follow(start + 4 * index)) for index in range(count)]
