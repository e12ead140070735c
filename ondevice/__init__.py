"""Compressed embeddings for models that run on a phone: train, export, validate, report."""

from __future__ import annotations

import importlib
from typing import Any

import wrapt

from ondevice.version import __version__

API = (
    "android",
    "catalogue",
    "compress",
    "compress_table",
    "doctor",
    "export",
    "export_run",
    "fit",
    "inspect",
    "join",
    "report",
    "run",
    "sweep",
    "train",
    "validate",
    "validate_run",
)
"""The functions that are imported from `ondevice.pipeline` at their first use."""
HOMES = {
    "CompressedEmbedding": "ondevice.embeddings.layer",
    "Feature": "ondevice.feature",
    "GentleStart": "ondevice.training.gentle",
    "probabilities": "ondevice.head",
    "top_k": "ondevice.head",
    "validate_run": "ondevice.pipeline.validate",
    "values": "ondevice.head",
}
"""Where the other names are, and functions whose module has another name."""

__all__ = ["API", "HOMES", "__version__"]

# Keras reads a model with layers of ours only once these are registered, and imports take their time: they are when
# Keras is, before or after this package. What imports Keras itself is whole only after that.
SWAP = "ondevice.embeddings.swap"
wrapt.register_post_import_hook(lambda module: importlib.import_module(HOMES["CompressedEmbedding"]), "keras")
wrapt.register_post_import_hook(lambda module: importlib.import_module(SWAP), HOMES["CompressedEmbedding"])
wrapt.register_post_import_hook(
    lambda module: importlib.import_module(SWAP).compressed_kind(module.layers.EmbedReduce), "keras_rs"
)
wrapt.register_post_import_hook(
    lambda module: importlib.import_module(SWAP).compressed_kind(module.layers.ReversibleEmbedding), "keras_hub"
)


def __getattr__(name: str) -> Any:
    if name in API or name in HOMES:
        return getattr(importlib.import_module(HOMES.get(name, f"ondevice.pipeline.{name}")), name)
    raise AttributeError(f"module 'ondevice' has no attribute {name!r}")
