"""Damaged test vectors are refused with a sentence when their bundle is opened, or are of the types they should be."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ondevice import records
from ondevice.bundle import (
    MANIFEST_FILE,
    MODEL_FILE,
    TEST_VECTORS_FILE,
    VOCABULARY_FILE,
    TestText,
    TestVector,
    TestVectors,
    open_bundle,
)
from tests.fuzz.damage import CASES, damaged_json, require_told
from tests.manifests import manifest

VECTOR = TestVector("user 1", False, {"ids": (2.0, 0.0)}, {"items": (3.0,), "scores": (0.5,)}, {"scores": 1.5}, ("b",))
GOOD = records.to_json(TestVectors(1, (VECTOR, VECTOR), (TestText("ids", "a b", (2, 3)),)))
OTHERS = {MODEL_FILE: b"model", VOCABULARY_FILE: b"\n\na\nb\n"}


def cases(seed: int) -> Iterator[bytes]:
    """Give damaged test vectors without end."""
    chosen = random.Random(seed)
    while True:
        yield damaged_json(GOOD, chosen)


def run(case: bytes) -> None:
    """Open a bundle whose manifest names the test vectors as they are."""
    contents = {**OTHERS, TEST_VECTORS_FILE: case}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    contents[MANIFEST_FILE] = json.dumps(records.to_json(manifest(sha256=digests))).encode()
    with tempfile.TemporaryDirectory() as folder:
        for name, content in contents.items():
            Path(folder, name).write_bytes(content)
        found = open_bundle(Path(folder)).vectors
    for vector in found.vectors:
        assert all(isinstance(number, float) for numbers in vector.inputs.values() for number in numbers)


def test_the_good_ones_are_read() -> None:
    run(json.dumps(GOOD).encode())


def test_damaged_ones_are_told() -> None:
    for case in itertools.islice(cases(0), CASES):
        require_told(run, case)
