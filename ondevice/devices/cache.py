"""Where downloaded and built things are kept between runs, and how two processes do not build the same at once."""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from ondevice import files
from ondevice.errors import OnDeviceError

BUILDING = ".building-"
"""What the name of an unfinished folder begins with; one that is found belongs to a process that was killed."""


def cache_folder(part: str) -> Path:
    """Return the folder of one part of the cache: below the user's cache folder, `$XDG_CACHE_HOME` or `~/.cache`.

    Args:
        part: name of the part, e.g. `"phone"`.

    Raises:
        OnDeviceError: the user has no home folder that is known.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    # The standard says that a relative path is to be ignored.
    if os.path.isabs(named):
        return Path(named, "ondevice", part)
    try:
        return Path.home() / ".cache" / "ondevice" / part
    except RuntimeError as error:
        raise OnDeviceError("no home folder is known to keep files in; set HOME or XDG_CACHE_HOME.") from error


def build(
    folder: Path, wanted: Callable[[], bool], make: Callable[[Path, Path], None], what: str, say: Callable[[str], None]
) -> None:
    """Build a folder of the cache, once nobody else builds there; one that is half built is never seen.

    Args:
        folder: the folder; those of other versions, whose names have another word behind the last hyphen, are removed.
        wanted: whether it has to be built, asked after waiting: whoever waited may find what another has built.
        make: makes the folder, given one to work in and the path it is to have there.
        what: what another process does that is waited for, e.g. `"builds an image"`.
        say: told of each step before it starts.
    """
    parent = folder.parent
    parent.mkdir(parents=True, exist_ok=True)
    with (parent / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that {what}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        # What one that was killed has left.
        for left in parent.glob(f"{BUILDING}*"):
            shutil.rmtree(left)
        if not wanted():
            return
        with tempfile.TemporaryDirectory(prefix=BUILDING, dir=parent) as work:
            made = Path(work) / "made"
            make(Path(work), made)
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)
        for older in parent.glob(f"{folder.name.rpartition('-')[0]}-*"):
            if older != folder:
                shutil.rmtree(older)


def require_whole(folder: Path, sha256: Mapping[str, str], what: str, install: str) -> None:
    """Compare installed files with their digests.

    Args:
        folder: where they are.
        sha256: digest of each by its path in the folder.
        what: what a file is called in messages.
        install: command that installs them.

    Raises:
        OnDeviceError: one is gone or was changed.
    """
    for name, digest in sha256.items():
        path = folder / name
        state = path.stat() if path.is_file() else None
        if state is None or _digest(path, state.st_mtime_ns, state.st_size) != digest:
            raise OnDeviceError(
                f"{what} {str(path)!r} is gone or was changed since it was installed; run: {install} --again"
            )


@functools.cache
def _digest(path: Path, modified_ns: int, size_bytes: int) -> str:
    return files.sha256(path)
