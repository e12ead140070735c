"""The bundle: the folder that `export` writes and that everything later reads, the app included."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ondevice import files, records
from ondevice.errors import OnDeviceError, UsageError
from ondevice.manifest import Manifest

SCHEMA_VERSION = 2
MODEL_FILE = "model.tflite"
MANIFEST_FILE = "manifest.json"
VOCABULARY_FILE = "vocab.txt"
TEST_VECTORS_FILE = "test_vectors.json"


@dataclass(frozen=True)
class TestVector:
    """One call and what the reference model answers.

    Args:
        name: what the vector tests, e.g. `"user 17"` or `"all padding"`.
        edge: whether it holds unusual ids and not a real history.
        ids: the ids given, as many as the history is long.
        items: the reference's best items, several times as many as the file returns; where answers are labels, all of
            these by index.
        keys: the vocabulary's keys of the first of these items, as many as the file returns, so that a vocabulary
            that does not belong to the file is noticed; where answers are labels, their names.
        scores: their scores, falling.
        score_range: largest minus smallest score over all items that may be returned.
    """

    __test__ = False

    name: str
    edge: bool
    ids: tuple[int, ...]
    items: tuple[int, ...]
    keys: tuple[str, ...]
    scores: tuple[float, ...]
    score_range: float


@dataclass(frozen=True)
class TestText:
    """One text and the ids it becomes, so that an app can check the way from what is typed in to the file's input.

    Args:
        text: the text; of a click log a line for each field, `field=value`.
        ids: the ids of its last words in order, filled with padding behind, or of its fields; as many as the file
            takes.
    """

    __test__ = False

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
    manifest = _read_manifest(folder / MANIFEST_FILE)
    described = (MODEL_FILE, VOCABULARY_FILE, TEST_VECTORS_FILE)
    for name in described:
        if name not in manifest.sha256:
            raise OnDeviceError(f"manifest {str(folder / MANIFEST_FILE)!r} has no SHA-256 of {name}.")
    # Whoever copies a bundle copies these files, so that a name must not lead out of its folder.
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


def _read_manifest(path: Path) -> Manifest:
    value = files.read_json(path, "manifest")
    # Before anything else: a manifest of another version has other fields, and that is not what is wrong with it.
    version = value.get("schema_version", SCHEMA_VERSION) if isinstance(value, dict) else SCHEMA_VERSION
    if version != SCHEMA_VERSION:
        raise OnDeviceError(
            f"manifest {str(path)!r} has schema version {version}; this ondevice reads version {SCHEMA_VERSION}."
        )
    return records.from_json(Manifest, value, f"manifest {str(path)!r}")
