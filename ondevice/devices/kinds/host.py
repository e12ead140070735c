"""This machine as a device: the runtime runs in a process of its own, which may refuse, crash or hang."""

from __future__ import annotations

import math
import os
import platform
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ondevice.devices.device import Device, Job, Outcome
from ondevice.devices.job_folder import check_job, failed, how_it_died, read_outcome, write_job
from ondevice.devices.process import run_limited
from ondevice.devices.runtimes import RUNTIMES, find_runtime, installed_version
from ondevice.versions import machine

GRACE_S = 5
JOBS_AT_ONCE = 4
"""Jobs beside each other, at most: as many outcomes are held."""


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

    def outcomes(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """Run jobs that are timed alone and others beside each other; see `Device.outcomes`."""
        for job in jobs:
            check_job(job)
        return self._outcomes(jobs)

    def _outcomes(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        at_once = min(JOBS_AT_ONCE, os.cpu_count() or 1)
        running: deque[Future[Outcome]] = deque()
        cancelled = threading.Event()
        with ThreadPoolExecutor(at_once) as pool:
            try:
                for job in jobs:
                    while running and (job.repeats or len(running) == at_once):
                        yield running.popleft().result()
                    running.append(pool.submit(self._run, job, cancelled.is_set))
                    if job.repeats:
                        yield running.popleft().result()
                while running:
                    yield running.popleft().result()
            finally:
                # Also on KeyboardInterrupt: the pool waits for its threads, and they for the processes.
                cancelled.set()

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
            command = [sys.executable, str(runner), str(folder)]
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
