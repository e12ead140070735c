"""Exact equality of the file's look-ups with the NumPy reference, for every id, on a real runtime."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ondevice.devices.device import Job, Outcome, RowDigests
from ondevice.manifest import Lookup, LookupCall, Tensor
from ondevice.validation.contract import runtime_failures
from ondevice.validation.record import Failure

IDS_PER_BLOCK = 4_096
"""Ids per digest of a new bundle: few digests, and still a hint which ids differ."""

IDS_PER_JOB = 2_097_152
"""Bounds the time of one job, rounded down to whole blocks, and lets several run beside each other."""


@dataclass(frozen=True)
class LookupFile:
    """A file of one look-up alone, its ids in and their vectors out.

    Args:
        path: the file.
        layer: name of the layer.
        call: the look-up.
        lookup: what it must give.
    """

    path: Path
    layer: str
    call: LookupCall
    lookup: Lookup

    def jobs(self, runtime: str, signature: str) -> list[Job]:
        """Return the jobs that look every id up once, in order.

        Args:
            runtime: name of the runtime.
            signature: name of the file's signature.
        """
        jobs = []
        for ids in self._portions():
            # What is answered to the zeros behind the last id is beyond the ids.
            padded = np.pad(ids, (0, -len(ids) % self.call.length)).reshape(-1, *self.call.shape)
            digests = RowDigests(len(ids), self.lookup.ids_per_block)
            jobs.append(Job(self.path, runtime, signature, {"ids": padded}, warmups=0, digests=digests))
        return jobs

    def _portions(self) -> Iterator[npt.NDArray[np.int32]]:
        """Give the ids of each job: whole blocks, so that a digest never needs two jobs."""
        size = self.lookup.size
        step = max(1, IDS_PER_JOB // self.lookup.ids_per_block) * self.lookup.ids_per_block
        yield from (np.arange(start, min(start + step, size), dtype=np.int32) for start in range(0, size, step))

    def failures(self, outcomes: Sequence[Outcome]) -> list[Failure]:
        """Compare the vectors that a runtime gave with the reference's, block by block.

        Args:
            outcomes: what became of the jobs.
        """
        if failed := runtime_failures(outcome.measurement for outcome in outcomes):
            return failed
        promised = Tensor("", (*self.call.shape, self.lookup.width), "float32")
        digests: list[str] = []
        for outcome in outcomes:
            for spec in outcome.outputs_spec:
                if (spec.shape, spec.dtype) != (promised.shape, promised.dtype):
                    found = f"output of the look-up of {self.layer!r} is {spec.dtype} {list(spec.shape)}"
                    expected = f"the manifest promises {promised.dtype} {list(promised.shape)}"
                    return [Failure("look-ups", f"{found}; {expected}.")]
                digests += outcome.digests[spec.name]
        return self._differences(digests)

    def _differences(self, found: list[str]) -> list[Failure]:
        lookup = self.lookup
        if len(found) != len(lookup.sha256):
            counts = f"{len(lookup.sha256)} digests of look-ups of {self.layer!r} for {len(found)} blocks of ids"
            return [Failure("look-ups", f"the manifest has {counts}.")]
        wrong = [number for number, pair in enumerate(zip(found, lookup.sha256, strict=True)) if pair[0] != pair[1]]
        if not wrong:
            return []
        first = wrong[0] * lookup.ids_per_block
        last = min(first + lookup.ids_per_block, lookup.size) - 1
        blocks = f"{len(wrong)} of {len(found)} blocks of ids do so"
        which = f"look-ups of ids {first} to {last} of layer {self.layer!r}"
        return [Failure("look-ups", f"{which} differ from the reference, {blocks}.")]
