"""Devices by name: one TOML file each says of which kind a device is and what is particular about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ondevice import records
from ondevice.devices.device import Device, registry
from ondevice.toml_family import TomlFamily


@dataclass(frozen=True)
class Profile:
    """A device before it is used.

    Args:
        name: name of the device, the file's name.
        title: one line for lists.
        kind: name of the device's kind.
        options: fields of the kind's class that differ from its defaults.
        sources: where each option comes from, by its name.
    """

    name: str
    title: str
    kind: str
    options: dict[str, int | float | str | bool]
    sources: dict[str, str]


family = TomlFamily("device", Profile, Path(__file__).parent / "profiles", {"options": {}, "sources": {}})
names, load = family.names, family.load


def open_device(name: str) -> Device:
    """Return a device by its name; nothing is started.

    Raises:
        UsageError: there is no device of this name.
    """
    profile = load(name)
    kind = registry.load(profile.kind)
    return records.from_json(kind, {"name": name, **profile.options}, f"options of profile {name}.toml")
