"""Files are whole or absent: whoever is interrupted leaves nothing behind and keeps what was there."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import pytest

from ondevice import files
from ondevice.errors import OnDeviceError, UsageError


class Stop(BaseException):
    """What an interruption raises: no `Exception`."""


def write_half(path: Path, error: type[BaseException]) -> None:
    """Write some of a file and be interrupted."""
    path.write_text("half of the n")
    raise error


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_replacing_makes_the_file_and_the_folders_above(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    with files.replacing(path) as temporary:
        assert temporary.parent == path.parent
        temporary.write_text("new")
        assert not path.exists()
    assert content(tmp_path) == {"a/b/file.txt": b"new"}
    assert path.stat().st_mode & 0o777 == 0o644


def test_replacing_keeps_the_whole_ending(tmp_path: Path) -> None:
    with files.replacing(tmp_path / "best.weights.h5") as temporary:
        assert temporary.name.endswith(".weights.h5")


@pytest.mark.parametrize("error", [Stop, ValueError])
def test_interrupted_writer_keeps_the_old_content(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(error), files.replacing(path) as temporary:
        write_half(temporary, error)
    assert content(tmp_path) == {"file.txt": b"old"}


@pytest.mark.parametrize("error", [Stop, ValueError])
def test_interrupted_writer_of_a_new_file_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), files.replacing(tmp_path / "file.txt") as temporary:
        write_half(temporary, error)
    assert content(tmp_path) == {}


def test_writer_that_removed_its_file_is_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), files.replacing(tmp_path / "file.txt") as temporary:
        temporary.unlink()
    assert content(tmp_path) == {}


def test_new_folder_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "a" / "result"
    with files.new_folder(path) as temporary:
        (temporary / "inner").mkdir()
        (temporary / "inner" / "file.txt").write_text("new")
        assert not path.exists()
    assert content(tmp_path) == {"a/result/inner/file.txt": b"new"}
    assert [each.name for each in path.parent.iterdir()] == ["result"]
    assert path.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("error", [Stop, ValueError])
def test_interrupted_folder_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), files.new_folder(tmp_path / "result") as temporary:
        write_half(temporary / "file.txt", error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "empty folder", "file"])
def test_existing_output_is_refused_and_kept(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "result"
    if kind == "file":
        path.write_text("mine")
    else:
        path.mkdir()
        if kind == "folder":
            (path / "mine.txt").write_text("mine")
    before = content(tmp_path)
    with pytest.raises(UsageError, match="result' exists already"), files.new_folder(path):
        pytest.fail("the block must not run")
    assert content(tmp_path) == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_refused(tmp_path: Path, number: float) -> None:
    path = tmp_path / "value.json"
    files.write_json(path, {"old": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(path, {"loss": [1.0, number]})
    assert files.read_json(path, "value") == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_equal_values_give_equal_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    files.write_json(one, {"b": 1, "a": [0.1, "ü", None]})
    files.write_json(other, {"a": [0.1, "ü", None], "b": 1})
    assert one.read_bytes() == other.read_bytes()
    assert files.sha256(one) == hashlib.sha256(one.read_bytes()).hexdigest()
    assert files.read_json(one, "value") == {"a": [0.1, "ü", None], "b": 1}


@pytest.mark.parametrize("damaged", [b"", b'{"a": 1', b"\xff\xfe", b"a: 1"])
def test_file_that_is_no_json_is_named(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "value.json"
    path.write_bytes(damaged)
    with pytest.raises(OnDeviceError, match=r"manifest .*value\.json' is not valid JSON"):
        files.read_json(path, "manifest")


def test_text_is_utf_8_with_its_line_ends_as_they_are(tmp_path: Path) -> None:
    files.write_text(tmp_path / "text.txt", "a\r\nü\n")
    assert (tmp_path / "text.txt").read_bytes() == b"a\r\n\xc3\xbc\n"


def test_replacing_folder_puts_the_new_one_in_place_of_the_former(tmp_path: Path) -> None:
    path = tmp_path / "a" / "folder"
    for name in ("former", "new"):
        with files.replacing_folder(path) as temporary:
            (temporary / name).write_text(name)
    assert content(tmp_path) == {"a/folder/new": b"new"}
    assert [each.name for each in path.parent.iterdir()] == ["folder"]


@pytest.mark.parametrize("error", [OSError, Stop])
def test_interrupted_replacing_folder_keeps_the_former(error: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with files.replacing_folder(path) as temporary:
        (temporary / "former").write_text("former")
    with pytest.raises(error), files.replacing_folder(path) as temporary:
        write_half(temporary / "new", error)
    assert content(tmp_path) == {"folder/former": b"former"}
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
