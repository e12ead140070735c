"""One manifest made by hand, that of a small ranking model; each test changes what it is about."""

from __future__ import annotations

from typing import Any

from ondevice.bundle import SCHEMA_VERSION, VOCABULARY_FILE
from ondevice.encoding_error import EncodingError
from ondevice.feature import Feature
from ondevice.head import top_k
from ondevice.manifest import Embedding, Lookup, LookupCall, Manifest, Table, Tensor, Training

SIZE, WIDTH, LENGTH = 4, 2, 2
EXACT = EncodingError(SIZE, None, 1.0, 1.0, 0.0, (), {})


def history(size: int = SIZE, length: int = LENGTH, **fields: Any) -> Feature:
    """Make the input of a ranking model."""
    own = {"size": size, "outside": 1, "padding": 0, "reserved": 2, "vocabulary": VOCABULARY_FILE}
    return Feature("ids", "ids", (1, length), "int32", **{**own, **fields})


def answers(k: int) -> tuple[Tensor, ...]:
    """Make the outputs of a ranking model."""
    return Tensor("items", (1, k), "int32"), Tensor("scores", (1, k), "float32")


def embedding(size: int = SIZE, width: int = WIDTH, length: int = LENGTH, **fields: Any) -> Embedding:
    """Make the embedding of a ranking model, a full table whose look-ups nobody promises anything of."""
    numbers = size * width
    own = {
        "layer": "embedding",
        "features": ("ids",),
        "method": "full",
        "parameters": {"vocabulary_size": size, "width": width},
        "order": "random",
        "ratio": 1.0,
        "stored_parameters": numbers,
        "full_parameters": numbers,
        "tables": (Table("table", (size, width), "float32", "", "", numbers * 4, numbers * 4, 0.0, 0.0),),
        "lookup": Lookup((LookupCall("embedding/ids", "embedding/vectors", (1, length)),), size, width, 4_096, ()),
        "error": EXACT,
    }
    return Embedding(**{**own, **fields})


def manifest(size: int = SIZE, width: int = WIDTH, length: int = LENGTH, k: int = 1, **fields: Any) -> Manifest:
    """Make the manifest of a ranking model.

    Args:
        size: number of ids.
        width: numbers per vector.
        length: ids per call.
        k: items per answer.
        fields: fields of the manifest that are other than here.
    """
    own = {
        "schema_version": SCHEMA_VERSION,
        "name": "full@random",
        "task": "ranking",
        "signature": "recommend",
        "inputs": (history(size, length),),
        "outputs": answers(k),
        "head": top_k(k, "ids", 2),
        "embeddings": (embedding(size, width, length),),
        "skipped": {},
        "recipe": "float32",
        "dense": "float32",
        "parameters": 1_000,
        "file_bytes": 64,
        "overhead_bytes": 32,
        "vocabulary_bytes": 25,
        "ops": {"GATHER": 1},
        "target_runtime": "litert",
        "minimum_runtime": "1.6.0",
        "score_tolerance_steps": 1.0,
        "sha256": {},
        "versions": {},
        "training": Training("synthetic", "nothing"),
    }
    return Manifest(**{**own, **fields})
