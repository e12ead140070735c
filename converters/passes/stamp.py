"""What a file says of itself, made true after edits: operation versions and the oldest runtime."""

from __future__ import annotations

from ondevice.converters import lint
from ondevice.converters.model_file import ModelFile
from ondevice.converters.op_versions import least_version
from ondevice.converters.passes import Facts


def apply(file: ModelFile, facts: Facts) -> None:
    """Raise the operation versions that a quantizer or another pass left too low, and state the release they need.

    Raises:
        OnDeviceError: an operation is custom or of an unknown version.
    """
    tensors = tuple(file.tensor_infos())
    for code, operator in file.operators():
        entry = file.model.operatorCodes[code]
        entry.version = max(entry.version, least_version(operator, tensors))
    if file.release:
        file.say_release(lint.minimum_runtime(file.summary()))
