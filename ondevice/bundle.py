"""The bundle: the folder that `export` writes and that everything later reads, the app included."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ondevice import files, records
from ondevice.errors import OnDeviceError, UsageError
from ondevice.manifest import Manifest

SCHEMA_VERSION = 3
MODEL_FILE = "model.tflite"
MANIFEST_FILE = "manifest.json"
VOCABULARY_FILE = "vocab.txt"
TITLES_FILE = "titles.txt"
TITLES_NAME = re.compile(r"titles(-\w+)?\.txt")
VOCABULARY_NAME = re.compile(r"vocab(-\w+)?\.txt")
VOCABULARY_RULE = "allowed is vocab.txt, or vocab- with letters, digits and _ and then .txt"
TEST_VECTORS_FILE = "test_vectors.json"


@dataclass(frozen=True)
class TestVector:
    """One call and what the reference model answers.

    Args:
        name: what the vector tests, e.g. `"user 17"` or `"all padding"`.
        edge: whether it holds unusual ids and not real ones.
        inputs: the numbers of every input by its name, row by row.
        outputs: the reference's outputs by name, row by row. Of a head that ranks: its best answers, perhaps several
            times as many as the file returns, and their scores, falling.
        ranges: largest minus smallest number by name of each output of fractions; of a head that ranks over everything
            that may be returned.
        keys: names of the first answers, as many as the file returns, so that a vocabulary that does not belong to the
            file is noticed; none where answers have no names.
    """

    __test__ = False

    name: str
    edge: bool
    inputs: dict[str, tuple[float, ...]]
    outputs: dict[str, tuple[float, ...]]
    ranges: dict[str, float]
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class TestText:
    """One text and the ids it becomes, so that an app can check the way from what is typed in to the file's input.

    Args:
        feature: name of the input.
        text: the text; of a click log a line for each field, `field=value`.
        ids: the ids it becomes, as many as the input takes.
    """

    __test__ = False

    feature: str
    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True)
class TestVectors:
    """The content of `test_vectors.json`.

    Args:
        schema_version: version of this record.
        vectors: calls with the reference's answers.
        texts: texts with their ids; empty for a model without a tokenizer.
    """

    __test__ = False

    schema_version: int
    vectors: tuple[TestVector, ...]
    texts: tuple[TestText, ...] = ()


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk, opened with `open_bundle`."""

    folder: Path
    manifest: Manifest
    vectors: TestVectors

    @property
    def model(self) -> Path:
        """Path of the `.tflite` file."""
        return self.folder / MODEL_FILE


def open_bundle(folder: Path) -> Bundle:
    """Read a bundle and check that its files are the ones its manifest describes.

    Raises:
        UsageError: the folder or one of its files does not exist.
        OnDeviceError: a file differs from what the manifest promises.
    """
    if not folder.is_dir():
        raise UsageError(f"bundle {str(folder)!r} is not a folder; `ondevice export` writes one.")
    manifest = read_manifest(folder / MANIFEST_FILE)
    described = (MODEL_FILE, *manifest.vocabularies, *manifest.titles, TEST_VECTORS_FILE)
    # Whoever copies a bundle copies these files, so that a name must not lead out of its folder.
    for name in manifest.vocabularies:
        if not VOCABULARY_NAME.fullmatch(name):
            raise OnDeviceError(
                f"manifest {str(folder / MANIFEST_FILE)!r} names vocabulary {name!r}; {VOCABULARY_RULE}."
            )
    if others := [name for name in manifest.titles if not TITLES_NAME.fullmatch(name)]:
        raise OnDeviceError(
            f"manifest {str(folder / MANIFEST_FILE)!r} names titles {others[0]!r}; allowed is a name as {TITLES_FILE}."
        )
    for name in described:
        if name not in manifest.sha256:
            raise OnDeviceError(f"manifest {str(folder / MANIFEST_FILE)!r} has no SHA-256 of {name}.")
    if others := sorted(set(manifest.sha256) - set(described)):
        allowed = ", ".join(described)
        raise OnDeviceError(
            f"manifest {str(folder / MANIFEST_FILE)!r} has a SHA-256 of {others[0]!r}; allowed are {allowed}."
        )
    for name, digest in manifest.sha256.items():
        path = folder / name
        if not path.is_file():
            raise UsageError(f"bundle file {str(path)!r} does not exist.")
        if files.sha256(path) != digest:
            raise OnDeviceError(
                f"bundle file {str(path)!r} was changed since export: its SHA-256 is not the manifest's."
            )
    vectors = records.read(TestVectors, folder / TEST_VECTORS_FILE, "test vectors")
    return Bundle(folder, manifest, vectors)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        UsageError: there is no such file.
        OnDeviceError: it is of another schema version, or damaged.
    """
    value = files.read_json(path, "manifest")
    # Before anything else: a manifest of another version has other fields, and that is not what is wrong with it.
    version = value.get("schema_version", SCHEMA_VERSION) if isinstance(value, dict) else SCHEMA_VERSION
    if version != SCHEMA_VERSION:
        raise OnDeviceError(
            f"manifest {str(path)!r} has schema version {version}; this ondevice reads {SCHEMA_VERSION}: export "
            f"the model again to make the bundle anew."
        )
    return records.from_json(Manifest, value, f"manifest {str(path)!r}")
