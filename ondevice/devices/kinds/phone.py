"""An emulated arm64 phone: a whole system under QEMU, with the real runtimes, an old processor and little memory."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ondevice.devices.device import Device, Job, Outcome
from ondevice.devices.guest import image as images
from ondevice.devices.guest.boot import Ending, boot, command
from ondevice.devices.guest.disk import make_disk, read_disk
from ondevice.devices.guest.image import SYSTEM_FILE, Image, ImageSpec
from ondevice.devices.guest.tools import version_of_qemu
from ondevice.devices.job_folder import failed, how_it_died, of_shell, read_outcome, write_job
from ondevice.devices.process import beside
from ondevice.errors import OnDeviceError

RESULT_ROOM_BYTES = 8 << 30
FULL_BELOW_BYTES = 16 << 20


@dataclass(frozen=True)
class Phone(Device):
    """A phone that QEMU emulates as a whole: kernel, memory limit and all.

    Its clock counts instructions: under `-icount` one executed instruction is one nanosecond, whatever the host does
    meanwhile, so equal runs cost equal figures. They are no time: nothing emulates caches, memory or pipelines.

    Args:
        name: name of the device.
        cpu: QEMU's name of the processor.
        memory_mb: RAM in MB of 2^20 bytes; kernel, Python and NumPy take about 70 of it.
        image: name of the image it starts from.
    """

    cpu: str
    memory_mb: int
    image: str = "arm64"

    users = 1_000
    timed = 30

    def runtimes(self) -> list[str]:
        """Name the runtimes of the image."""
        return list(images.load(self.image).runtimes)

    def missing(self) -> str:
        """Say what keeps the phone from being started and what to do about it."""
        return images.missing(images.load(self.image))

    def machine(self) -> dict[str, str]:
        """Describe the emulated machine."""
        return {
            "system": f"emulated {images.load(self.image).architecture} (QEMU {version_of_qemu()}, whole system)",
            "processor": self.cpu,
            "cores": "1",
            "memory": f"{self.memory_mb} MB",
        }

    def _run_all(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs, those of each runtime in one start of the phone."""
        image = images.open_image(images.load(self.image))
        groups = {job.runtime: [each for each in jobs if each.runtime == job.runtime] for job in jobs}
        # Each start keeps one core busy; what it counts does not depend on what else the host does.
        started = beside(
            lambda group, cancelled: self._start(image, group, cancelled), list(groups.values()), os.cpu_count()
        )
        outcomes = dict(zip(groups, map(iter, started), strict=True))
        return [next(outcomes[job.runtime]) for job in jobs]

    def _start(self, image: Image, jobs: list[Job], cancelled: Callable[[], bool]) -> list[Outcome]:
        with tempfile.TemporaryDirectory(prefix="ondevice-phone-") as name:
            folder = Path(name)
            _write_content(folder / "content", jobs, image.spec)
            make_disk(folder / "content", folder / "job.ext4", RESULT_ROOM_BYTES)
            shutil.rmtree(folder / "content")
            start = command(image, self.cpu, self.memory_mb, folder / "job.ext4", image.folder / SYSTEM_FILE)
            ending = boot(start, folder, [job.timeout_s for job in jobs], cancelled)
            back = _read_back(folder)
            full = shutil.disk_usage(folder).free < FULL_BELOW_BYTES
            return [self._outcome(number, job, ending, back, full) for number, job in enumerate(jobs)]

    def _outcome(self, number: int, job: Job, ending: Ending, back: Path | None, full: bool) -> Outcome:
        version = images.load(self.image).runtimes[job.runtime]
        code = ending.exit_codes.get(number)
        place = back / str(number) if back is not None else None
        outcome = None
        if code == 0 and place is not None:
            outcome = read_outcome(place, job, self.name, version, clock="instructions")
        if full and (outcome is None or outcome.measurement.status == "device failed"):
            message = f"the disk of {tempfile.gettempdir()!r} is full, so the phone could not write its results"
            return failed(job, self.name, version, "device failed", message)
        if outcome is not None:
            return outcome
        if number in ending.out_of_memory:
            message = f"the phone's {self.memory_mb} MB ran out, and its kernel ended the runtime"
            return failed(job, self.name, version, "out of memory", message)
        if code:
            errors = (place or Path()) / "stderr.txt"
            return failed(job, self.name, version, *how_it_died(of_shell(code), errors))
        if ending.stopped and ending.running == number:
            return failed(job, self.name, version, "timed out", f"no result within {job.timeout_s:g} s")
        before = f"job {ending.running + 1} of this start did not end" if ending.running not in (None, number) else ""
        message = before or ("the phone did not start in time" if ending.stopped else ending.last_words)
        return failed(job, self.name, version, "device failed", message)


def _write_content(content: Path, jobs: list[Job], spec: ImageSpec) -> None:
    """Write what the phone finds on its disk: each file once, a folder per job and the script that does them."""
    (content / "models").mkdir(parents=True)
    models = {model: f"models/{number}.tflite" for number, model in enumerate({job.model for job in jobs})}
    for model, place in models.items():
        shutil.copyfile(model, content / place)
    lines = ["cd /job", *images.exports(spec)]
    for number, job in enumerate(jobs):
        folder = content / "jobs" / str(number)
        folder.mkdir(parents=True)
        write_job(folder, job, f"/job/{models[job.model]}", limit_s=0)
        lines += [
            f"echo '@ondevice job {number} started'",
            f"python3.11 -S jobs/{number}/runner.py jobs/{number} 2> jobs/{number}/stderr.txt",
            f'code=$?; /bin/busybox sync; echo "@ondevice job {number} ended $code"',
        ]
    (content / "main.sh").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _read_back(folder: Path) -> Path | None:
    """Return the folder of the jobs as the phone left them, or None where its disk can't be read any more."""
    try:
        read_disk(folder / "job.ext4", "/jobs", folder)
    except OnDeviceError:
        return None
    return folder / "jobs"
