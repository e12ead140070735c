"""Compressed embeddings for recommenders that run on a phone: train, quantize, convert, validate, report."""

from __future__ import annotations

import importlib
from typing import Any

from ondevice.version import __version__

API = ("android", "catalogue", "doctor", "export", "inspect", "join", "report", "run", "sweep", "train", "validate")
"""The functions of this package; each is `ondevice.pipeline.<name>.<name>`, imported at its first use."""

__all__ = ["API", "__version__"]


def __getattr__(name: str) -> Any:
    if name in API:
        return getattr(importlib.import_module(f"ondevice.pipeline.{name}"), name)
    raise AttributeError(f"module 'ondevice' has no attribute {name!r}")
