"""What `run` and `sweep` have in common: a plan of trainings, kept in a folder that the same request goes on in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

from ondevice import files, records
from ondevice.data import begun
from ondevice.data.split_data import SplitData
from ondevice.errors import OnDeviceError, UsageError


@dataclass(frozen=True)
class Grid:
    """A plan of trainings."""

    kind: ClassVar[str]
    """What a folder with such a plan holds, e.g. `"a sweep"`."""
    file: ClassVar[str]
    """Name of the file that keeps the plan."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if isinstance(value := getattr(self, field.name), list):
                object.__setattr__(self, field.name, tuple(value))

    def began(self, folder: Path) -> bool:
        """Tell whether a folder was begun with this very plan."""
        try:
            return records.read(type(self), folder / self.file, "plan") == self
        except OnDeviceError:
            # There is none, or what another version has left, which is another request.
            return False

    def claim(self, folder: Path, data: SplitData, *, taken_over: bool = False) -> None:
        """Start a folder, or go on with one that the same plan began with the same data.

        Args:
            folder: the folder.
            data: the data set.
            taken_over: whether it may hold something although no plan began it.

        Raises:
            UsageError: the folder is taken by something else.
        """
        path = folder / self.file
        if path.is_file() and not self.began(folder):
            raise UsageError(f"output {str(folder)!r} holds {self.kind} of another request; see its {self.file}.")
        if not path.is_file() and not taken_over:
            files.refuse_existing(folder)
        begun.require_same(folder, data)
        records.write(path, self)
        begun.write(folder, data)


def require_each_once(name: str, values: Sequence[object]) -> None:
    """Raise a `UsageError` unless there are values and none of them is there twice."""
    if not values or len(set(values)) != len(values):
        raise UsageError(f"{name} is {list(values)}; allowed is one or more, each once.")
