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
    from ondevice.validation.lookups import LookupFile


@contextmanager
def lookup_files(bundle: Bundle) -> Iterator[list[LookupFile]]:
    """Give every look-up of a bundle's file as a file of its own; none where it promises none.

    Args:
        bundle: the bundle.

    Raises:
        OnDeviceError: the file holds no such part.
    """
    from converters.passes.extract import extract
    from ondevice.validation.lookups import LookupFile

    with tempfile.TemporaryDirectory(prefix="ondevice-") as folder:
        found: list[LookupFile] = []
        for embedding in bundle.manifest.embeddings:
            for call in embedding.lookup.calls if embedding.lookup.sha256 else ():
                path = Path(folder) / f"lookup-{len(found)}.tflite"
                path.write_bytes(extract(bundle.model.read_bytes(), bundle.manifest.signature, call))
                found.append(LookupFile(path, embedding.layer, call, embedding.lookup))
        yield found


def prove(bundle: Bundle) -> None:
    """Check a bundle before anyone is given it.

    Args:
        bundle: the bundle.

    Raises:
        OnDeviceError: something does not hold.
    """
    from converters.target import runtimes_for
    from ondevice.devices.kinds.host import Host
    from ondevice.validation.validate import validate_bundle

    device, manifest = Host(), bundle.manifest
    runtimes = runtimes_for(manifest.target_runtime, manifest.minimum_runtime, device.installed())
    with lookup_files(bundle) as lookups:
        validation = validate_bundle(bundle, device, runtimes, lookups=lookups)
    failures = [failure for result in validation.results for failure in result.failures]
    if failures:
        reasons = " ".join(f"[{failure.check}] {failure.message}" for failure in failures[:5])
        raise OnDeviceError(f"the converted file did not pass, nothing was written: {reasons}")
