"""Any `.tflite` file tried on the runtimes of this machine, each in a process that it may end."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ondevice import files
from ondevice.devices import attempt
from ondevice.devices.job_folder import how_it_died
from ondevice.devices.process import run_limited
from ondevice.devices.runtimes import RUNTIMES, installed_version
from ondevice.errors import escaped

LIMIT_S = 60
MEMORY_BYTES = 4 << 30
"""What a trial may take, at most."""
LONGEST = 300
"""Characters of what a runtime said that are kept: some say the same of every node."""


@dataclass(frozen=True)
class Trial:
    """What a runtime did with a file when it was given numbers.

    Args:
        version: version of the runtime.
        status: `"answers"`, `"refused"`, `"crashed"` or `"timed out"`.
        step: what it was doing, one of `attempt.LOADED`, `ALLOCATED` and `CALLED`.
        message: what the runtime or the system said, in one line; empty where it answers.
    """

    version: str
    status: str
    step: str
    message: str


def trials(model: Path) -> dict[str, Trial]:
    """Try a file on every runtime that is installed.

    Args:
        model: the file.
    """
    found = {name: installed_version(runtime) for name, runtime in RUNTIMES.items()}
    return {name: _trial(model, name, version) for name, version in found.items() if version is not None}


def _trial(model: Path, runtime: str, version: str) -> Trial:
    with tempfile.TemporaryDirectory(prefix="ondevice-") as name:
        folder = Path(name)
        job = {
            "model": str(model.resolve()),
            "module": RUNTIMES[runtime].module,
            "limit_s": LIMIT_S,
            "memory_bytes": MEMORY_BYTES,
        }
        files.write_text(folder / "job.json", json.dumps(job))
        # Copied, so that what stands beside it can't be taken for a module of the runtime's.
        script = Path(shutil.copy(attempt.__file__, folder))
        errors = folder / "stderr.txt"
        code = run_limited(
            [sys.executable, str(script), str(folder)], folder / "stdout.txt", errors, lambda elapsed: elapsed > LIMIT_S
        )
        result, step_file = folder / "result.json", folder / "step.txt"
        if code == 0 and result.is_file():
            found = json.loads(result.read_text("utf-8"))
            return Trial(version, found["status"], found["step"], escaped(found["message"])[:LONGEST])
        step = step_file.read_text("utf-8") if step_file.is_file() else "starting"
        if code is None:
            return Trial(version, "timed out", step, f"no answer within {LIMIT_S} s")
        status, message = how_it_died(code, errors)
        return Trial(version, status, step, escaped(message)[:LONGEST])
