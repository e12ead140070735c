"""An archive at the end of a file: any unzip tool reads it, no runtime does, and nothing else notices."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tiny_models

from ondevice.converters import flatbuffer
from ondevice.converters.appended import STORED_BYTES, append
from ondevice.converters.passes.extract import extract
from ondevice.converters.summary import AppendedFile
from ondevice.converters.tflite import SIGNATURE
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.devices.runtimes import RUNTIMES
from tests.converters.passes.test_extract import whole

FILES = {"metadata.json": b'{"name": "x"}\n', "vocab.txt": b"".join(b"item-%d\n" % n for n in range(20_000))}
IDS = np.array([[[0, 7, 39, 1, 1]]], np.int32)

FROM_BYTES = """
import importlib, pathlib, sys
content = pathlib.Path(sys.argv[2]).read_bytes()
interpreter = importlib.import_module(sys.argv[1]).Interpreter(model_content=content)
interpreter.allocate_tensors()
print(interpreter.get_input_details()[0]["shape"].tolist())
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(tiny_models.plain())
    append(path, FILES)
    return path


def test_any_zip_reader_reads_it(model: Path) -> None:
    with zipfile.ZipFile(model) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == list(FILES)
        assert {name: archive.read(name) for name in FILES} == FILES
        small, large = archive.infolist()
    assert (small.compress_type, large.compress_type) == (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    assert len(FILES["metadata.json"]) <= STORED_BYTES < len(FILES["vocab.txt"])
    assert {small.date_time, large.date_time} == {(1980, 1, 1, 0, 0, 0)}
    # Places count from the start of the file, as readers that do not search for the archive take them.
    assert small.header_offset == len(tiny_models.plain())


def test_the_model_in_front_is_untouched(model: Path) -> None:
    content = model.read_bytes()
    assert content.startswith(tiny_models.plain())
    alone = flatbuffer.read(tiny_models.plain())
    for summary in (flatbuffer.read(content), flatbuffer.read(model)):
        assert (summary.file_bytes, summary.overhead_bytes) == (alone.file_bytes, alone.overhead_bytes)
        assert summary.file_bytes + summary.appended_bytes == len(content)
        assert (summary.operators, summary.tensors) == (alone.operators, alone.tensors)
        assert [(each.name, each.size_bytes) for each in summary.appended] == [
            (name, len(content)) for name, content in FILES.items()
        ]
        assert summary.appended[0] == AppendedFile("metadata.json", 14, 14)
        assert summary.appended[1].stored_bytes < summary.appended[1].size_bytes
    table = next(tensor for tensor in alone.constants if tensor.shape == tiny_models.TABLE.shape)
    np.testing.assert_array_equal(flatbuffer.buffer_of(model, table), tiny_models.TABLE)


def test_append_says_how_much(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(tiny_models.plain())
    assert append(path, FILES) == path.stat().st_size - len(tiny_models.plain())


def test_extracting_leaves_it_out(tmp_path: Path) -> None:
    content, calls = whole()
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    append(path, FILES)
    alone = extract(content, SIGNATURE, [calls["rows"]])
    assert extract(path.read_bytes(), SIGNATURE, [calls["rows"]]) == alone


@pytest.mark.parametrize("runtime", Host().installed())
def test_runtimes_load_it_from_the_path_and_from_bytes(runtime: str, model: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.tflite"
    alone.write_bytes(tiny_models.plain())
    results = [Host().run(Job(path, runtime, "serving_default", {"ids": IDS})) for path in (alone, model)]
    assert all(outcome.measurement.ok for outcome in results)
    np.testing.assert_array_equal(results[1].outputs["scores"], results[0].outputs["scores"])
    arguments = [sys.executable, "-c", FROM_BYTES, RUNTIMES[runtime].module, str(model)]
    answer = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "[1, 5]"


def test_same_files_give_same_bytes(model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(tiny_models.plain())
    append(other, FILES)
    assert other.read_bytes() == model.read_bytes()


def test_damage_of_the_archive_is_no_hindrance_for_the_model(model: Path) -> None:
    content, alone = model.read_bytes(), flatbuffer.read(tiny_models.plain())
    start, rng = len(tiny_models.plain()), np.random.default_rng(0)
    noticed = 0
    for place in (*rng.integers(start, len(content), 50), *range(len(content) - 150, len(content))):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        model.write_bytes(damaged)
        summary = flatbuffer.read(model)
        assert summary.op_histogram == alone.op_histogram
        noticed += not summary.appended
    assert noticed, "what is no archive is not listed as one"
    for size in range(start, len(content), 97):
        assert flatbuffer.read(content[:size]).tensors == alone.tensors
