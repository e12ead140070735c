"""Data sets by name: one TOML file each says which reader reads it and which settings suit it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ondevice.data.interactions import Interactions
from ondevice.data.reader import registry
from ondevice.toml_family import load_member, member_names

PROFILES = Path(__file__).parent / "datasets"


@dataclass(frozen=True)
class Dataset:
    """What is known of a data set before it is read.

    Args:
        name: name of the data set, the file's name.
        title: one line for lists.
        reader: name of the reader.
        source: where the data comes from and how its settings were found.
        history_length: ids per call of the exported model.
        training: settings of the training that differ from the defaults, by field name.
    """

    name: str
    title: str
    reader: str
    source: str
    history_length: int
    training: dict[str, int | float]

    def read(self, path: Path | None) -> Interactions:
        """Read the data with the data set's reader."""
        return registry.load(self.reader)().read(self.name, path)


def names() -> list[str]:
    """List the data sets."""
    return member_names(PROFILES)


def load(name: str) -> Dataset:
    """Return a data set's profile.

    Raises:
        UsageError: there is no data set of this name.
    """
    return load_member(Dataset, PROFILES, name, "dataset")
