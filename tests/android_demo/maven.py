"""What the tests that run Maven share."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

DEMO = Path(__file__).parent.parent.parent / "android_demo"


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait until no other test process runs Maven, whose local repository only one may fill at a time."""
    with (Path(tempfile.gettempdir()) / f"ondevice-maven-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def needs(missing: list[str]) -> None:
    """Skip a test for want of programs, but not on a CI machine with Maven, where they must be installed.

    Args:
        missing: names of programs that the test needs and that are not there.
    """
    if not missing:
        return
    if os.environ.get("CI") and shutil.which("mvn"):
        pytest.fail(f"this CI machine has Maven but not {', '.join(missing)}; .ci/setup installs what is missing.")
    pytest.skip(f"not on this machine: {', '.join(missing)}")
