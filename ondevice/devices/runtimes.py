"""The one table of runtimes that can run a `.tflite` file."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass

from ondevice.errors import unknown_name


@dataclass(frozen=True)
class Runtime:
    """A runtime as a Python package.

    Args:
        name: what the runtime is called in jobs and reports.
        module: dotted name of the module that defines `Interpreter`.
        distribution: name of the package on the package index.
        wheels: where the package can be installed, for the message when it is missing.
    """

    name: str
    module: str
    distribution: str
    wheels: str


_ALL = (
    Runtime(
        name="tflite-2.14",
        module="tflite_runtime.interpreter",
        distribution="tflite-runtime",
        wheels="Linux with Python 3.11 or older",
    ),
    Runtime(
        name="litert",
        module="ai_edge_litert.interpreter",
        distribution="ai-edge-litert",
        wheels="Linux, Windows and macOS on Apple silicon",
    ),
)

RUNTIMES: Mapping[str, Runtime] = {runtime.name: runtime for runtime in _ALL}

# What files are for unless another runtime is asked for: what runs there runs on the newer ones, too.
DEFAULT_TARGET = "tflite-2.14"


def find_runtime(name: str) -> Runtime:
    """Return the runtime with this name.

    Raises:
        UsageError: no runtime has this name.
    """
    if name not in RUNTIMES:
        raise unknown_name("runtime", name, RUNTIMES)
    return RUNTIMES[name]


def installed_version(runtime: Runtime) -> str | None:
    """Return the version of the runtime's installed package, or None; the runtime itself is not imported."""
    try:
        return importlib.metadata.version(runtime.distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
