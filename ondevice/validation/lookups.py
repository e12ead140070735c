"""Exact equality of the file's look-ups with the NumPy reference, for every id, on a real runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ondevice.devices.device import Device, Job
from ondevice.validation.record import Failure

IDS_PER_JOB = 65_536
"""Bounds the memory of one job; 65,536 vectors of width 64 are 17 MB."""


def lookup_failures(
    device: Device,
    runtime: str,
    model: Path,
    signature: str,
    tensor: str,
    history_length: int,
    expected: npt.NDArray[np.float32],
) -> list[Failure]:
    """Compare the vectors inside the file with the reference, bit for bit.

    Args:
        device: where to run.
        runtime: name of the runtime.
        model: the file.
        signature: name of its signature, with the one input `ids`.
        tensor: name of the tensor that holds the vectors.
        history_length: ids per call.
        expected: the reference's vector of every id, float32 `[vocabulary_size, width]`.
    """
    calls = max(1, IDS_PER_JOB // history_length)
    for start in range(0, len(expected), calls * history_length):
        ids = np.arange(start, min(start + calls * history_length, len(expected)), dtype=np.int32)
        padded = np.pad(ids, (0, -len(ids) % history_length)).reshape(-1, 1, history_length)
        job = Job(model, runtime, signature, {"ids": padded}, warmups=0, taps=(tensor,))
        outcome = device.run(job)
        if not outcome.measurement.ok:
            return [Failure("runtime", f"{runtime} {outcome.measurement.status}: {outcome.measurement.message}")]
        found = np.asarray(outcome.taps[tensor], np.float32).reshape(-1, expected.shape[1])[: len(ids)]
        wrong = np.flatnonzero((found != expected[ids]).any(axis=1))
        if len(wrong):
            worst = float(np.max(np.abs(found - expected[ids])))
            first = int(ids[wrong[0]])
            return [Failure("values", f"look-up of {len(wrong)} ids differs, first id {first}, by up to {worst:.3g}.")]
    return []
