"""Damaged manifests are refused with a sentence, or are manifests all of whose properties can be asked for."""

from __future__ import annotations

import itertools
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ondevice import records
from ondevice.bundle import MANIFEST_FILE, read_manifest
from ondevice.manifest import OutputLayer, Table, Training
from ondevice.tokenizer import Tokenizer
from tests.fuzz.damage import CASES, damaged_json, require_told
from tests.manifests import embedding, history, manifest

GOOD = records.to_json(
    manifest(
        inputs=(history(tokenizer=Tokenizer(), made_by={"layer": "StringLookup", "count": 3}),),
        embeddings=(embedding(tables=(Table("t", (4, 2), "int4_row", "why", "m", 9, 32, 0.5, 0.25, "int4", "no"),)),),
        training=Training("data", "summary", 1, 2.5, {"ndcg": 0.5}, {"head": {"users": 3.0}}),
        output=OutputLayer("dense", {"bias": True}, 8, 16),
        skipped={"other": "why"},
        sha256={"model.tflite": "0" * 64},
        appended=("a",),
    )
)


def cases(seed: int) -> Iterator[bytes]:
    """Give damaged manifests without end."""
    chosen = random.Random(seed)
    while True:
        yield damaged_json(GOOD, chosen)


def run(case: bytes) -> None:
    """Read a manifest and ask for what is computed of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, MANIFEST_FILE)
        path.write_bytes(case)
        found = read_manifest(path)
    for feature in found.inputs:
        assert found.feature(feature.name).name == feature.name
        _ = feature.length, feature.limits
    _ = found.comparison, found.vocabularies, found.method, found.ratio, found.tables, found.head.outputs
    _ = [call.length for each in found.embeddings for call in each.lookup.calls]


def test_the_good_one_is_read() -> None:
    run(json.dumps(GOOD).encode())


def test_damaged_ones_are_told() -> None:
    for case in itertools.islice(cases(0), CASES):
        require_told(run, case)
