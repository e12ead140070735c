"""What a `.tflite` file says of itself to people and apps that have nothing but the file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ondevice import records
from ondevice.converters.appended import append
from ondevice.feature import Feature
from ondevice.head import Head

SCHEMA_VERSION = 2
METADATA_FILE = "metadata.json"


@dataclass(frozen=True)
class Metadata:
    """The content of `metadata.json`, which is appended to the file.

    Args:
        schema_version: version of this record.
        name: name of the model.
        task: the task of ours that the model was trained for; empty for a model of one's own.
        signature: name of the file's signature.
        inputs: its inputs.
        head: what its outputs are.
        recipe: name of the quantization recipe.
        model_bytes: size of the model; what follows is the archive.
        model_sha256: SHA-256 of these bytes.
        vocabulary_sha256: SHA-256 of each vocabulary that belongs to the model, appended or not, by file name.
    """

    schema_version: int
    name: str
    task: str
    signature: str
    inputs: tuple[Feature, ...]
    head: Head
    recipe: str
    model_bytes: int
    model_sha256: str
    vocabulary_sha256: dict[str, str]


def append_metadata(model: Path, metadata: Metadata, vocabularies: Iterable[Path]) -> int:
    """Append `metadata.json` and some vocabularies to a model and return the bytes that they take.

    Args:
        model: a `.tflite` file with nothing appended.
        metadata: what to say of it.
        vocabularies: the vocabularies to append.
    """
    content = json.dumps(records.to_json(metadata), indent=2, sort_keys=True) + "\n"
    entries = {METADATA_FILE: content.encode("utf-8")}
    return append(model, entries | {path.name: path.read_bytes() for path in vocabularies})
