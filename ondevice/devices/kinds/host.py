"""This machine as a device: the runtime runs in a process of its own, which may refuse, crash or hang."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from ondevice.devices.device import Device, Job, Outcome
from ondevice.devices.job_folder import check_job, failed, read_outcome, write_job
from ondevice.devices.runtimes import RUNTIMES, find_runtime, installed_version

GRACE_S = 5


class Host(Device):
    """This machine, with the runtimes that are installed beside this package.

    A process per job keeps crashes away from the caller, gives memory a known start, and is needed anyway:
    tflite-runtime 2.14 cannot load a file in a process that has imported TensorFlow.
    """

    name = "host"

    def runtimes(self) -> list[str]:
        """Name the runtimes that this device offers, installed or not."""
        return list(RUNTIMES)

    def installed(self) -> list[str]:
        """Name the runtimes whose packages are installed."""
        return [name for name, runtime in RUNTIMES.items() if installed_version(runtime) is not None]

    def run(self, job: Job) -> Outcome:
        """Run a job. A refusal, crash or time-out of the runtime is an `Outcome`, not an exception.

        Raises:
            UsageError: the runtime is unknown, the model does not exist, or the job contradicts itself.
        """
        check_job(job)
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
            code = _run_limited(command, folder / "stderr.txt", job.timeout_s)
            if code is None:
                return failed(job, self.name, version, "timed out", f"no result within {job.timeout_s:g} s")
            outcome = read_outcome(folder, job, self.name, version)
            # A result does not excuse a process that died after writing it.
            if code != 0 or outcome is None:
                return failed(job, self.name, version, "crashed", _last_words(code, folder / "stderr.txt"))
            return outcome


def _run_limited(command: list[str], errors: Path, timeout_s: float) -> int | None:
    """Run a command and return its exit code, or None when it had to be stopped; no process is ever left."""
    process = None
    with errors.open("wb") as stderr:
        try:
            with _interrupt_deferred():
                # A session of its own: one signal reaches the process and all its children, and none of ours.
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                    start_new_session=True,
                )
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            # Also on KeyboardInterrupt. Once waited for, the number may belong to another process.
            if process is not None and process.poll() is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextlib.contextmanager
def _interrupt_deferred() -> Iterator[None]:
    """Let an interrupt wait until the block is done.

    One that came while a process is being started would leave the process behind, with nobody who knows its number.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        before(signal.SIGINT, None)


def _last_words(code: int, errors: Path) -> str:
    """Say in one line how a process ended: its signal or exit code, and the last line it wrote."""
    known = {int(one): one.name for one in signal.Signals}
    cause = f"killed by {known.get(-code, f'signal {-code}')}" if code < 0 else f"exit code {code}"
    lines = errors.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line.strip() for line in lines if line.strip() and not line.startswith("INFO:")]
    return f"{cause}: {said[-1]}" if said else cause
