"""Run one `.tflite` file on one runtime and measure it: `python runner.py JOB_FOLDER`.

This script is copied to wherever the runtime runs: one file that needs NumPy and the runtime only. It reads
`job.json`, `input-0.npy` and so on, and writes `output-0.bin` and so on, then `result.json` with their digests: a
result that exists is whole. What the runtime refuses is a result; anything else ends the process, and whoever started
it reports that.
"""

from __future__ import annotations

import array
import contextlib
import gc
import hashlib
import importlib
import json
import mmap
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

NOT_MEASURED = -1
FOLD_PAGES = 80


class Memory:
    """Resident memory of this process as Linux counts it; on other systems every figure is -1."""

    def __init__(self) -> None:
        self.counted = Path("/proc/self/status").is_file()
        if self.counted:
            self.pages = mmap.mmap(-1, FOLD_PAGES * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            self.pages.madvise(mmap.MADV_NOHUGEPAGE)

    def peak_bytes(self) -> int:
        """Return the peak of the resident memory (VmHWM)."""
        if not self.counted:
            return NOT_MEASURED
        # Older kernels add up their per-task counts only every 64 page faults; 80 faults force that. The
        # pages are given back first, so that asking never raises the peak.
        self.pages.madvise(mmap.MADV_DONTNEED)
        for page in range(FOLD_PAGES):
            self.pages[page * mmap.PAGESIZE] = 1
        found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
        return int(found[1]) * 1024 if found else NOT_MEASURED

    def mapped_bytes(self, file: str) -> int:
        """Return the resident part of a mapped file; RssFile would include code of the runtime."""
        if not self.counted:
            return NOT_MEASURED
        total, inside = 0, False
        for line in Path("/proc/self/smaps").read_text().splitlines():
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                inside = line.split(maxsplit=5)[-1] == file
            elif inside and line.startswith("Rss:"):
                total += int(line.split()[1]) * 1024
        return total


class RowHash:
    """SHA-256 of each block of consecutive rows of numbers, in hexadecimal digits.

    Args:
        rows: rows that count; what is added beyond them is left out.
        per_digest: rows per digest; the last one may be of fewer.
    """

    def __init__(self, rows: int, per_digest: int) -> None:
        self.left, self.per_digest = rows, per_digest
        self.digests: list[str] = []
        self.block, self.filled = hashlib.sha256(), 0

    def add(self, values: Any) -> None:
        """Add the rows along the last axis of an array."""
        rows = values.reshape(-1, values.shape[-1])[: self.left]
        self.left -= len(rows)
        while len(rows):
            part = rows[: self.per_digest - self.filled]
            # Adding zero makes negative zeros positive and changes nothing else; bytes are those of little-endian.
            part = part + part.dtype.type(0)
            self.block.update(part.astype(part.dtype.newbyteorder("<"), copy=False).data)
            self.filled += len(part)
            if self.filled == self.per_digest:
                self.close()
            rows = rows[len(part) :]

    def close(self) -> None:
        """End a block."""
        self.digests.append(self.block.hexdigest())
        self.block, self.filled = hashlib.sha256(), 0

    def finish(self) -> list[str]:
        """Return the digests of all blocks."""
        if self.filled:
            self.close()
        return self.digests


def digests_of(values: Any, rows: int, per_digest: int) -> tuple[str, ...]:
    """Return the digests of the rows of one array; see `RowHash`."""
    found = RowHash(rows, per_digest)
    found.add(values)
    return tuple(found.finish())


class Session:
    """A loaded file. Constructing it is the loading, whose time is `load_ns`."""

    def __init__(self, runtime: Any, job: dict[str, Any], inputs: dict[str, Any]) -> None:
        self.signature = job["signature"]
        start = time.perf_counter_ns()
        self.interpreter = runtime.Interpreter(model_path=job["model"], num_threads=job["threads"])
        opened_ns = time.perf_counter_ns() - start
        takes, gives = self.details()
        if set(takes) != set(inputs):
            raise ValueError(f"signature {self.signature!r} takes {sorted(takes)}, the job gives {sorted(inputs)}")
        start = time.perf_counter_ns()
        for name, tensor in takes.items():
            if tuple(tensor["shape"]) != inputs[name].shape[1:]:
                self.interpreter.resize_tensor_input(tensor["index"], inputs[name].shape[1:], strict=True)
        self.interpreter.allocate_tensors()
        self.load_ns = opened_ns + time.perf_counter_ns() - start
        self.feeds = [(tensor["index"], inputs[name]) for name, tensor in takes.items()]
        self.names, self.kept = list(gives), [tensor["index"] for tensor in gives.values()]

    def details(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what the runtime tells of the signature's inputs and outputs, by name."""
        known = self.interpreter.get_signature_list()
        if self.signature not in known:
            raise ValueError(f"the file has no signature {self.signature!r}; it has: {', '.join(known) or 'none'}")
        # Held only in here: while a signature runner lives, the interpreter refuses to invoke.
        runner = self.interpreter.get_signature_runner(self.signature)
        takes, gives = runner.get_input_details(), runner.get_output_details()
        first = {tensor["index"]: tensor["name"] for tensor in self.interpreter.get_input_details()}
        if any(first.get(tensor["index"]) != tensor["name"] for tensor in takes.values()):
            raise ValueError(f"signature {self.signature!r} is not the file's first graph, the only one run here")
        return takes, gives

    def infer(self, number: int) -> int:
        """Run the inference with this number and return the nanoseconds of `invoke()` alone."""
        try:
            for index, values in self.feeds:
                self.interpreter.set_tensor(index, values[number, ...])
            start = time.perf_counter_ns()
            self.interpreter.invoke()
            return time.perf_counter_ns() - start
        except (ValueError, RuntimeError) as error:
            raise RuntimeError(f"inference {number}: {error}") from error

    def answers(self, count: int) -> Iterator[list[Any]]:
        """Run each inference once and give its outputs, whose shapes and types have to stay as they are."""
        kinds: list[Any] = []
        for number in range(count):
            self.infer(number)
            values = [self.interpreter.get_tensor(index) for index in self.kept]
            found = [(value.dtype, value.shape) for value in values]
            kinds = kinds or found
            if found != kinds:
                raise ValueError(f"inference {number}: an output changes its shape or type")
            yield values

    def keep(self, count: int, folder: Path) -> list[dict[str, Any]]:
        """Write the outputs of all inferences to a file each and return what these files hold."""
        values: list[Any] = []
        digests = [hashlib.sha256() for _ in self.kept]
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context((folder / f"output-{n}.bin").open("wb")) for n in range(len(self.kept))]
            for values in self.answers(count):
                for file, digest, value in zip(files, digests, values, strict=True):
                    content = value.tobytes()
                    file.write(content)
                    digest.update(content)
        return [kind_of(value) | {"sha256": each.hexdigest()} for value, each in zip(values, digests, strict=True)]

    def digest(self, count: int, rows: dict[str, int], per_digest: int) -> list[dict[str, Any]]:
        """Return digests of the outputs of all inferences, see `RowHash`."""
        values: list[Any] = []
        digests = [RowHash(rows[name], per_digest) for name in self.names]
        for values in self.answers(count):
            for digest, value in zip(digests, values, strict=True):
                digest.add(value)
        return [kind_of(value) | {"digests": each.finish()} for value, each in zip(values, digests, strict=True)]


def run(runtime: Any, job: dict[str, Any], inputs: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Load the file, run every inference, write the outputs or only digests of them and return the result."""
    count = len(next(iter(inputs.values())))
    load_once(runtime, job, inputs)
    memory = Memory()
    before = memory.peak_bytes()
    session = Session(runtime, job, inputs)
    warmup_ns = [session.infer(0) for _ in range(job["warmups"])]
    # Outputs go to files, times take eight bytes each: what is held here would count as the model's memory.
    written = session.digest(count, **job["digests"]) if job["digests"] else session.keep(count, folder)
    run_ns = array.array("q")
    for number in range(job["repeats"]):
        run_ns.append(session.infer(number % count))
    after = memory.peak_bytes()
    mapped = memory.mapped_bytes(job["model"])
    takes, gives = session.details()
    return {
        "status": "ok",
        "message": "",
        "cpu_features": cpu_features(),
        "load_ns": session.load_ns,
        "warmup_ns": warmup_ns,
        "run_ns": run_ns.tolist(),
        "memory_growth_bytes": after - before if NOT_MEASURED not in (before, after) else NOT_MEASURED,
        "mapped_growth_bytes": mapped,
        "inputs": [spec(name, tensor) for name, tensor in takes.items()],
        "outputs": [spec(name, tensor) for name, tensor in gives.items()],
        "written": written,
    }


def kind_of(value: Any) -> dict[str, Any]:
    """Return type and shape of an output in a form for JSON."""
    return {"dtype": value.dtype.name, "shape": list(value.shape)}


def spec(name: str, tensor: dict[str, Any]) -> dict[str, Any]:
    """Return name, shape and type of a tensor in a form for JSON."""
    shape = [int(size) for size in tensor["shape"]]
    return {"name": name, "shape": shape, "dtype": np.dtype(tensor["dtype"]).name}


def cpu_features() -> list[str]:
    """Return what the processor offers as the system tells it; nothing on systems other than Linux."""
    if not Path("/proc/cpuinfo").is_file():
        return []
    found = re.search(r"^(?:Features|flags)\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return sorted(found[1].split()) if found else []


def load_once(runtime: Any, job: dict[str, Any], inputs: dict[str, Any]) -> None:
    """Load the file in a copy of this process, so that loading it here is no measure of the disk.

    What the copy needs of the file and of the runtime's code is at hand afterwards; what it does to memory and what
    becomes of it is its own affair.
    """
    if not Path("/proc/self/status").is_file():
        return
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    with contextlib.suppress(ValueError, RuntimeError, MemoryError):
        Session(runtime, job, inputs)
    os._exit(0)


def main(folder: Path) -> None:
    """Do the job of a folder."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    # Should whoever started this process die, it still ends.
    signal.alarm(job["limit_s"])
    # A file each: what reads archives takes an emulated phone longer to import than all else but NumPy.
    inputs = {
        name: np.load(folder / f"input-{number}.npy", allow_pickle=False) for number, name in enumerate(job["inputs"])
    }
    # After reading the inputs: the import takes up what reading gave back, so the peak is the present level.
    runtime = importlib.import_module(job["module"])
    gc.disable()  # a collection in the middle of an inference would be timed with it
    try:
        result = run(runtime, job, inputs, folder)
    except (ValueError, RuntimeError) as error:
        result = {"status": "refused", "message": " ".join(str(error).split())}
    except MemoryError:
        result = {"status": "out of memory", "message": "the runtime asked for more memory than there is"}
    (folder / "result.part").write_text(json.dumps(result), encoding="utf-8")
    (folder / "result.part").rename(folder / "result.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
