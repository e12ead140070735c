"""A family of records: one folder, one TOML file per member, the file's name is the member's name."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from ondevice import files, records
from ondevice.errors import OnDeviceError, UsageError, unknown_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Record = TypeVar("Record")

FILE_TYPES = (".toml", ".json")
"""Endings of the files that a member of the user's own may come from."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file."""
    return tomllib.loads(path.read_text(encoding="utf-8-sig"))


class TomlFamily(Generic[Record]):
    """Finds the members of a family by their file names.

    Args:
        kind: what a member is called in messages, e.g. `"recipe"`.
        record: dataclass of a member; its field `name` gets the file's name without the ending.
        folder: where the members are.
        defaults: values of keys that a file may leave out.
    """

    def __init__(
        self, kind: str, record: type[Record], folder: Path, defaults: Mapping[str, Any] | None = None
    ) -> None:
        self.kind = kind
        self.record = record
        self.folder = folder
        self.defaults = defaults or {}

    def names(self) -> list[str]:
        """List the members."""
        return sorted(path.stem for path in self.folder.glob("*.toml"))

    def load(self, name: str) -> Record:
        """Read one member.

        Raises:
            UsageError: no file has this name.
            OnDeviceError: the file does not fit the record.
        """
        if name not in self.names():
            raise unknown_name(self.kind, name, self.names())
        path = self.folder / f"{name}.toml"
        values = read_toml(path)
        return records.from_json(self.record, {"name": name, **self.defaults, **values}, f"{self.kind} {path.name}")

    def load_file(self, path: Path) -> Record:
        """Read a member that is no part of the family's folder: a file of the user's own, of one of `FILE_TYPES`.

        Raises:
            UsageError: there is no such file.
            OnDeviceError: the file does not fit the record.
        """
        what = f"{self.kind} {str(path)!r}"
        if path.suffix == ".json":
            values = files.read_json(path, self.kind)
        elif not path.is_file():
            raise UsageError(f"{what} is no file.")
        else:
            try:
                values = read_toml(path)
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise OnDeviceError(f"{what} is no TOML file: {error}.") from error
        if isinstance(values, dict) and "name" in values:
            raise OnDeviceError(f"{what} has a field name; allowed is none, the file's name is its name.")
        return records.from_json(
            self.record, {**values, "name": path.stem} if isinstance(values, dict) else values, what
        )
