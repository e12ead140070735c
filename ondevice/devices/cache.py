"""Where downloaded and built things are kept between runs, and how two processes do not build the same at once."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ondevice import files
from ondevice.errors import OnDeviceError

BUILDING = ".building-"
"""What the name of an unfinished folder begins with; one that is found belongs to a process that was killed."""


def cache_folder(part: str) -> Path:
    """Return the folder of one part of the cache: below the user's cache folder, `$XDG_CACHE_HOME` or `~/.cache`.

    Args:
        part: name of the part, e.g. `"phone"`.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    # The standard says that a relative path is to be ignored.
    base = Path(named) if os.path.isabs(named) else Path.home() / ".cache"
    return base / "ondevice" / part


@contextlib.contextmanager
def alone(folder: Path, waiting: str, say: Callable[[str], None]) -> Iterator[None]:
    """Wait until nobody else builds in a folder, and clear away what one that was killed has left.

    Args:
        folder: folder of one part of the cache, made if it is not there.
        waiting: what is said where somebody else builds.
        say: told so.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(waiting)
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(f"{BUILDING}*"):
            shutil.rmtree(left)
        yield


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
