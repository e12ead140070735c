"""Devices by name: one TOML file each says of which kind a device is and what is particular about it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from ondevice import records
from ondevice.devices.device import Device, registry
from ondevice.errors import unknown_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROFILES = Path(__file__).parent / "profiles"


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


def names() -> list[str]:
    """List the devices."""
    return sorted(path.stem for path in PROFILES.glob("*.toml"))


def load(name: str) -> Profile:
    """Return a device's profile.

    Raises:
        UsageError: there is no device of this name.
    """
    if name not in names():
        raise unknown_name("device", name, names())
    path = PROFILES / f"{name}.toml"
    profile = tomllib.loads(path.read_text(encoding="utf-8"))
    return records.from_json(Profile, {"name": name, "options": {}, "sources": {}, **profile}, f"profile {path.name}")


def open_device(name: str) -> Device:
    """Return a device by its name; nothing is started.

    Raises:
        UsageError: there is no device of this name.
    """
    profile = load(name)
    kind = registry.load(profile.kind)
    return records.from_json(kind, {"name": name, **profile.options}, f"options of profile {name}.toml")
