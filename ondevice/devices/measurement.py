"""What running a file on a device gives: raw samples kept, statistics computed on demand, never stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

STATUSES: Mapping[str, str] = {
    "ok": "the runtime loaded the file and answered every request",
    "refused": "the runtime raised an error",
    "illegal instruction": "the runtime used an instruction that the processor does not have",
    "out of memory": "the system ended the runtime because memory had run out",
    "crashed": "the runtime's process died",
    "timed out": "the runtime did not end in time and was stopped",
    "device failed": "the device itself broke down, so nothing is known of the file",
    "missing": "the runtime or the device is not installed here",
}
"""What can become of a file on a runtime."""

CLOCKS: Mapping[str, str] = {
    "time": "nanoseconds of the clock",
    "instructions": "executed instructions of an emulated processor, which are no time",
}
"""What a measurement counts."""


@dataclass(frozen=True)
class Measurement:
    """Cost and fate of one file on one runtime of one device; every figure is measured, or -1.

    -1 stands for "not measured": memory on a system that does not tell it (any but Linux), and the figures of
    a run that is not ok.

    Args:
        device: name of the device, e.g. `"host"`.
        runtime: name of the runtime, e.g. `"tflite-2.14"`.
        runtime_version: version of the runtime's package.
        status: one of `STATUSES`.
        message: what the runtime said, empty when ok.
        threads: threads the runtime was given.
        clock: what the figures in ns are, one of `CLOCKS`.
        cpu_features: what the runtime's process saw its processor offer, e.g. `("asimd", "asimddp")`.
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
    clock: str
    cpu_features: tuple[str, ...]
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
        """Return a percentile (0 to 100) of the timed inferences in milliseconds; only of a clock that is time."""
        return float(np.percentile(self.run_ns, percentile)) / 1e6

    @property
    def instructions(self) -> int:
        """Instructions of one inference: the median, since timer interrupts are counted with some inferences."""
        return round(float(np.median(self.run_ns)))

    @property
    def load_ms(self) -> float:
        """Milliseconds to open the file and allocate its tensors."""
        return self.load_ns / 1e6
