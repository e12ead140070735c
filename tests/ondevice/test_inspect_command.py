"""`ondevice inspect` prints what the file holds, whole, and its JSON carries the same."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ondevice.cli.commands import inspect as command
from ondevice.converters import target
from ondevice.converters.appended import append
from ondevice.devices.runtimes import RUNTIMES, installed_version
from ondevice.errors import OnDeviceError, UsageError
from ondevice.pipeline.inspect import inspect

EXPECTED = """\
file size        {size} ({size_bytes} bytes)
not weights      {overhead} ({share})
schema version   3
minimum runtime  1.6.0

signature 'serving_default'
  input   ids: int32[1, 5]
  output  rows: float32[1, 5, 16]

operation  version  count  since runtime
GATHER     1        1      1.6.0

constant  shape      type     size     of file  scales
[t]:key:  [500, 16]  float32  32.0 kB  {part}    0

litert-1.4: no problems found

litert-2.0: no problems found

litert-2.1: no problems found

litert-2.3: no problems found

tflite-2.14: no problems found

whatever runs it: no problems found
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    table = np.arange(8000, dtype=np.float32).reshape(500, 16)
    ids = tf.TensorSpec([1, 5], tf.int32, name="ids")
    concrete = tf.function(lambda ids: {"rows": tf.gather(table, ids)}).get_concrete_function(ids)
    content = tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module()).convert()
    edited = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    # A name that a terminal library would take for markup and emoji.
    next(tensor for tensor in edited.subgraphs[0].tensors if list(tensor.shape) == [500, 16]).name = "[t]:key:"
    builder = flatbuffers.Builder(0)
    builder.Finish(edited.Pack(builder), b"TFL3")
    path = tmp_path_factory.mktemp("inspect") / "model.tflite"
    path.write_bytes(bytes(builder.Output()))
    return path


def _run(path: Path, *options: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args([str(path), *options]))


def test_whole_text(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ondevice.units import format_bytes, format_share

    assert _run(model) == 0
    captured = capsys.readouterr()
    size_bytes = model.stat().st_size
    expected = EXPECTED.format(
        size=format_bytes(size_bytes),
        size_bytes=size_bytes,
        overhead=format_bytes(size_bytes - 32_000),
        share=format_share(1 - 32_000 / size_bytes),
        part=format_share(32_000 / size_bytes),
    )
    assert [line.rstrip() for line in captured.out.splitlines()] == expected.splitlines()
    assert captured.err == ""


def test_json_carries_the_same(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(model, "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["minimum_runtime"] == "1.6.0"
    assert content["operations"] == [{"name": "GATHER", "version": 1, "count": 1, "oldest_runtime": "1.6.0"}]
    assert content["problems"] == {name: [] for name in target.names()}
    assert content["weight_bytes"] + content["overhead_bytes"] == model.stat().st_size
    assert [tensor["name"] for tensor in content["summary"]["tensors"] if tensor["buffer_bytes"]] == ["[t]:key:"]


def test_what_is_appended_is_listed(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(model.read_bytes())
    append(path, {"metadata.json": b"{}\n", "vocab.txt": b"an item\n" * 4_000})
    assert _run(path) == 0
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0].endswith(f"({path.stat().st_size} bytes)")
    assert lines[1].startswith("of it the model  ")
    assert lines[1].endswith(f"({model.stat().st_size} bytes)")
    place = lines.index("appended       size     in the file")
    assert lines[place + 1] == "metadata.json  3 B      3 B"
    assert re.fullmatch(r"vocab\.txt      32\.0 kB  \d+ B", lines[place + 2])


def test_narrow_terminal_folds_names_and_cuts_nothing(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    assert _run(model) == 0
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert "…" not in "".join(lines)
    assert max(len(line) for line in lines) <= 60
    assert any("float32" in line and "[500, 16]" in line for line in lines)


def test_the_runtimes_here_try_it(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(model, "--run") == 0
    out = capsys.readouterr().out
    for name, runtime in RUNTIMES.items():
        assert f"{name} {installed_version(runtime)} tried it: answers\n" in out


def test_what_a_runtime_refuses_is_said(model: Path) -> None:
    broken = model.with_name("broken.tflite")
    content = bytearray(model.read_bytes())
    # Rows of another width than the output's.
    content[content.index(np.array([500, 16], np.int32).tobytes())] = 0
    broken.write_bytes(content)
    for trial in inspect(broken, run=True).trials.values():
        assert (trial.status, trial.step) == ("answers", "calling it") or trial.message


FOREIGN = {
    "pointer.tflite": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "it is a Git LFS pointer"),
    "model.tflite.gz": (b"\x1f\x8b\x08\x00" + bytes(40), "it is compressed with gzip"),
    "model.h5": (b"\x89HDF\r\n\x1a\n" + bytes(40), "it is an HDF5 file"),
    "model.onnx": (b"\x08\x07" + bytes(40), "it is an ONNX model"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_other_files_are_named(tmp_path: Path, name: str) -> None:
    content, says = FOREIGN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(OnDeviceError, match=f"is not a readable TFLite file: {says}"):
        inspect(tmp_path / name)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a.tflite", "b.TFLITE", "labels.txt"], r"it is a zip archive with 'a.tflite', 'b.TFLITE' inside"),
        (["metadata.json", "config.json", "model.weights.h5"], "it is a Keras model; `ondevice export` makes"),
        (["archive/data.pkl"], "it is a PyTorch model"),
    ],
)
def test_archives_are_named_by_what_is_inside(tmp_path: Path, names: list[str], says: str) -> None:
    path = tmp_path / "model.task"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    with pytest.raises(OnDeviceError, match=says):
        inspect(path)


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(UsageError, match="is no regular file; allowed is one"):
            inspect(path)


def test_bundle_folder_stands_for_its_model(model: Path) -> None:
    assert inspect(model.parent) == inspect(model)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        _run(tmp_path / "missing.tflite")


def test_tensorflow_is_not_imported(model: Path) -> None:
    code = (
        "import argparse, pathlib, sys; from ondevice.cli.commands import inspect; "
        "light = set(sys.modules); "
        f"inspect.run(argparse.Namespace(file=pathlib.Path({str(model)!r}), json=False, try_it=False)); "
        "assert 'numpy' not in light and 'rich' not in light and 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
