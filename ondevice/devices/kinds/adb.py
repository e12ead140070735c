"""An Android phone, or whatever else adb reaches: the emulated phone's programs under the kernel of a real one."""

from __future__ import annotations

import contextlib
import math
import re
import shlex
import shutil
import signal
import tarfile
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ondevice.devices.adb_line import HINTS, DeviceFailed, Line, Overdue, alone, connect
from ondevice.devices.device import Device, Job, Outcome
from ondevice.devices.guest import image as images
from ondevice.devices.guest import tools
from ondevice.devices.guest.image import ROOT_FOLDER, ImageSpec
from ondevice.devices.job_folder import failed, how_it_died, of_shell, read_outcome, write_job
from ondevice.devices.runtimes import find_runtime
from ondevice.errors import UsageError

PROCESSORS = {"arm64": ("aarch64",), "armhf": ("armv7l", "armv8l")}
"""What `uname -m` says on the processors that run an image, by the image's architecture."""

PYTHON = "usr/bin/python3.11"
TRANSFER_S = 900
"""Seconds for sending or fetching files, and for unpacking them; the image is about 150 MB."""
GRACE_S = 5

_RUNNER = Path(__file__).parents[1] / "runner.py"


@dataclass(frozen=True)
class Adb(Device):
    """An Android phone, or whatever else adb reaches; not verified on hardware.

    Android has no Python, but its shell may run any program below `/data/local/tmp` through that program's own loader.
    So the image of the emulated phone is unpacked there, once, and jobs run in it under the device's kernel. Its
    figures are times, which depend on how warm the device is and what else it does. One process of this machine uses
    a device at a time, others wait.

    Args:
        name: name of the device.
        serial: serial number of the device; without it adb takes `$ANDROID_SERIAL` or the only one.
        folder: absolute path of the folder on the device in which everything is kept.
        image: name of the image whose programs run there.
    """

    serial: str = ""
    folder: str = "/data/local/tmp/ondevice"
    image: str = "arm64"

    # Answers take time here and do not repeat: so many make the interval narrow before the device is hot.
    users = 10_000

    def __post_init__(self) -> None:
        if not self.folder.startswith("/"):
            raise UsageError(f"folder must be an absolute path on the device, received {self.folder!r}.")

    def runtimes(self) -> list[str]:
        """Name the runtimes of the image."""
        return list(images.load(self.image).runtimes)

    def missing(self) -> str:
        """Say what keeps the device from being used and what to do about it."""
        if shutil.which("adb") is None:
            return f"adb is not installed; run: {tools.install_command(['adb'])}"
        spec = images.load(self.image)
        if reason := images.not_installed(spec):
            return reason
        with connect(self.serial) as line:
            try:
                state = (line.adb("get-state").split() or ["unknown"])[-1]
                if state != "device":
                    raise DeviceFailed(f"its state is {state!r}")
                _, said = line.shell("uname -m")
            except DeviceFailed as error:
                hint = next((f"; {hint}" for state, hint in HINTS.items() if state in str(error)), "")
                return f"adb reaches no device: {error}{hint}"
        processors = PROCESSORS[spec.architecture]
        if said.strip() not in processors:
            return f"image {spec.name!r} is for {' or '.join(processors)}, but the device is {said.strip()!r}"
        return ""

    def machine(self) -> dict[str, str]:
        """Describe the device; what it does not tell, or no longer, is unknown."""
        facts = [f"getprop ro.{name}" for name in ("product.manufacturer", "product.model", "build.version.release")]
        said = ""
        # Asked when everything has been measured, which must not be lost with the device.
        with connect(self.serial) as line, contextlib.suppress(DeviceFailed, FileNotFoundError):
            _, said = line.shell("; ".join([*facts, "cat /proc/cpuinfo"]))
        maker, model, release = ([text.strip() for text in said.splitlines()] + [""] * 3)[:3]
        # Of a core Linux tells only numbers: who designed it and which of theirs it is, e.g. 0x41/0xd05.
        parts = Counter(re.findall(r"^CPU implementer\s*:\s*(\S+)\n(?:.+\n)*?CPU part\s*:\s*(\S+)", said, re.MULTILINE))
        cores = " + ".join(f"{count} x {designer}/{part}" for (designer, part), count in parts.items())
        return {
            "system": f"Android {release or 'unknown'}",
            "device": f"{maker} {model}".strip() or "unknown",
            "processor": cores or "unknown",
            "cores": str(parts.total() or "unknown"),
        }

    def _run_all(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs one after the other."""
        spec = images.load(self.image)
        with connect(self.serial) as line:
            try:
                with alone(line):
                    return self._run_on(line, spec, jobs)
            except DeviceFailed as error:
                return [failed(job, self.name, spec.runtimes[job.runtime], "device failed", str(error)) for job in jobs]

    def _run_on(self, line: Line, spec: ImageSpec, jobs: Sequence[Job]) -> list[Outcome]:
        work = shlex.quote(f"{self.folder}/current")
        try:
            # Also what one that was killed or cut off has left.
            line.do("making a folder on the device", f"rm -rf {work} && mkdir -p {work}/models")
            self._put_root(line, spec)
            models = {
                model: f"{self.folder}/current/models/{number}.tflite"
                for number, model in enumerate(dict.fromkeys(job.model for job in jobs))
            }
            for model, place in models.items():
                line.adb("push", str(model), place, limit_s=TRANSFER_S)
            return [
                self._run(line, spec, job, models[job.model], f"{self.folder}/current/{number}")
                for number, job in enumerate(jobs)
            ]
        finally:
            # Also on KeyboardInterrupt; where the device is gone, whoever comes next clears up.
            with contextlib.suppress(DeviceFailed):
                line.shell(f"rm -rf {work}")

    def _put_root(self, line: Line, spec: ImageSpec) -> None:
        """Unpack the image's programs on the device, unless they are there; the file `whole` is written last."""
        folder = shlex.quote(self.folder)
        _, said = line.shell(f"cat {folder}/whole")
        if said.strip() == spec.key:
            return
        image = images.open_image(spec)
        what = "putting the image on the device"
        line.do(what, f"rm -f {folder}/whole && rm -rf {folder}/root && mkdir {folder}/root", TRANSFER_S)
        archive = line.scratch / "root.tar"
        with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
            tar.add(image.folder / ROOT_FOLDER, ".")
        line.adb("push", str(archive), str(_RUNNER), f"{self.folder}/current", limit_s=TRANSFER_S)
        archive.unlink()
        line.do(what, f"cd {folder}/root && tar -xf ../current/root.tar && rm ../current/root.tar", TRANSFER_S)
        # It proves that they run here, and Python keeps the bytecode.
        for name in spec.runtimes:
            script = shlex.quote(f"import runner, {find_runtime(name).module}")
            start = f"cd {folder}/current && {self._python(spec)} -c {script}"
            line.do(f"starting {name} on the device", start, TRANSFER_S)
        line.do(what, f"sync && echo {spec.key} > {folder}/whole", TRANSFER_S)

    def _python(self, spec: ImageSpec, **variables: str) -> str:
        """Return the start of a shell command that runs the image's Python, in an environment that is always equal."""
        root = f"{self.folder}/root"
        paths = spec.environment(root)
        # For the loader only: a child of it would be a program of Android, which these libraries don't suit.
        libraries = paths.pop("LD_LIBRARY_PATH")
        variables = {"PYTHONHOME": f"{root}/usr", **paths, **variables}
        loader = [f"{root}/{spec.loader}", "--library-path", libraries]
        return shlex.join(
            ["env", "-i", *(f"{name}={value}" for name, value in variables.items()), *loader, f"{root}/{PYTHON}", "-S"]
        )

    def _run(self, line: Line, spec: ImageSpec, job: Job, model: str, place: str) -> Outcome:
        """Run a job in a folder of the device that is not there yet; where adb finds one, it sends into it."""
        version = spec.runtimes[job.runtime]
        # adb's shell leads a process group of its own, in which all that it starts is.
        leave = f"kill -9 -$(cat {shlex.quote(place)}/pid); rm -rf {shlex.quote(place)}"
        command = f"{self._python(spec, PYTHONDONTWRITEBYTECODE='1')} runner.py . > stdout.txt 2> stderr.txt"
        with tempfile.TemporaryDirectory(prefix="job-", dir=line.scratch) as name:
            there, back = Path(name) / "there", Path(name) / "back"
            there.mkdir()
            write_job(there, job, model, math.ceil(job.timeout_s) + GRACE_S)
            try:
                line.adb("push", str(there), place, limit_s=TRANSFER_S)
                try:
                    code, _ = line.shell(f"cd {shlex.quote(place)} && echo $$ > pid && {command}", job.timeout_s)
                except Overdue:
                    # A device that does not answer any more is to blame itself; this finds out.
                    line.shell(leave)
                    return failed(job, self.name, version, "timed out", f"no result within {job.timeout_s:g} s")
                leave = f"rm -rf {shlex.quote(place)}"
                line.adb("pull", place, str(back), limit_s=TRANSFER_S)
            except DeviceFailed as error:
                return failed(job, self.name, version, "device failed", str(error))
            finally:
                # Also on KeyboardInterrupt.
                with contextlib.suppress(DeviceFailed):
                    line.shell(leave)
            outcome = read_outcome(back, job, self.name, version) if code == 0 else None
            if outcome is not None:
                return outcome
            died = of_shell(code)
            status, message = how_it_died(died, back / "stderr.txt")
            hint = "; Android does that when memory runs out" if died == -signal.SIGKILL else ""
            return failed(job, self.name, version, status, message + hint)
