"""The proof of a bundle: every look-up for every id, and the test vectors, on every runtime that is installed here."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice.errors import OnDeviceError

if TYPE_CHECKING:
    from ondevice.bundle import Bundle
    from ondevice.validation.lookups import LayerLookup, LookupFile
    from ondevice.validation.validate import Examples

DEVICES_DIFFER = 1.5
"""How many times what was measured here another device may be off."""


@contextmanager
def lookup_files(bundle: Bundle) -> Iterator[list[LookupFile]]:
    """Give the look-ups of a bundle's file in files of their own; none where it promises none.

    Args:
        bundle: the bundle.

    Raises:
        OnDeviceError: the file holds no such part.
    """
    from ondevice.converters.passes.extract import extract
    from ondevice.validation.lookups import LayerLookup, LookupFile

    # Together, since every job is a process; those that read the same ids as another, but more or fewer, apart.
    groups: list[list[LayerLookup]] = []
    for embedding in bundle.manifest.embeddings:
        for call in embedding.lookup.calls if embedding.lookup.sha256 else ():
            each = LayerLookup(embedding.layer, call, embedding.lookup)
            fits = (own for own in groups if all(_fits(each, other) for other in own))
            group = next(fits, None)
            if group is None:
                groups.append([each])
            else:
                group.append(each)
    with tempfile.TemporaryDirectory(prefix="ondevice-") as folder:
        found = []
        for number, group in enumerate(groups):
            path = Path(folder) / f"lookups-{number}.tflite"
            calls = [each.call for each in group]
            path.write_bytes(extract(bundle.model.read_bytes(), bundle.manifest.signature, calls))
            found.append(LookupFile(path, tuple(group)))
        yield found


def _fits(one: LayerLookup, other: LayerLookup) -> bool:
    same_ids = one.call.ids != other.call.ids or one.lookup.size == other.lookup.size
    return same_ids and one.lookup.ids_per_block == other.lookup.ids_per_block


def prove(bundle: Bundle, examples: Examples | None = None) -> float:
    """Check a bundle before anyone is given it.

    Args:
        bundle: the bundle.
        examples: real examples; none without it.

    Returns:
        the largest error of an answer to an example or a test vector, in steps as of `Manifest.score_tolerance_steps`.

    Raises:
        OnDeviceError: something does not hold.
    """
    from ondevice.converters.target import runtimes_for
    from ondevice.devices.kinds.host import Host
    from ondevice.topk.best import EXCLUDED_PENALTY
    from ondevice.validation.validate import validate_bundle

    device, manifest = Host(), bundle.manifest
    span = max((span for vector in bundle.vectors.vectors for span in vector.ranges.values()), default=0.0)
    if manifest.head.exclude and span >= EXCLUDED_PENALTY:
        raise OnDeviceError(
            f"scores of one answer differ by {span:.3g}; allowed are less than {EXCLUDED_PENALTY:g}, by which the file "
            f"puts ids of {manifest.head.exclude!r} behind all others."
        )
    runtimes = runtimes_for(manifest.target_runtime, manifest.minimum_runtime, device.installed())
    with lookup_files(bundle) as lookups:
        validation = validate_bundle(bundle, device, runtimes, examples, lookups=lookups)
    failures = [failure for result in validation.results for failure in result.failures]
    if failures:
        reasons = " ".join(f"[{failure.check}] {failure.message}" for failure in failures[:5])
        raise OnDeviceError(f"the converted file did not pass, nothing was written: {reasons}")
    return max((result.largest_score_error_steps for result in validation.results), default=0.0)
