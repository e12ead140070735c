"""Vocabulary and labels must be those of the file: with others, each right answer has a wrong name."""

from __future__ import annotations

from pathlib import Path

from ondevice.bundle import VOCABULARY_FILE, Bundle
from ondevice.data.vocabulary import Vocabulary
from ondevice.errors import OnDeviceError
from ondevice.manifest import Manifest
from ondevice.validation.record import Failure


def vocabulary_failures(bundle: Bundle) -> list[Failure]:
    """Compare vocabulary and labels with the manifest's numbers and with what test vectors and texts say of them."""
    manifest, file = bundle.manifest, VOCABULARY_FILE
    try:
        vocabulary = Vocabulary.read(bundle.folder / file)
    except OnDeviceError as error:
        return [Failure("vocabulary", str(error))]
    if len(vocabulary) != manifest.vocabulary_size:
        lines = f"{file} has {len(vocabulary)} lines; the manifest promises {manifest.vocabulary_size} ids."
        return [Failure("vocabulary", lines)]
    named = ("labels", manifest.labels, "the manifest") if manifest.labels else ("vocabulary", vocabulary.keys, file)
    return [*_key_failures(bundle, *named), *_text_failures(bundle, vocabulary)]


def label_failures(manifest: Manifest, labels: tuple[str, ...]) -> list[Failure]:
    """Compare the manifest's labels with those that the model was trained on.

    Args:
        manifest: the bundle's manifest.
        labels: names of the training run's labels by index.
    """
    if manifest.labels == labels:
        return []
    names = f"{', '.join(manifest.labels) or 'none'}; expected are those of the run, {', '.join(labels) or 'none'}"
    return [Failure("labels", f"the manifest's labels are {names}.")]


def _key_failures(bundle: Bundle, check: str, keys: tuple[str, ...], where: str) -> list[Failure]:
    """Compare the keys of the test vectors' answers with those that the bundle gives to the same numbers."""
    manifest, (_, beyond) = bundle.manifest, bundle.manifest.answer_range
    wrong, compared = [], 0
    for vector in bundle.vectors.vectors:
        items = vector.items[: manifest.top_k]
        if len(vector.keys) != len(items) or any(not 0 <= item < beyond for item in items):
            expected = f"one for each of {len(items)} {'labels' if manifest.labels else 'items'} below {beyond}"
            said = f"test vector {vector.name!r} has {len(vector.keys)} keys; expected is {expected}."
            return [Failure(check, said)]
        compared += len(items)
        wrong += [(vector.name, *pair) for pair in zip(items, vector.keys, strict=True) if keys[pair[0]] != pair[1]]
    if not wrong:
        return []
    name, item, expected = wrong[0]
    first = f"test vector {name!r}: id {item} is {keys[item]!r} in {where}, expected is {expected!r}"
    return [Failure(check, f"{first}; {len(wrong)} of {compared} keys differ.")]


def _text_failures(bundle: Bundle, vocabulary: Vocabulary) -> list[Failure]:
    """Cut the test texts and look their words up."""
    manifest, texts = bundle.manifest, bundle.vectors.texts
    if manifest.tokenizer is None:
        return []
    if not texts:
        return [Failure("vocabulary", "the test vectors have no texts, with which the way to the ids is checked.")]
    found = vocabulary.text_ids([each.text for each in texts], manifest.tokenizer, manifest.history_length)
    wrong = [each.text for each, ids in zip(texts, found.tolist(), strict=True) if list(each.ids) != ids]
    if not wrong:
        return []
    return [
        Failure("vocabulary", f"test text {wrong[0][:40]!r} gives other ids; {len(wrong)} of {len(texts)} texts do so.")
    ]


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
