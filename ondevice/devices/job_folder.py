"""The folder through which a job goes to the runner and its result comes back, on the host or in a guest."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice import files
from ondevice.devices.device import Job, Outcome
from ondevice.devices.measurement import Measurement
from ondevice.devices.runner import digests_of
from ondevice.devices.runtimes import find_runtime
from ondevice.errors import UsageError, unknown_name
from ondevice.manifest import Tensor

THREADS = 1
NOT_MEASURED = -1

_RUNNER = Path(__file__).with_name("runner.py")


def check_job(job: Job, runtimes: Iterable[str]) -> None:
    """Refuse a job that no runtime could run.

    Args:
        job: the job.
        runtimes: names of the runtimes there are.

    Raises:
        UsageError: the runtime is unknown, the model does not exist, or the numbers contradict each other.
    """
    if job.runtime not in runtimes:
        raise unknown_name("runtime", job.runtime, runtimes)
    if not job.model.is_file():
        raise UsageError(f"model {str(job.model)!r} does not exist.")
    counts = {name: len(values) if values.ndim else 0 for name, values in job.inputs.items()}
    if len(set(counts.values())) != 1 or not all(counts.values()):
        raise UsageError(f"inputs must hold the same number of inferences, at least one; received {counts}.")
    if job.warmups < 0 or job.repeats < 0:
        raise UsageError(f"warmups and repeats must be 0 or more, received {job.warmups} and {job.repeats}.")


def write_job(folder: Path, job: Job, model: str, limit_s: int) -> Path:
    """Put the job and the runner into a folder and return the runner's path there.

    Args:
        folder: an empty folder.
        job: a checked job.
        model: absolute path of the model where the runner runs.
        limit_s: seconds after which the runner ends itself, in case nobody stops it; 0 for never.
    """
    description = {
        "model": model,
        "module": find_runtime(job.runtime).module,
        "signature": job.signature,
        "inputs": list(job.inputs),
        "warmups": job.warmups,
        "repeats": job.repeats,
        "threads": THREADS,
        "digests": None if job.digests is None else asdict(job.digests),
        "limit_s": limit_s,
    }
    files.write_json(folder / "job.json", description)
    # By position: an array's name may hold characters that no file name takes.
    for number, values in enumerate(job.inputs.values()):
        np.save(folder / f"input-{number}.npy", values)
    return Path(shutil.copyfile(_RUNNER, folder / "runner.py"))


def read_outcome(folder: Path, job: Job, device: str, version: str, clock: str = "time") -> Outcome | None:
    """Read what the runner left, or None if it left no result.

    Args:
        folder: the folder of the job.
        job: the job.
        device: name of the device.
        version: version of the runtime's package.
        clock: what the runner's clock counted, one of `measurement.CLOCKS`.
    """
    if not (folder / "result.json").is_file():
        return None
    try:
        result = json.loads((folder / "result.json").read_bytes())
    except (json.JSONDecodeError, UnicodeDecodeError):
        return failed(job, device, version, "device failed", "the result was damaged on its way here")
    if result["status"] != "ok":
        return failed(job, device, version, result["status"], result["message"])
    inputs, outputs = (
        tuple(Tensor(one["name"], tuple(one["shape"]), one["dtype"]) for one in result[key])
        for key in ("inputs", "outputs")
    )
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    digests: dict[str, tuple[str, ...]] = {}
    for number, (spec, written) in enumerate(zip(outputs, result["written"], strict=True)):
        if "digests" in written:
            digests[spec.name] = tuple(written["digests"])
            continue
        path = folder / f"output-{number}.bin"
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != written["sha256"]:
            return failed(job, device, version, "device failed", f"output {spec.name!r} was damaged on its way here")
        array = np.frombuffer(content, written["dtype"]).reshape(-1, *written["shape"])
        if job.digests is None:
            arrays[spec.name] = array
        else:
            # A page in a browser brings the numbers themselves.
            digests[spec.name] = digests_of(array, job.digests.rows[spec.name], job.digests.per_digest)
    figures: dict[str, Any] = {name: tuple(result[name]) for name in ("cpu_features", "warmup_ns", "run_ns")}
    figures |= {name: result[name] for name in ("load_ns", "memory_growth_bytes", "mapped_growth_bytes")}
    nothing = failed(job, device, version, result["status"], result["message"]).measurement
    return Outcome(replace(nothing, clock=clock, **figures), inputs, outputs, arrays, digests)


def failed(job: Job, device: str, version: str, status: str, message: str) -> Outcome:
    """Return the outcome of a job that gave no outputs; its figures are -1, that is, not measured."""
    measurement = Measurement(
        device=device,
        runtime=job.runtime,
        runtime_version=version,
        status=status,
        message=message,
        threads=THREADS,
        clock="time",
        cpu_features=(),
        load_ns=NOT_MEASURED,
        warmup_ns=(),
        run_ns=(),
        memory_growth_bytes=NOT_MEASURED,
        mapped_growth_bytes=NOT_MEASURED,
    )
    return Outcome(measurement)


def of_shell(code: int) -> int:
    """Return what `how_it_died` wants of the exit code that a shell reports: it adds 128 to the number of a signal."""
    return 128 - code if code > 128 else code


def how_it_died(code: int, errors: Path) -> tuple[str, str]:
    """Return status and message of a runner that left no result.

    Args:
        code: its exit code, or minus the number of the signal that ended it.
        errors: file of what it wrote to its error stream.
    """
    known = {int(one): one.name for one in signal.Signals}
    cause = f"killed by {known.get(-code, f'signal {-code}')}" if code < 0 else f"exit code {code}"
    said: list[str] = []
    if errors.is_file():
        lines = errors.read_text(encoding="utf-8", errors="replace").splitlines()
        said = [line.strip() for line in lines if line.strip() and not line.startswith("INFO:")]
    status = "illegal instruction" if code == -signal.SIGILL else "crashed"
    return status, f"{cause}: {said[-1]}" if said else cause
