"""Damaged `.keras` files and arrays are refused with a sentence; what would not fit into memory is never unpacked."""

from __future__ import annotations

import io
import itertools
import random
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from ondevice import arrays
from ondevice.errors import OnDeviceError
from ondevice.pipeline.own_model import built
from tests.fuzz.damage import CASES, damaged_bytes, require_told


def _good() -> bytes:
    inputs = keras.Input((2,), name="x")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        keras.Model(inputs, keras.layers.Dense(1)(inputs)).save(path)
        return path.read_bytes()


GOOD = _good()


def cases(seed: int) -> Iterator[bytes]:
    """Give damaged files without end: the archive itself, or one of the files in it."""
    chosen = random.Random(seed)
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    while True:
        if chosen.random() < 0.3:
            yield damaged_bytes(GOOD, chosen)
            continue
        damaged = chosen.choice(sorted(inside))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, content in inside.items():
                archive.writestr(name, damaged_bytes(content, chosen) if name == damaged else content)
        yield packed.getvalue()


def run(case: bytes) -> None:
    """Read a model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        path.write_bytes(case)
        assert built(path).built


def test_the_good_one_is_read() -> None:
    run(GOOD)


def test_damaged_ones_are_told() -> None:
    for case in itertools.islice(cases(0), CASES // 3):
        require_told(run, case)


@pytest.mark.parametrize("ending", [".keras", ".npz"])
def test_what_is_larger_than_memory_is_not_unpacked(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"bomb{ending}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.0"}')
        archive.writestr("x.npy", bytes(10))
    content = bytearray(path.read_bytes())
    # The size that the archive's directory declares of its last file.
    place = content.rindex(b"PK\x01\x02") + 24
    content[place : place + 4] = (2**32 - 2).to_bytes(4, "little")
    path.write_bytes(bytes(content))
    read = built if ending == ".keras" else lambda path: arrays.read_archive(path, "data")
    small = pytest.MonkeyPatch()
    small.setattr(arrays.os, "sysconf", lambda name: 30_000)
    try:
        with pytest.raises(OnDeviceError, match=r"it unpacks to 4\.29 GB, and this machine has 900 MB of memory"):
            read(path)
    finally:
        small.undo()


def test_an_array_that_declares_more_than_it_has_is_refused(tmp_path: Path) -> None:
    whole = io.BytesIO()
    np.save(whole, np.zeros(10))
    (tmp_path / "a.npy").write_bytes(whole.getvalue().replace(b"(10,)", b"(9999999999999,)".ljust(5))[:200])
    with pytest.raises(OnDeviceError, match=r"a\.npy' can't be read"):
        arrays.read_array(tmp_path / "a.npy", "data")
