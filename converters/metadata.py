"""What a `.tflite` file says of itself to people and apps that have nothing but the file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from converters.appended import append
from ondevice import records
from ondevice.bundle import VOCABULARY_FILE
from ondevice.task import RANKING
from ondevice.tokenizer import Tokenizer

SCHEMA_VERSION = 1
METADATA_FILE = "metadata.json"


@dataclass(frozen=True)
class Metadata:
    """The content of `metadata.json`, which is appended to the file.

    Args:
        schema_version: version of this record.
        name: name of the model.
        signature: name of the file's signature.
        vocabulary_size: ids are 0 to this number minus one; 0 is padding, 1 is unknown.
        history_length: ids per call; shorter histories are filled with padding.
        out_of_range: what an id outside the vocabulary counts as, `"unknown"` or `"padding"`.
        recipe: name of the quantization recipe.
        model_bytes: size of the model; what follows is the archive.
        model_sha256: SHA-256 of these bytes.
        vocabulary_sha256: SHA-256 of the vocabulary that belongs to the model, appended or not.
        task: what the model does, see `ondevice.manifest.Manifest`.
        labels: names of the labels by index, for a model that answers with labels; else empty.
        tokenizer: how a text, or the fields of a line, become the keys that the vocabulary holds; None for a model
            whose ids are picked.
    """

    schema_version: int
    name: str
    signature: str
    vocabulary_size: int
    history_length: int
    out_of_range: str
    recipe: str
    model_bytes: int
    model_sha256: str
    vocabulary_sha256: str
    task: str = RANKING
    labels: tuple[str, ...] = ()
    tokenizer: Tokenizer | None = None


def append_metadata(model: Path, metadata: Metadata, vocabulary: Path | None) -> int:
    """Append `metadata.json` and perhaps `vocab.txt` to a model and return the bytes that they take.

    Args:
        model: a `.tflite` file with nothing appended.
        metadata: what to say of it.
        vocabulary: the vocabulary to append; None leaves it out.
    """
    content = json.dumps(records.to_json(metadata), indent=2, sort_keys=True) + "\n"
    entries = {METADATA_FILE: content.encode("utf-8")}
    if vocabulary is not None:
        entries[VOCABULARY_FILE] = vocabulary.read_bytes()
    return append(model, entries)
