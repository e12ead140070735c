"""The programs of the system that the emulated phone needs, and how to get them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ondevice.errors import OnDeviceError

RUN_TOOLS = {
    "qemu-system-aarch64": "qemu-system-arm",
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "setpriv": "util-linux",
}
"""Program -> Debian package, for running."""

BUILD_TOOLS = {"apt-get": "apt", "apt-cache": "apt", "dpkg": "dpkg", "cpio": "cpio"}
"""Program -> Debian package, for building the image beside those for running."""

# Debian keeps some of them where only root's PATH looks, though everyone may run them.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def find(tool: str) -> str | None:
    """Return the path of a program, or None."""
    return shutil.which(tool, path=_PATH)


def missing_packages(tools: dict[str, str]) -> list[str]:
    """Name the Debian packages of the programs that are not here."""
    return sorted({package for tool, package in tools.items() if find(tool) is None})


def install_command(packages: Sequence[str]) -> str:
    """Return the command that installs packages."""
    prefix = "" if os.geteuid() == 0 else "sudo "
    return f"{prefix}apt-get install -y --no-install-recommends {' '.join(packages)}"


def call(command: Sequence[str], what: str, folder: Path | None = None, **variables: str) -> str:
    """Run a program to its end and return what it printed.

    Args:
        command: name of the program, and its arguments.
        what: what is being done, for the message.
        folder: where to run it.
        variables: environment variables beside the present ones.

    Raises:
        OnDeviceError: the program is missing or failed; the message ends with its last words.
    """
    program = find(command[0])
    if program is None:
        raise OnDeviceError(f"{what} failed: {command[0]!r} is not installed.")
    done = subprocess.run(
        [program, *command[1:]],
        cwd=folder,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        words = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise OnDeviceError(f"{what} failed: {words[-1] if words else f'exit code {done.returncode}'}")
    return done.stdout


def version_of_qemu() -> str:
    """Return the version of the emulator, or `"not installed"`."""
    if find("qemu-system-aarch64") is None:
        return "not installed"
    found = re.search(r"version (\S+)", call(["qemu-system-aarch64", "--version"], "asking for QEMU's version"))
    return found[1] if found else "unknown"
