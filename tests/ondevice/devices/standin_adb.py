"""A stand-in for adb and the phone behind it: a folder is the phone's file system, QEMU its processor.

`python standin_adb.py WORDS` does what adb does with these words, as far as a program can tell. What the phone has to
run is run: its shell's commands by this machine's shell, programs for arm64 by `qemu-aarch64`.

`make_phone` makes such a phone. It is unplugged while its folder holds a file `unplugged`, and from the moment that a
file or a command comes which a file `break` there names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

STORAGE = "data/local/tmp"
SERIAL = "standin-1"
QEMU = ("qemu-aarch64", "-cpu", "cortex-a53")

TOOLS = {
    "uname": 'echo "${STANDIN_PROCESSOR:-aarch64}"',
    "getprop": (
        'case "$1" in ro.product.manufacturer) echo Nobody;; ro.product.model) echo "Stand-in 1";; '
        "ro.build.version.release) echo 13;; esac"
    ),
}
"""Commands that a phone answers otherwise than this machine."""

CORE = (
    "processor\t: {number}\nBogoMIPS\t: 38.40\nFeatures\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid\n"
    "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd03\nCPU revision\t: 4\n\n"
)


def make_phone(folder: Path, path: Path) -> None:
    """Make a phone in a folder and a program `adb` in another that reaches it."""
    for place in (STORAGE, "system/bin", "proc", "sys/devices/system/cpu"):
        (folder / place).mkdir(parents=True)
    for name, script in TOOLS.items():
        _write_program(folder / "system/bin" / name, script)
    # LiteRT looks for the processor's cores there and would find the ones of this machine, which it can't cope with.
    (folder / "proc/cpuinfo").write_text("".join(CORE.format(number=number) for number in range(2)))
    for name in ("possible", "present", "online"):
        (folder / "sys/devices/system/cpu" / name).write_text("0-1\n")
    path.mkdir()
    _write_program(path / "adb", f"STANDIN='{folder}' exec '{sys.executable}' -S '{Path(__file__).resolve()}' \"$@\"")


def asked(folder: Path) -> list[list[str]]:
    """Return everything that adb has been asked so far."""
    return [json.loads(line) for line in (folder / "asked").read_text().splitlines()]


def _write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


class Phone:
    """The phone that a folder stands for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def local(self, path: str) -> Path:
        """Return where a file of the phone really is."""
        return self.folder / path.lstrip("/")

    def translate(self, command: str) -> str:
        """Return a command of the phone's shell as this machine's shell can run it."""
        command = re.sub(rf"/(?={STORAGE}|proc/cpuinfo)", f"{self.folder}/", command)
        return re.sub(r"\S+/ld-linux-\S+", self._loader, command)

    def _loader(self, found: re.Match[str]) -> str:
        program = Path(found[0])
        if not program.is_file() or program.read_bytes()[:4] != b"\x7fELF":
            return found[0]
        emulator = shutil.which(QEMU[0])
        # Files below the folder are found first under their names on the phone.
        return f"{emulator} {' '.join(QEMU[1:])} -L {self.folder} {found[0]}"

    def shell(self, command: str) -> int:
        """Run a command; a connection that is lost meanwhile leaves it running and looks like a success."""
        if self._breaks(command.split()[0]):
            return self._unplug("error: closed")
        environment = {"PATH": f"{self.folder}/system/bin:/usr/bin:/bin"}
        environment |= {name: value for name, value in os.environ.items() if name.startswith("STANDIN")}
        words = [os.environ.get("STANDIN_SHELL", "/bin/sh"), "-c", self.translate(command)]
        process = subprocess.Popen(words, cwd="/", env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
        while process.poll() is None:
            if (self.folder / "unplugged").exists():
                return 0
            time.sleep(0.01)
        return process.returncode % 256

    def transfer(self, sources: list[Path], target: Path, verb: str) -> int:
        """Copy files and folders, into the target if it is a folder."""
        into = target.is_dir()
        if len(sources) > 1 and not into:
            return _fail(f"adb: error: target '{target}' is not a directory")
        target.parent.mkdir(parents=True, exist_ok=True)
        for source in sources:
            place = target / source.name if into else target
            if not source.exists():
                return _fail(f"adb: error: failed to stat object '{source}': No such file or directory")
            if self._breaks(source.name):
                place.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
                return self._unplug(f"adb: error: failed to copy '{source}' to '{place}': Connection reset by peer")
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, place)
            print(f"{source}: 1 file {verb}, 0 skipped.")
        return 0

    def _breaks(self, name: str) -> bool:
        order = self.folder / "break"
        return order.is_file() and order.read_text() == name

    def _unplug(self, words: str) -> int:
        (self.folder / "unplugged").touch()
        return _fail(words)


def _fail(words: str) -> int:
    print(words, file=sys.stderr)
    return 1


def _trouble(folder: Path, serial: str) -> str:
    """Say why a device can't be used, in adb's words; empty if it can."""
    known = dict(one.split("=") for one in os.environ.get("STANDIN_DEVICES", f"{SERIAL}=device").split())
    if (folder / "unplugged").exists():
        known = {}
    if serial and serial not in known:
        return f"device '{serial}' not found"
    if not serial and len(known) != 1:
        return "more than one device/emulator" if known else "no devices/emulators found"
    return {
        "device": "",
        "offline": "device offline",
        "unauthorized": (
            "device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set\nTry 'adb kill-server' if that seems "
            "wrong.\nOtherwise check for a confirmation dialog on your device."
        ),
    }[known[serial] if serial else next(iter(known.values()))]


def main(words: list[str]) -> int:
    """Do one adb command and return adb's exit code."""
    folder = Path(os.environ["STANDIN"])
    with (folder / "asked").open("a") as log:
        log.write(json.dumps(words) + "\n")
    serial = os.environ.get("ANDROID_SERIAL", "")
    if words[0] == "-s":
        serial, words = words[1], words[2:]
    verb, words = words[0], words[1:]
    trouble = _trouble(folder, serial)
    if trouble and verb in ("push", "pull"):
        return _fail(f"adb: error: failed to get feature set: {trouble}")
    if trouble:
        return _fail(f"error: {trouble}")
    phone = Phone(folder)
    if verb == "shell":
        return phone.shell(" ".join(words))
    if verb == "push":
        return phone.transfer([Path(word) for word in words[:-1]], phone.local(words[-1]), "pushed")
    if verb == "pull":
        return phone.transfer([phone.local(word) for word in words[:-1]], Path(words[-1]), "pulled")
    answers = {"get-state": "device", "get-serialno": serial or SERIAL}
    if verb not in answers:
        return _fail(f"adb: unknown command {verb}")
    print(answers[verb])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
