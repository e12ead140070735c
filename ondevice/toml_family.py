"""A family of records: one folder, one TOML file per member, the file's name is the member's name."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from ondevice import files, records
from ondevice.errors import OnDeviceError, UsageError, unknown_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Record = TypeVar("Record")

FILE_TYPES = (".toml", ".json")
"""Endings of the files that a member of the user's own may come from."""


def member_names(folder: Path) -> list[str]:
    """List the members of a folder."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def load_member(
    kind: type[Record], folder: Path, name: str, what: str, defaults: Mapping[str, Any] | None = None
) -> Record:
    """Read one member.

    Args:
        kind: dataclass of the record; its field `name` gets the member's name.
        folder: where the members are.
        name: name of the member.
        what: what a member is called in messages, e.g. `"recipe"`.
        defaults: values of keys that a file may leave out.

    Raises:
        UsageError: no file has this name.
        OnDeviceError: the file does not fit the record.
    """
    if name not in member_names(folder):
        raise unknown_name(what, name, member_names(folder))
    path = folder / f"{name}.toml"
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    return records.from_json(kind, {"name": name, **(defaults or {}), **values}, f"{what} {path.name}")


def load_file(kind: type[Record], path: Path, what: str) -> Record:
    """Read a member that is no part of the family's folder: a file of the user's own.

    Args:
        kind: dataclass of the record; its field `name` gets the file's name without the ending.
        path: a file of one of `FILE_TYPES`.
        what: what a member is called in messages, e.g. `"recipe"`.

    Raises:
        UsageError: there is no such file.
        OnDeviceError: the file does not fit the record.
    """
    if path.suffix == ".json":
        values = files.read_json(path, what)
    elif not path.is_file():
        raise UsageError(f"{what} {str(path)!r} is no file.")
    else:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise OnDeviceError(f"{what} {str(path)!r} is no TOML file: {error}.") from error
    if isinstance(values, dict) and "name" in values:
        raise OnDeviceError(f"{what} {str(path)!r} has a field name; allowed is none, the file's name is its name.")
    named = {**values, "name": path.stem} if isinstance(values, dict) else values
    return records.from_json(kind, named, f"{what} {str(path)!r}")
