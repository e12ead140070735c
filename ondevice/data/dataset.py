"""Data sets by name: one TOML file each says which reader reads it and which settings suit it."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ondevice.data.labelled import DATA_SETTINGS, LENGTHS
from ondevice.data.reader import registry
from ondevice.data.split_data import SplitData
from ondevice.errors import UsageError
from ondevice.toml_family import TomlFamily


@dataclass(frozen=True)
class Dataset:
    """What is known of a data set before it is read.

    Args:
        name: name of the data set, the file's name.
        title: one line for lists.
        reader: name of the reader.
        source: where the data comes from and how its settings were found.
        history_length: ids per call of the exported model; 0 for a click log, whose fields say it.
        training: settings of the training that differ from the defaults, by field name.
        table: which column is what where the data are a table, see `ondevice.data.columns`.
        alike: data of one's own that are read so: patterns of the file's name, or of files that a folder must all hold,
            each list of patterns another way.
    """

    name: str
    title: str
    reader: str
    source: str
    history_length: int
    training: dict[str, int | float]
    table: dict[str, int | float | str | bool] = field(default_factory=dict)
    alike: tuple[tuple[str, ...], ...] = ()

    @property
    def of_fields(self) -> bool:
        """Whether every example has one id per field, so that nobody else says how many."""
        return self.history_length == 0

    def require_settings(self, given: Iterable[str]) -> None:
        """Refuse training settings that only other data have.

        Raises:
            UsageError: one of the names given is such a setting.
        """
        for name in given:
            if name in DATA_SETTINGS and name not in registry.load(self.reader).settings:
                kinds = DATA_SETTINGS[name]
                raise UsageError(
                    f"setting {name} is given; allowed is it only for {kinds}, which {self.name!r} has not."
                )
            if name in LENGTHS and self.of_fields:
                raise UsageError(f"setting {name} is given; of {self.name!r} the number of fields says it.")

    def likeness(self, path: Path) -> int:
        """Return how many names of files this data set is known by are there; 0 where one of them is missing."""
        names = [path.name] if path.is_file() else [each.name for each in path.iterdir()]
        like = (patterns for patterns in self.alike if all(fnmatch.filter(names, pattern) for pattern in patterns))
        return max(map(len, like), default=0)

    def read(self, path: Path | None, settings: Mapping[str, Any] | None = None) -> SplitData:
        """Read the data with the data set's reader.

        Args:
            path: its files; None for a generated one.
            settings: training settings that differ from the data set's, of which a reader may want some.

        Raises:
            UsageError: a file is missing.
            OnDeviceError: a file is malformed.
        """
        reader = registry.load(self.reader)
        chosen = {**self.training, **(settings or {})}
        chosen["table"] = {**self.table, **chosen.get("table", {})}
        return reader(**{name: chosen[name] for name in reader.settings if name in chosen}).read(self.name, path)


family = TomlFamily("dataset", Dataset, Path(__file__).parent / "datasets")
names, load = family.names, family.load


def recognised(path: Path) -> str:
    """Return the name of the data set that files of one's own are read as.

    Raises:
        UsageError: there is nothing, or the files could be of several data sets or of none.
    """
    if not path.exists():
        raise UsageError(f"data {str(path)!r} does not exist.")
    every = [load(name) for name in names()]
    # Three names that fit say more than one.
    most = max(each.likeness(path) for each in every)
    found = [each.name for each in every if most and each.likeness(path) == most]
    if len(found) != 1:
        looks = "could be several things" if found else "is named as nothing that is known"
        choices = found or [each.name for each in every if each.alike]
        listed = ", ".join(f"--dataset {name}" for name in choices)
        raise UsageError(f"data {str(path)!r} {looks}; say which: {listed}.")
    return found[0]
