"""The command line as others use it: whatever goes wrong is one sentence, and what it is asked to end it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ondevice import files
from ondevice.cli.main import main
from ondevice.errors import OnDeviceError, UsageError

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def started(*words: str, **environment: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "ondevice", *words]
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, env={**ENVIRONMENT, **environment})


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ZeroDivisionError("division\nby zero"), "unexpected ZeroDivisionError: division by zero; with -v it is shown"),
        (MemoryError(), "there is not enough memory for this"),
        (OSError(28, "No space left on device"), "no space is left on the disk of the output or of temporary files"),
        (OnDeviceError("name 'a\x1b[2J' is odd."), "name 'a\\x1b[2J' is odd."),
    ],
)
def test_whatever_goes_wrong_is_one_sentence(
    error: Exception, says: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("ondevice.pipeline.doctor.doctor", fail)
    assert main(["doctor"]) == 1
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"ondevice: {says}")
    assert captured.err.count("\n") == 1
    assert main(["doctor", "-v"]) == 1
    assert "Traceback" in capfd.readouterr().err


def test_a_reader_that_has_enough_ends_it_silently() -> None:
    with started("catalogue") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) in (0, 1, 141)
        assert process.stderr.read() == b""


def test_other_encodings_replace_what_they_lack(tmp_path: Path) -> None:
    (tmp_path / "é.csv").write_text("user,item\n")
    done = started("train", "--data", str(tmp_path / "é.csv"), "--out", "new", PYTHONIOENCODING="ascii").communicate()
    assert done[1].startswith(b"ondevice: ")
    assert b"\\xe9.csv holds no row that counts" in done[1]


def test_asked_to_end_it_cleans_up_and_says_so(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = started("train", "--method", "full", "--order", "as_given", "--out", str(out))
    while process.poll() is None and not (out / "checkpoints").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143
    assert said.endswith(b"ondevice: terminated; the same command goes on from here.\n")


def test_other_projects_settings_of_keras_are_kept_out(tmp_path: Path) -> None:
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"floatx": "float16", "backend": "jax"}')
    code = (
        "from ondevice.cli.main import _set_up; _set_up(); "
        "from keras import config; print(config.floatx(), config.backend())"
    )
    environment = {**ENVIRONMENT, "HOME": str(tmp_path), "KERAS_BACKEND": "jax"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["float32", "tensorflow"]


# Files


def test_a_killed_process_leaves_nothing_for_the_next_one(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from ondevice import files
with files.new_folder(Path({str(tmp_path)!r}, "bundle")) as folder, files.replacing(Path({str(tmp_path)!r}, "a.json")):
    (folder / "half").write_text("made")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, check=False)
    assert len(list(tmp_path.iterdir())) == 2
    with files.new_folder(tmp_path / "bundle"):
        files.write_text(tmp_path / "a.json", "whole")
        with files.replacing(tmp_path / "a.json"):
            assert len(list(tmp_path.glob(".*"))) == 2, "those of a process that runs stay"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "bundle"]


def test_a_failure_of_the_system_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"No space.*model\.tflite"), files.replacing(tmp_path / "model.tflite"):
        raise OSError(28, "No space left on device")


def test_what_is_not_ours_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"

    def ours(path: Path) -> None:
        if path.read_text() != "ours":
            raise OnDeviceError("it is another's")

    files.refuse_others(path, ours, "a verdict")
    path.write_text("ours")
    files.refuse_others(path, ours, "a verdict")
    path.write_text("mine")
    for each in (path, tmp_path):
        with pytest.raises(UsageError, match=r"exists already and is not a verdict; name another file"):
            files.refuse_others(each, ours, "a verdict")
