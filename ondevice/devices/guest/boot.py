"""One start of the emulated phone: the command, the watchdog and what its console tells."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ondevice.devices.guest.image import KERNEL_FILE, START_FILE, Image
from ondevice.devices.guest.tools import find
from ondevice.devices.process import run_limited

BOOT_LIMIT_S = 120.0
KERNEL_OPTIONS = "console=ttyAMA0 quiet panic=-1 nokaslr cma=0"
CONSOLE = "console.txt"


@dataclass(frozen=True)
class Ending:
    """How a start of the phone ended.

    Args:
        done: whether the phone did all its jobs and switched itself off.
        stopped: whether the watchdog had to stop it.
        exit_codes: exit code of each job that ended, by number; above 128 the signal that ended it, plus 128.
        running: number of the job that had started and not ended, None if there is none.
        out_of_memory: numbers of the jobs during which the kernel ended a process for want of memory.
        last_words: last line of the console or of the emulator that tells of a problem.
    """

    done: bool
    stopped: bool
    exit_codes: dict[int, int]
    running: int | None
    out_of_memory: frozenset[int]
    last_words: str


def command(
    image: Image, cpu: str, memory_mb: int, job_disk: Path, system_disk: Path, prepare: bool = False
) -> list[str]:
    """Return the command that starts the phone.

    Args:
        image: what it starts from.
        cpu: QEMU's name of the processor.
        memory_mb: RAM in MB of 2^20 bytes.
        job_disk: disk that it may write to.
        system_disk: disk with its system.
        prepare: whether it may write to the system disk.
    """
    read_only = "off" if prepare else "on"
    options = f"{KERNEL_OPTIONS} ondevice.prepare" if prepare else KERNEL_OPTIONS
    drives = [
        f"if=none,id=system,file.filename={_escaped(system_disk)},format=raw,readonly={read_only}",
        # A full disk of the host must reach the phone as an error; without `report` it would be halted instead.
        f"if=none,id=job,file.filename={_escaped(job_disk)},format=raw,cache=unsafe,werror=report,rerror=report",
    ]
    return [
        # The emulator ends with the process that started it, even if that is killed.
        str(find("setpriv")), "--pdeathsig", "KILL",
        str(find("qemu-system-aarch64")), "-M", "virt", "-cpu", cpu, "-smp", "1", "-m", str(memory_mb),
        # One instruction is one nanosecond of the phone's clock, and waiting takes no time.
        "-icount", "shift=0,sleep=off",
        "-nic", "none", "-nographic", "-no-reboot",
        "-kernel", str(image.folder / KERNEL_FILE), "-initrd", str(image.folder / START_FILE), "-append", options,
        "-drive", drives[0], "-drive", drives[1],
        # The last device becomes /dev/vda.
        "-device", "virtio-blk-device,drive=job", "-device", "virtio-blk-device,drive=system",
    ]  # fmt: skip


def _escaped(path: Path) -> str:
    return str(path).replace(",", ",,")


def boot(
    command: Sequence[str], folder: Path, limits_s: Sequence[float], cancelled: Callable[[], bool] = lambda: False
) -> Ending:
    """Start the phone, wait for its end and tell of it; nothing is left running.

    Args:
        command: what `command` gave.
        folder: where the console's text is kept.
        limits_s: seconds that each job may take, by its number.
        cancelled: asked again and again; true stops the phone.
    """
    console, errors = folder / CONSOLE, folder / "emulator.txt"
    seen, since = -1, 0.0

    def overdue(elapsed_s: float) -> bool:
        nonlocal seen, since
        started = len(re.findall(rb"@ondevice job \d+ started", console.read_bytes()))
        if started != seen:
            seen, since = started, elapsed_s
        limit = limits_s[started - 1] if 0 < started <= len(limits_s) else BOOT_LIMIT_S
        return cancelled() or elapsed_s - since > limit

    code = run_limited(command, console, errors, overdue)
    text = console.read_text(encoding="utf-8", errors="replace")
    return _ending(text, errors.read_text(encoding="utf-8", errors="replace"), code)


def _ending(console: str, errors: str, code: int | None) -> Ending:
    exit_codes: dict[int, int] = {}
    out_of_memory = set()
    running = None
    for line in console.splitlines():
        if found := re.search(r"@ondevice job (\d+) started", line):
            running = int(found[1])
        elif found := re.search(r"@ondevice job (\d+) ended (\d+)", line):
            exit_codes[int(found[1])] = int(found[2])
            running = None
        elif running is not None and "Out of memory: Killed process" in line:
            out_of_memory.add(running)
    telling = [line.strip() for line in (console + "\n" + errors).splitlines() if _tells(line)]
    how = "was killed" if code is not None and code < 0 else f"ended with exit code {code}"
    last_words = telling[0] if telling else f"the emulator {how}"
    done = code == 0 and "@ondevice done" in console
    return Ending(done, code is None, exit_codes, running, frozenset(out_of_memory), last_words)


def _tells(line: str) -> bool:
    return bool(re.search(r"Kernel panic|@ondevice no |I/O error|qemu-system-\w+: ", line))
