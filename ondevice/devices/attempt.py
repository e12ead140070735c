"""Try one `.tflite` file on one runtime: `python attempt.py JOB_FOLDER`.

This script needs NumPy and the runtime only. It reads `job.json` and writes the step it is at to `step.txt` before
each one, since a runtime may end the process; then the outputs to `outputs.npz` and what happened to `result.json`.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

LOADED, ALLOCATED, CALLED = "loading it", "allocating its tensors", "calling it"
"""The steps, in order."""
DIE_WITH_PARENT = 1
SEED = 0


def inputs_of(interpreter: Any) -> None:
    """Give positive numbers to inputs of fractions, and zeros, which may be ids, to others."""
    generator = np.random.default_rng(SEED)
    for tensor in interpreter.get_input_details():
        kind, shape = np.dtype(tensor["dtype"]), tuple(tensor["shape"])
        values: Any
        if kind.kind == "f":
            values = generator.uniform(0.1, 1, shape)
        elif kind.kind in "iu" and len(zeros := tensor["quantization_parameters"]["zero_points"]):
            values = generator.integers(
                min(int(zeros[0]) + 1, limit := np.iinfo(kind).max), limit, shape, endpoint=True
            )
        else:
            values = np.full(shape, b"" if kind.kind in "SO" else 0)
        interpreter.set_tensor(tensor["index"], np.asarray(values).astype(kind))


def attempt(job: dict[str, Any], folder: Path) -> dict[str, str]:
    """Load, allocate and call; return the outcome."""

    def at(step: str) -> None:
        (folder / "step.txt").write_text(step, encoding="utf-8")

    step = LOADED
    at(step)
    runtime = importlib.import_module(job["module"])
    try:
        interpreter = runtime.Interpreter(model_path=job["model"], num_threads=1)
        at(step := ALLOCATED)
        interpreter.allocate_tensors()
        at(step := CALLED)
        inputs_of(interpreter)
        interpreter.invoke()
        outputs = [interpreter.get_tensor(tensor["index"]) for tensor in interpreter.get_output_details()]
    except (ValueError, RuntimeError, TypeError) as error:
        return {"status": "refused", "step": step, "message": " ".join(str(error).split())}
    except MemoryError:
        return {"status": "refused", "step": step, "message": "the runtime asked for more memory than it may have"}
    np.savez(folder / "outputs.npz", *(each for each in outputs if each.dtype.kind != "O"))
    return {"status": "answers", "step": step, "message": ""}


def main(folder: Path) -> None:
    """Do the job of a folder."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    # Should whoever started this process die, it ends at once where the system is Linux, later elsewhere.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    signal.alarm(job["limit_s"])
    resource.setrlimit(resource.RLIMIT_DATA, (job["memory_bytes"], job["memory_bytes"]))
    # A file that makes a runtime crash must not leave a dump of its memory behind.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    result = attempt(job, folder)
    (folder / "result.part").write_text(json.dumps(result), encoding="utf-8")
    (folder / "result.part").rename(folder / "result.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
