"""Exact equality of the file's look-ups with the NumPy reference, for every id, on a real runtime."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ondevice.devices.device import Job, Outcome, RowDigests
from ondevice.ids import PADDING_ID
from ondevice.manifest import Manifest, Tensor
from ondevice.validation.contract import runtime_failures
from ondevice.validation.record import Failure

IDS_PER_BLOCK = 4_096
"""Ids per digest of a new bundle: few digests, and still a hint which ids differ."""

IDS_PER_JOB = 2_097_152
"""Bounds the time of one job, rounded down to whole blocks, and lets several run beside each other."""


def lookup_jobs(manifest: Manifest, cut_model: Path, runtime: str) -> list[Job]:
    """Return the jobs that look every id up once, in order.

    Args:
        manifest: what was promised; a file that does not promise exact look-ups needs no job.
        cut_model: the file, cut down to what computes the vectors, its only output.
        runtime: name of the runtime.
    """
    length = manifest.history_length
    jobs = []
    for ids in _portions(manifest):
        padded = np.pad(ids, (0, -len(ids) % length), constant_values=PADDING_ID).reshape(-1, 1, length)
        # What was answered to the padding of the last inference is beyond the ids.
        digests = RowDigests(len(ids), manifest.embedding.lookup.ids_per_block)
        jobs.append(Job(cut_model, runtime, manifest.signature, {"ids": padded}, warmups=0, digests=digests))
    return jobs


def lookup_failures(manifest: Manifest, outcomes: Sequence[Outcome]) -> list[Failure]:
    """Compare the vectors that a runtime gave with the reference's, block by block.

    Args:
        manifest: what was promised.
        outcomes: what became of the jobs of `lookup_jobs`, none if look-ups are not checked.
    """
    if failed := runtime_failures(outcome.measurement for outcome in outcomes):
        return failed
    promised = Tensor("", (1, manifest.history_length, manifest.embedding.lookup.width), "float32")
    digests: list[str] = []
    for outcome in outcomes:
        for spec in outcome.outputs_spec:
            if (spec.shape, spec.dtype) != (promised.shape, promised.dtype):
                found = f"output {spec.name!r} of the look-up is {spec.dtype} {list(spec.shape)}"
                expected = f"the manifest promises {promised.dtype} {list(promised.shape)}"
                return [Failure("look-ups", f"{found}; {expected}.")]
            digests += outcome.digests[spec.name]
    return _differences(manifest, digests) if outcomes else []


def _portions(manifest: Manifest) -> Iterator[npt.NDArray[np.int32]]:
    """Give the ids of each job: whole blocks, so that a digest never needs two jobs."""
    lookup, size = manifest.embedding.lookup, manifest.vocabulary_size
    if lookup.sha256:
        step = max(1, IDS_PER_JOB // lookup.ids_per_block) * lookup.ids_per_block
        yield from (np.arange(start, min(start + step, size), dtype=np.int32) for start in range(0, size, step))


def _differences(manifest: Manifest, found: list[str]) -> list[Failure]:
    lookup, size = manifest.embedding.lookup, manifest.vocabulary_size
    if len(found) != len(lookup.sha256):
        counts = f"{len(lookup.sha256)} digests of look-ups for {len(found)} blocks of ids"
        return [Failure("look-ups", f"the manifest has {counts}.")]
    wrong = [number for number, pair in enumerate(zip(found, lookup.sha256, strict=True)) if pair[0] != pair[1]]
    if not wrong:
        return []
    first = wrong[0] * lookup.ids_per_block
    last = min(first + lookup.ids_per_block, size) - 1
    blocks = f"{len(wrong)} of {len(found)} blocks of ids do so"
    return [Failure("look-ups", f"look-ups of ids {first} to {last} differ from the reference, {blocks}.")]
