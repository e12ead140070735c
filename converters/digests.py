"""What a file's constants are, so that whoever has the file alone can tell whether they are those that were proven."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ondevice.converters.flatbuffer import read


def constant_digests(model: Path | bytes) -> tuple[str, ...]:
    """Return the SHA-256 of every constant of a file with its type, shape and scales, and last that of the wiring.

    Args:
        model: the file.

    Returns:
        a digest for each constant in the order of the tensors, and one of what every operation reads and writes.

    Raises:
        OnDeviceError: it is damaged.
    """
    content = model.read_bytes() if isinstance(model, Path) else model
    summary, found = read(content), []
    for tensor in summary.constants:
        digest = hashlib.sha256(f"{tensor.dtype} {tensor.shape} {tensor.quantized_dimension}:".encode())
        for start, size in ((tensor.scale_offset, 4 * tensor.scales), (tensor.buffer_offset, tensor.buffer_bytes)):
            digest.update(memoryview(content)[start : start + size])
        found.append(digest.hexdigest())
    wired = [(each.name, each.version, each.inputs, each.outputs) for each in summary.operators]
    return (*found, hashlib.sha256(repr(wired).encode()).hexdigest())
