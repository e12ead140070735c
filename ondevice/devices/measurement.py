"""What running a file on a device gives: raw samples kept, statistics computed on demand, never stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Measurement:
    """Cost and fate of one file on one runtime of one device; every figure is measured, or -1.

    -1 stands for "not measured": memory on a system that does not tell it (any but Linux), and the figures of
    a run that is not ok.

    Args:
        device: name of the device, e.g. `"host"`.
        runtime: name of the runtime, e.g. `"tflite-2.14"`.
        runtime_version: version of the runtime's package.
        status: `"ok"`, `"refused"` (the runtime raised an error), `"crashed"` (its process died),
            `"timed out"` or `"missing"` (the runtime is not installed here).
        message: what the runtime said, empty when ok.
        threads: threads the runtime was given.
        load_ns: nanoseconds to open the file and allocate its tensors.
        warmup_ns: nanoseconds of the first inferences, kept apart.
        run_ns: nanoseconds of every timed inference.
        memory_growth_bytes: growth of the process's peak resident memory from before loading to after the
            last inference, with what was touched of the mapped file and of the runtime's own code.
        mapped_growth_bytes: the part of that growth that is the mapped file, as far as it was touched.
    """

    device: str
    runtime: str
    runtime_version: str
    status: str
    message: str
    threads: int
    load_ns: int
    warmup_ns: tuple[int, ...]
    run_ns: tuple[int, ...]
    memory_growth_bytes: int
    mapped_growth_bytes: int

    @property
    def ok(self) -> bool:
        """Whether the runtime loaded the file and answered every request."""
        return self.status == "ok"

    def latency_ms(self, percentile: float) -> float:
        """Return a percentile (0 to 100) of the timed inferences in milliseconds."""
        return float(np.percentile(self.run_ns, percentile)) / 1e6

    @property
    def load_ms(self) -> float:
        """Milliseconds to open the file and allocate its tensors."""
        return self.load_ns / 1e6
