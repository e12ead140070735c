"""The vocabulary must be that of the file: with another one, each right answer names a wrong item."""

from __future__ import annotations

from pathlib import Path

from ondevice.bundle import VOCABULARY_FILE, Bundle
from ondevice.data.vocabulary import Vocabulary
from ondevice.errors import OnDeviceError
from ondevice.validation.record import Failure


def vocabulary_failures(bundle: Bundle) -> list[Failure]:
    """Compare the bundle's vocabulary with the manifest's number of ids and with the keys of the test vectors."""
    try:
        keys = Vocabulary.read(bundle.folder / VOCABULARY_FILE).keys
    except OnDeviceError as error:
        return [Failure("vocabulary", str(error))]
    size, top_k = bundle.manifest.vocabulary_size, bundle.manifest.top_k
    if len(keys) != size:
        return [Failure("vocabulary", f"{VOCABULARY_FILE} has {len(keys)} lines; the manifest promises {size} ids.")]
    wrong, compared = [], 0
    for vector in bundle.vectors.vectors:
        items = vector.items[:top_k]
        if len(vector.keys) != len(items) or any(not 0 <= item < size for item in items):
            what = f"has {len(vector.keys)} keys; expected is one for each of {len(items)} items below {size}"
            return [Failure("vocabulary", f"test vector {vector.name!r} {what}.")]
        compared += len(items)
        wrong += [(vector.name, *pair) for pair in zip(items, vector.keys, strict=True) if keys[pair[0]] != pair[1]]
    if not wrong:
        return []
    name, item, expected = wrong[0]
    first = f"test vector {name!r}: id {item} is {keys[item]!r} in {VOCABULARY_FILE}, expected is {expected!r}"
    return [Failure("vocabulary", f"{first}; {len(wrong)} of {compared} keys differ.")]


def original_failures(bundle: Bundle, original: Path) -> list[Failure]:
    """Compare the bundle's vocabulary with the one it was made from, byte for byte.

    Args:
        bundle: the bundle.
        original: the vocabulary of the training run.

    Raises:
        UsageError: the training run has none.
    """
    Vocabulary.read(original)
    if (bundle.folder / VOCABULARY_FILE).read_bytes() == original.read_bytes():
        return []
    return [Failure("vocabulary", f"{VOCABULARY_FILE} is not byte for byte that of the run, {str(original)!r}.")]
