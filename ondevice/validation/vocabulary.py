"""Vocabulary and labels must be those of the file: with others, each right answer has a wrong name."""

from __future__ import annotations

from pathlib import Path

from ondevice.bundle import VOCABULARY_FILE, Bundle
from ondevice.data.vocabulary import Vocabulary, read_keys, text_ids
from ondevice.errors import OnDeviceError
from ondevice.feature import Feature
from ondevice.manifest import Manifest
from ondevice.validation.record import Failure


def vocabulary_failures(bundle: Bundle) -> list[Failure]:
    """Compare vocabularies and labels with the manifest's numbers and with what test vectors and texts say of them."""
    manifest, failures = bundle.manifest, []
    keys: dict[str, tuple[str, ...]] = {}
    for feature in manifest.inputs:
        if not feature.vocabulary:
            continue
        try:
            path = bundle.folder / feature.vocabulary
            keys[feature.name] = Vocabulary.read(path).keys if manifest.task else read_keys(path)
        except OnDeviceError as error:
            return [Failure("vocabulary", str(error))]
        if len(keys[feature.name]) != feature.size:
            lines = (
                f"{feature.vocabulary} has {len(keys[feature.name])} lines; the manifest promises {feature.size} ids."
            )
            return [Failure("vocabulary", lines)]
        titles = read_keys(bundle.folder / feature.titles) if feature.titles else keys[feature.name]
        if len(titles) != feature.size:
            lines = f"{feature.titles} has {len(titles)} lines; the manifest promises {feature.size} ids."
            return [Failure("vocabulary", lines)]
        failures += _text_failures(bundle, feature, keys[feature.name])
    if manifest.head.labels:
        return [*_key_failures(bundle, "labels", manifest.head.labels, "the manifest"), *failures]
    if manifest.head.exclude in keys:
        file = manifest.feature(manifest.head.exclude).vocabulary
        return [*_key_failures(bundle, "vocabulary", keys[manifest.head.exclude], file), *failures]
    return failures


def label_failures(manifest: Manifest, labels: tuple[str, ...]) -> list[Failure]:
    """Compare the manifest's labels with those that the model was trained on.

    Args:
        manifest: the bundle's manifest.
        labels: names of the training run's labels by index.
    """
    found = manifest.head.labels
    if found == labels:
        return []
    names = f"{', '.join(found) or 'none'}; expected are those of the run, {', '.join(labels) or 'none'}"
    return [Failure("labels", f"the manifest's labels are {names}.")]


def _key_failures(bundle: Bundle, check: str, keys: tuple[str, ...], where: str) -> list[Failure]:
    """Compare the keys of the test vectors' answers with those that the bundle gives to the same numbers."""
    head, beyond = bundle.manifest.head, len(keys)
    wrong, compared = [], 0
    for vector in bundle.vectors.vectors:
        items = [int(each) for each in vector.outputs[head.outputs[0]][: head.k]]
        if len(vector.keys) != len(items) or any(not 0 <= item < beyond for item in items):
            expected = f"one for each of {len(items)} {'labels' if head.labels else 'items'} below {beyond}"
            said = f"test vector {vector.name!r} has {len(vector.keys)} keys; expected is {expected}."
            return [Failure(check, said)]
        compared += len(items)
        wrong += [(vector.name, *pair) for pair in zip(items, vector.keys, strict=True) if keys[pair[0]] != pair[1]]
    if not wrong:
        return []
    name, item, expected = wrong[0]
    first = f"test vector {name!r}: id {item} is {keys[item]!r} in {where}, expected is {expected!r}"
    return [Failure(check, f"{first}; {len(wrong)} of {compared} keys differ.")]


def _text_failures(bundle: Bundle, feature: Feature, keys: tuple[str, ...]) -> list[Failure]:
    """Cut the test texts and look their words up."""
    texts = [each for each in bundle.vectors.texts if each.feature == feature.name]
    if feature.tokenizer is None:
        return []
    if not texts:
        return [Failure("vocabulary", "the test vectors have no texts, with which the way to the ids is checked.")]
    found = text_ids(keys, [each.text for each in texts], feature.tokenizer, feature.length)
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
