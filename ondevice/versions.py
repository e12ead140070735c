"""Versions and machine facts that records keep beside their numbers."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

PACKAGES = ("tensorflow", "keras", "tflite-runtime", "ai-edge-litert", "ai-edge-quantizer", "numpy", "scipy")

_BETWEEN = " / "


def package_version(name: str) -> str:
    """Return the version of an installed package, or `"not installed"`; the package is not imported."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def versions() -> dict[str, str]:
    """Return the versions of Python, of this package and of those its results depend on."""
    own = {"python": platform.python_version(), "ondevice": package_version("ondevice")}
    return own | {name: package_version(name) for name in PACKAGES}


def all_of(parts: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return what each key has in any of several records, different values one behind the other, each once."""
    names = dict.fromkeys(name for part in parts for name in part)
    # A record may be one of several itself.
    values = {name: [one for part in parts if name in part for one in part[name].split(_BETWEEN)] for name in names}
    return {name: _BETWEEN.join(dict.fromkeys(found)) for name, found in values.items()}


def now() -> str:
    """Return the time, ISO 8601 with offset."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def machine() -> dict[str, str]:
    """Return system, processor and number of cores of this machine."""
    processor = platform.machine()
    description = Path("/proc/cpuinfo")
    if description.is_file():
        lines = (line.partition(":") for line in description.read_text().splitlines())
        processor = next((value.strip() for key, _, value in lines if key.strip() == "model name"), processor)
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor,
        "cores": str(os.cpu_count()),
    }
