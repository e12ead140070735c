"""Frozen dataclasses to JSON and back, strictly: a missing, unknown or ill-typed key is an error that names it."""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import Any, TypeVar

import cattrs
import cattrs.v
from cattrs.strategies import configure_union_passthrough

from ondevice import files
from ondevice.errors import OnDeviceError

Record = TypeVar("Record")

Plain = int | float | str | bool
"""What a setting may be."""

REASONS, LONGEST = 8, 200
"""What is wrong with a record is told of so many places, at most, in so many characters each."""

_converter = cattrs.Converter(forbid_extra_keys=True)
configure_union_passthrough(Plain, _converter)


class _WrongType(TypeError):
    """A value is not of the type that its field has; says which value."""


def _strictly(kind: type) -> Any:
    def structure(value: Any, _: type) -> Any:
        # JSON has no separate integers and floats; a whole number may stand for a float, nothing else is converted.
        allowed = (int, float) if kind is float else (kind,)
        if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
            raise _WrongType(f"{reprlib.repr(value)} is not of type {kind.__name__}")
        try:
            return kind(value)
        except OverflowError as error:
            raise _WrongType(f"{reprlib.repr(value)} is too large for type {kind.__name__}") from error

    return structure


for _kind in (bool, int, float, str):
    _converter.register_structure_hook(_kind, _strictly(_kind))


def to_json(record: Any) -> Any:
    """Turn a dataclass into plain dicts, lists, numbers and strings."""
    return _converter.unstructure(record)


def from_json(kind: type[Record], value: Any, what: str) -> Record:
    """Build a dataclass from plain values.

    Args:
        kind: the dataclass.
        value: what `to_json` gave, perhaps read from a file.
        what: what the value is and where it came from, for the message.

    Raises:
        OnDeviceError: a key is missing, unknown or of another type.
    """
    if not isinstance(value, dict):
        raise OnDeviceError(f"{what} does not fit this version of ondevice: {reprlib.repr(value)} is no mapping.")
    try:
        return _converter.structure(value, kind)
    except (cattrs.ClassValidationError, cattrs.ForbiddenExtraKeysError) as error:
        all_found = cattrs.transform_error(error, format_exception=_reason)
        found = [each if len(each) <= LONGEST else f"{each[:LONGEST]}…" for each in all_found]
        more = f"; and {len(found) - REASONS} more" if len(found) > REASONS else ""
        reasons = "; ".join(found[:REASONS]) + more
        raise OnDeviceError(f"{what} does not fit this version of ondevice: {reasons}.") from error


def _reason(error: BaseException, kind: type | None) -> str:
    if isinstance(error, (OnDeviceError, _WrongType)):
        return str(error).rstrip(".")
    if isinstance(error, AttributeError):
        return "expected a mapping"
    return cattrs.v.format_exception(error, kind)


def write(path: Path, record: Any) -> None:
    """Write a dataclass as a JSON file, whole or not at all."""
    files.write_json(path, to_json(record))


def read(kind: type[Record], path: Path, what: str) -> Record:
    """Read a dataclass from a JSON file.

    Raises:
        UsageError: there is no such file.
        OnDeviceError: the content is not this kind of record.
    """
    return from_json(kind, files.read_json(path, what), f"{what} {str(path)!r}")
