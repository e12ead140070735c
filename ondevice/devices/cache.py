"""Where downloaded and built things are kept between runs, and how two processes do not build the same at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

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
