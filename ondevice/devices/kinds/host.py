"""This machine as a device: the runtime runs in a process of its own, which may refuse, crash or hang."""

from __future__ import annotations

import math
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ondevice.devices.device import Device, Job, Outcome
from ondevice.devices.job_folder import failed, how_it_died, read_outcome, write_job
from ondevice.devices.process import beside, run_limited
from ondevice.devices.runtimes import RUNTIMES, find_runtime, installed_version
from ondevice.versions import machine

GRACE_S = 5
LAUNCH = (
    "import ctypes, os, runpy, sys; sys.argv.pop(0); sys.path[0] = os.path.dirname(sys.argv[0]); "
    "getattr(ctypes.CDLL(None), 'prctl', lambda *_: 0)(1, 9); runpy.run_path(sys.argv[0], run_name='__main__')"
)
"""Starts a script that Linux ends (signal 9) as soon as whoever started it is gone (option 1), killed perhaps."""


@dataclass(frozen=True)
class Host(Device):
    """This machine, with the runtimes that are installed beside this package.

    A process per job keeps crashes away from the caller, gives memory a known start, and is needed anyway:
    tflite-runtime 2.14 cannot load a file in a process that has imported TensorFlow.
    """

    name: str = "host"

    def runtimes(self) -> list[str]:
        """Name the runtimes that this device offers, installed or not."""
        return list(RUNTIMES)

    def installed(self) -> list[str]:
        """Name the runtimes whose packages are installed."""
        return [name for name, runtime in RUNTIMES.items() if installed_version(runtime) is not None]

    def missing(self) -> str:
        """Return nothing: this machine is here; a runtime that is not is told by its jobs."""
        return ""

    def machine(self) -> dict[str, str]:
        """Describe this machine."""
        return machine()

    def _run_all(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs in order, timed ones alone and others beside each other."""
        outcomes: list[Outcome] = []
        for timed, group in groupby(jobs, lambda job: job.repeats > 0):
            outcomes += beside(self._run, list(group), 1 if timed else os.cpu_count())
        return outcomes

    def _run(self, job: Job, cancelled: Callable[[], bool]) -> Outcome:
        runtime = find_runtime(job.runtime)
        version = installed_version(runtime)
        if version is None:
            message = (
                f"{runtime.distribution} is not installed in this Python {platform.python_version()} on "
                f"{platform.system()}; it can be installed on {runtime.wheels}."
            )
            return failed(job, self.name, "", "missing", message)
        with tempfile.TemporaryDirectory(prefix="ondevice-") as name:
            folder = Path(name)
            runner = write_job(folder, job, str(job.model.resolve()), math.ceil(job.timeout_s) + GRACE_S)
            command = [sys.executable, "-c", LAUNCH, str(runner), str(folder)]
            code = run_limited(
                command,
                folder / "stdout.txt",
                folder / "stderr.txt",
                lambda elapsed_s: elapsed_s > job.timeout_s or cancelled(),
            )
            if code is None:
                return failed(job, self.name, version, "timed out", f"no result within {job.timeout_s:g} s")
            outcome = read_outcome(folder, job, self.name, version)
            # A result does not excuse a process that died after writing it.
            if code != 0 or outcome is None:
                return failed(job, self.name, version, *how_it_died(code, folder / "stderr.txt"))
            return outcome
