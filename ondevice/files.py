"""Files that are either whole or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ondevice.errors import OnDeviceError, UsageError

_CHUNK_BYTES = 1 << 20


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; rename it to `path` once the block succeeds."""
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Some writers judge by the ending, so the temporary name keeps all of it.
        handle, name = tempfile.mkstemp(prefix=_begun(path), suffix="".join(path.suffixes), dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; rename it to `path` once the block succeeds, else remove it.

    Raises:
        UsageError: `path` exists already.
    """
    refuse_existing(path)
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=_begun(path), dir=path.parent))
        try:
            yield temporary
            temporary.chmod(0o755)
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; put it in the place of the folder `path` once the block succeeds."""
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_begun(path), dir=path.parent) as name:
            new, former = Path(name, "new"), Path(name, "former")
            new.mkdir()
            yield new
            if path.exists():
                path.rename(former)
            try:
                new.rename(path)
            except OSError:
                if former.exists():
                    former.rename(path)
                raise


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let a failure of the system name the file where it does not: a full disk is one of several."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise


def _begun(path: Path) -> str:
    """Return what the temporary name beside a path begins with, and remove what killed processes have left there."""
    prefix = f".{path.name}-"
    for left in path.parent.glob(f"{glob.escape(prefix)}*-*"):
        process = left.name[len(prefix) :].partition("-")[0]
        if process.isdecimal() and not _runs(int(process)):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    return f"{prefix}{os.getpid()}-"


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        # Another user's, or no number of a process: it is nobody's to remove.
        return True
    return True


def refuse_existing(path: Path) -> None:
    """Raise a `UsageError` if `path` exists, so that no result is ever overwritten."""
    if path.exists():
        raise UsageError(f"output {str(path)!r} exists already; name a new folder or remove it.")


def refuse_others(path: Path, ours: Callable[[Path], object], what: str) -> None:
    """Raise a `UsageError` if `path` is there and is nothing that a command of ours wrote.

    Args:
        path: where something is to be written.
        ours: reads a file of ours, or raises an `OnDeviceError`.
        what: what such a file is, e.g. `"a verdict"`.
    """
    if not path.exists():
        return
    try:
        if not path.is_file():
            raise OnDeviceError("it is no file")
        ours(path)
    except OnDeviceError as error:
        raise UsageError(f"output {str(path)!r} exists already and is not {what}; name another file.") from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write a text file (UTF-8) whole or not at all."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path, what: str) -> Any:
    """Read a JSON file.

    Args:
        path: the file.
        what: what the file is, for the message, e.g. `"manifest"`.

    Raises:
        UsageError: there is no such file.
        OnDeviceError: the file is not JSON, or not such as `write_json` writes: with numbers that are not finite,
            halves of characters or deeply nested lists.
    """
    if not path.is_file():
        raise UsageError(f"{what} {str(path)!r} does not exist.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
        if "\\u" in text:
            # Half a character, which JSON can spell, can be neither printed nor written.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise OnDeviceError(f"{what} {str(path)!r} is not valid JSON: it is nested too deeply.") from error
    except ValueError as error:
        raise OnDeviceError(f"{what} {str(path)!r} is not valid JSON: {error}.") from error
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is not a finite number")
    return number


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
