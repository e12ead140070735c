"""Exact equality of the file's look-ups with the NumPy reference, for every id, on a real runtime."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
class LayerLookup:
    """One look-up of a layer: the layer's name, where it is and what it must give."""

    layer: str
    call: LookupCall
    lookup: Lookup


@dataclass(frozen=True)
class LookupFile:
    """A file of look-ups alone, `ids_0` and so on in and `vectors_0` and so on out.

    Args:
        path: the file.
        lookups: the look-ups in the order of the outputs; those that read the same ids have one input and equal sizes.
    """

    path: Path
    lookups: tuple[LayerLookup, ...]

    def jobs(self, runtime: str, signature: str) -> list[Job]:
        """Return the jobs that look every id up once, in order.

        Args:
            runtime: name of the runtime.
            signature: name of the file's signature.
        """
        per_digest = self.lookups[0].lookup.ids_per_block
        # Whole blocks, so that a digest never needs two jobs.
        step = max(1, IDS_PER_JOB // per_digest) * per_digest
        jobs = []
        for start in range(0, max(each.lookup.size for each in self.lookups), step):
            ids = [np.arange(start, min(start + step, each.lookup.size), dtype=np.int32) for each in self.lookups]
            count = max(-(-len(own) // each.call.length) for own, each in zip(ids, self.lookups, strict=True))
            inputs: dict[str, npt.NDArray[Any]] = {}
            for own, each in zip(ids, self.lookups, strict=True):
                # What is answered to the zeros behind the last id is beyond the ids.
                padded = np.pad(own, (0, count * each.call.length - len(own)))
                inputs.setdefault(each.call.ids, padded.reshape(count, *each.call.shape))
            named = {f"ids_{number}": values for number, values in enumerate(inputs.values())}
            rows = {f"vectors_{number}": len(own) for number, own in enumerate(ids)}
            jobs.append(Job(self.path, runtime, signature, named, warmups=0, digests=RowDigests(rows, per_digest)))
        return jobs

    def failures(self, outcomes: Sequence[Outcome]) -> list[Failure]:
        """Compare the vectors that a runtime gave with the reference's, block by block.

        Args:
            outcomes: what became of the jobs.
        """
        if failed := runtime_failures(outcome.measurement for outcome in outcomes):
            return failed
        return [failure for number, each in enumerate(self.lookups) for failure in _failures(number, each, outcomes)]


def _failures(number: int, each: LayerLookup, outcomes: Sequence[Outcome]) -> Iterator[Failure]:
    name, lookup = f"vectors_{number}", each.lookup
    promised = Tensor(name, (*each.call.shape, lookup.width), "float32")
    found: list[str] = []
    for outcome in outcomes:
        spec = next((spec for spec in outcome.outputs_spec if spec.name == name), None)
        if spec != promised:
            given = f"{spec.dtype} {list(spec.shape)}" if spec is not None else "missing"
            expected = f"the manifest promises {promised.dtype} {list(promised.shape)}"
            yield Failure("look-ups", f"output of the look-up of {each.layer!r} is {given}; {expected}.")
            return
        found += outcome.digests[name]
    if len(found) != len(lookup.sha256):
        counts = f"{len(lookup.sha256)} digests of look-ups of {each.layer!r} for {len(found)} blocks of ids"
        yield Failure("look-ups", f"the manifest has {counts}.")
        return
    wrong = [place for place, pair in enumerate(zip(found, lookup.sha256, strict=True)) if pair[0] != pair[1]]
    if wrong:
        first = wrong[0] * lookup.ids_per_block
        last = min(first + lookup.ids_per_block, lookup.size) - 1
        blocks = f"{len(wrong)} of {len(found)} blocks of ids do so"
        which = f"look-ups of ids {first} to {last} of layer {each.layer!r}"
        yield Failure("look-ups", f"{which} differ from the reference, {blocks}.")
