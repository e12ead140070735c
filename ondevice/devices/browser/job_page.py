"""A job as a page: what the browser fetches to run a file and to send back what it gave."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from ondevice import files
from ondevice.devices.device import Job
from ondevice.web.sources import PAGE, RUNNER, copy_sources

RUNTIME_FOLDER = "litert"
"""Where the page expects the runtime's files."""


def write_page(folder: Path, job: Job, runtime: Path) -> None:
    """Write the page that does a job.

    Args:
        folder: folder to write.
        job: a checked job.
        runtime: folder of the runtime's files.
    """
    folder.mkdir()
    copy_sources(PAGE, folder)
    copy_sources(RUNNER, folder)
    # Links: the files may be large, and the server is gone before they change.
    (folder / RUNTIME_FOLDER).symlink_to(runtime.resolve(), target_is_directory=True)
    (folder / "model.tflite").symlink_to(job.model.resolve())
    inputs = []
    for number, (name, values) in enumerate(job.inputs.items()):
        content = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
        (folder / f"input-{number}.bin").write_bytes(content.tobytes())
        inputs.append({"name": name, "dtype": values.dtype.name, "shape": list(values.shape[1:])})
    description = {
        "signature": job.signature,
        "inputs": inputs,
        "inferences": len(next(iter(job.inputs.values()))),
        "warmups": job.warmups,
        "repeats": job.repeats,
    }
    files.write_json(folder / "job.json", description)


def copy_runtime(runtime: Path, folder: Path, names: list[str]) -> None:
    """Copy the runtime's files to where the page expects them."""
    for name in names:
        target = folder / RUNTIME_FOLDER / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(runtime / name, target)
