"""The folder through which a job goes to the runner and its result comes back, on the host or in a guest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from ondevice.bundle import Tensor
from ondevice.devices.device import Job, Outcome
from ondevice.devices.measurement import Measurement
from ondevice.devices.runtimes import find_runtime
from ondevice.errors import UsageError
from ondevice.files import write_json

THREADS = 1
NOT_MEASURED = -1

_RUNNER = Path(__file__).with_name("runner.py")


def check_job(job: Job) -> None:
    """Refuse a job that no runtime could run.

    Raises:
        UsageError: the runtime is unknown, the model does not exist, or the numbers contradict each other.
    """
    find_runtime(job.runtime)
    if not job.model.is_file():
        raise UsageError(f"model {str(job.model)!r} does not exist.")
    counts = {name: len(values) if values.ndim else 0 for name, values in job.inputs.items()}
    if len(set(counts.values())) != 1 or not all(counts.values()):
        raise UsageError(f"inputs must hold the same number of inferences, at least one; received {counts}.")
    if job.warmups < 0 or job.repeats < 0:
        raise UsageError(f"warmups and repeats must be 0 or more, received {job.warmups} and {job.repeats}.")
    if job.taps and job.repeats:
        raise UsageError(f"repeats must be 0 with taps, which change what is timed; received {job.repeats}.")


def write_job(folder: Path, job: Job, model: str, limit_s: int) -> Path:
    """Put the job and the runner into a folder and return the runner's path there.

    Args:
        folder: an empty folder.
        job: a checked job.
        model: absolute path of the model where the runner runs.
        limit_s: seconds after which the runner ends itself, in case nobody stops it.
    """
    description = {
        "model": model,
        "module": find_runtime(job.runtime).module,
        "signature": job.signature,
        "inputs": list(job.inputs),
        "warmups": job.warmups,
        "repeats": job.repeats,
        "taps": list(job.taps),
        "threads": THREADS,
        "limit_s": limit_s,
    }
    write_json(folder / "job.json", description)
    # By position: an array's name may hold characters that no archive takes.
    np.savez(folder / "inputs.npz", *job.inputs.values())
    return Path(shutil.copyfile(_RUNNER, folder / "runner.py"))


def read_outcome(folder: Path, job: Job, device: str, version: str) -> Outcome | None:
    """Read what the runner left, or None if it left no result.

    Args:
        folder: the folder of the job.
        job: the job.
        device: name of the device.
        version: version of the runtime's package.
    """
    if not (folder / "result.json").is_file():
        return None
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    if result["status"] != "ok":
        return failed(job, device, version, result["status"], result["message"])
    measurement = Measurement(
        device=device,
        runtime=job.runtime,
        runtime_version=version,
        status=result["status"],
        message=result["message"],
        threads=THREADS,
        load_ns=result["load_ns"],
        warmup_ns=tuple(result["warmup_ns"]),
        run_ns=tuple(result["run_ns"]),
        memory_growth_bytes=result["memory_growth_bytes"],
        mapped_growth_bytes=result["mapped_growth_bytes"],
    )
    inputs, outputs = (
        tuple(Tensor(one["name"], tuple(one["shape"]), one["dtype"]) for one in result[key])
        for key in ("inputs", "outputs")
    )
    with np.load(folder / "outputs.npz", allow_pickle=False) as stored:
        arrays = [stored[f"arr_{number}"] for number in range(len(stored.files))]
    names = [spec.name for spec in outputs]
    taps = dict(zip(job.taps, arrays[len(names) :], strict=True))
    return Outcome(measurement, inputs, outputs, dict(zip(names, arrays, strict=False)), taps)


def failed(job: Job, device: str, version: str, status: str, message: str) -> Outcome:
    """Return the outcome of a job that gave no outputs; its figures are -1, that is, not measured."""
    measurement = Measurement(
        device=device,
        runtime=job.runtime,
        runtime_version=version,
        status=status,
        message=message,
        threads=THREADS,
        load_ns=NOT_MEASURED,
        warmup_ns=(),
        run_ns=(),
        memory_growth_bytes=NOT_MEASURED,
        mapped_growth_bytes=NOT_MEASURED,
    )
    return Outcome(measurement)
