"""What the tests of all devices share: small files, and the check that nothing outlives a test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ondevice.devices.gather_files import LENGTH, TABLE, convert, processes


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small files; `gather.tflite` turns ids into rows and their doubled sums."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("models")
    ids = tf.TensorSpec([LENGTH], tf.int32, name="ids")
    open_ids = tf.TensorSpec([None], tf.int32, name="ids")
    number = tf.TensorSpec([1], tf.int32, name="number")
    divisor = tf.TensorSpec([1], tf.int32, name="divisor")

    @tf.function(input_signature=[ids])
    def gather(ids: Any) -> Any:
        rows = tf.gather(TABLE, ids)
        return {"rows": rows, "sums": tf.reduce_sum(tf.multiply(rows, 2.0, name="doubled"), axis=-1)}

    @tf.function(input_signature=[number, divisor])
    def remainder(number: Any, divisor: Any) -> Any:
        return {"remainder": tf.math.floormod(number, divisor)}

    @tf.function(input_signature=[open_ids])
    def any_length(ids: Any) -> Any:
        return {"next": ids + 1}

    files = {
        "gather": {"recommend": gather},
        "remainder": {"recommend": remainder},
        "any_length": {"recommend": any_length},
        "two": {"first": any_length, "recommend": remainder},
    }
    for name, functions in files.items():
        (folder / f"{name}.tflite").write_bytes(convert(folder / name, **functions))
    return folder


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Have temporary folders made in one place; check that no folder and no process outlives a test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []
    assert processes(folder) == []
