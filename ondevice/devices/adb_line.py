"""The line to a device that adb reaches: commands, their exit codes, and what adb says when it breaks."""

from __future__ import annotations

import contextlib
import fcntl
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ondevice.devices.guest import image as images
from ondevice.devices.process import run_limited
from ondevice.errors import OnDeviceError

HINTS = {
    "unauthorized": "confirm the request on its screen",
    "offline": "connect it again",
    "more than one": "name one in ANDROID_SERIAL or in the profile's option 'serial'",
    "no devices": "connect one on which USB debugging is turned on",
}
"""What to do about the states of a device, by adb's words for them."""

ANSWER_S = 30
"""Seconds for what a device answers at once."""
END = "@ondevice ended "


class DeviceFailed(OnDeviceError):
    """The device or the way to it failed; the message holds adb's words."""


class Overdue(DeviceFailed):
    """There was no answer in time."""


@dataclass(frozen=True)
class Line:
    """The line to a device, on which one thing is asked after the other.

    Args:
        serial: serial number of the device; empty where adb is to choose.
        scratch: a folder for what adb writes.
    """

    serial: str
    scratch: Path

    def adb(self, *words: str, limit_s: float = ANSWER_S) -> str:
        """Run an adb command and return what it printed.

        Raises:
            DeviceFailed: adb reports a failure, or is not done in time.
        """
        code, output, errors = self._run(words, limit_s)
        if code != 0:
            raise DeviceFailed(_words(errors) or _words(output) or f"adb {words[0]} ended with exit code {code}")
        return output

    def shell(self, command: str, limit_s: float = ANSWER_S) -> tuple[int, str]:
        """Run a shell command on the device and return its exit code and what it printed.

        The device itself tells the code: adb reports 0 when the connection breaks, and always does on old systems.

        Raises:
            DeviceFailed: the device is not there or was lost meanwhile, or the command is not done in time.
        """
        _, output, errors = self._run(["shell", f'{command}\necho "{END}$?"'], limit_s)
        told = re.fullmatch(rf"(.*){END}(\d+).*", output, re.DOTALL)
        if told is None:
            raise DeviceFailed(_words(errors) or "the connection to the device was lost")
        return int(told[2]), told[1]

    def do(self, what: str, command: str, limit_s: float = ANSWER_S) -> None:
        """Run a shell command on the device that must succeed.

        Raises:
            DeviceFailed: it did not; the message says what was being done.
        """
        code, said = self.shell(f"({command}) 2>&1", limit_s)
        if code != 0:
            raise DeviceFailed(f"{what} failed: {(said.strip().splitlines() or [f'exit code {code}'])[-1].strip()}")

    def _run(self, words: Sequence[str], limit_s: float) -> tuple[int, str, str]:
        output, errors = self.scratch / "stdout.txt", self.scratch / "stderr.txt"
        device = ["-s", self.serial] if self.serial else []
        code = run_limited(["adb", *device, *words], output, errors, lambda elapsed_s: elapsed_s > limit_s)
        if code is None:
            raise Overdue(f"adb {words[0]} was not done within {limit_s:g} s")
        said, complained = (path.read_text(encoding="utf-8", errors="replace") for path in (output, errors))
        return code, said, complained


@contextlib.contextmanager
def connect(serial: str) -> Iterator[Line]:
    """Give the line to a device, with a folder of its own.

    Args:
        serial: serial number of the device; empty where adb is to choose.
    """
    with tempfile.TemporaryDirectory(prefix="ondevice-adb-") as name:
        yield Line(serial, Path(name))


@contextlib.contextmanager
def alone(line: Line) -> Iterator[None]:
    """Wait until no other process of this machine uses the device: both would measure each other."""
    serial = re.sub(r"[^\w.-]", "_", line.adb("get-serialno").strip())
    with (images.cache_folder() / f".adb-{serial}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _words(text: str) -> str:
    """Return the line of adb's output that says what is wrong, without what it says of its own server."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("* daemon")]
    # Advice follows the first line of an error, progress comes before it.
    chosen = [line for line in lines if line.startswith(("adb:", "error:"))] or lines[-1:]
    return re.sub(r"^(?:adb: |error: )+", "", chosen[0]).rstrip(".") if chosen else ""
