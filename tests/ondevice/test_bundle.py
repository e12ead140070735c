"""Opening a bundle: its files are the ones its manifest describes, or it is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ondevice import files, records
from ondevice.bundle import (
    MANIFEST_FILE,
    MODEL_FILE,
    SCHEMA_VERSION,
    TEST_VECTORS_FILE,
    VOCABULARY_FILE,
    TestVector,
    TestVectors,
    open_bundle,
)
from ondevice.errors import OnDeviceError, UsageError
from tests.manifests import manifest

VECTORS = TestVectors(
    SCHEMA_VERSION,
    (TestVector("user 0", False, {"ids": (2.0, 0.0)}, {"items": (3.0,), "scores": (0.5,)}, {"scores": 1.0}, ("b",)),),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a bundle whose model is 64 bytes of nothing."""
    folder = tmp_path / "bundle"
    files.write_bytes(folder / MODEL_FILE, bytes(range(64)))
    files.write_text(folder / VOCABULARY_FILE, "<padding>\n<unknown>\na\nb\n")
    records.write(folder / TEST_VECTORS_FILE, VECTORS)
    digests = {name: files.sha256(folder / name) for name in (MODEL_FILE, VOCABULARY_FILE, TEST_VECTORS_FILE)}
    records.write(folder / MANIFEST_FILE, manifest(sha256=digests))
    return folder


def test_whole_bundle_is_opened(folder: Path) -> None:
    bundle = open_bundle(folder)
    assert bundle.folder == folder
    assert bundle.model == folder / MODEL_FILE
    assert bundle.manifest == manifest(sha256=bundle.manifest.sha256)
    assert bundle.vectors == VECTORS


@pytest.mark.parametrize("place", [0, 17, 63])
def test_changed_model_is_refused(folder: Path, place: int) -> None:
    model = bytearray((folder / MODEL_FILE).read_bytes())
    model[place] ^= 1
    (folder / MODEL_FILE).write_bytes(model)
    with pytest.raises(OnDeviceError, match=r"model\.tflite' was changed since export"):
        open_bundle(folder)


@pytest.mark.parametrize("name", [MODEL_FILE, VOCABULARY_FILE, TEST_VECTORS_FILE])
def test_longer_file_is_refused(folder: Path, name: str) -> None:
    with (folder / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(OnDeviceError, match=rf"{name}' was changed since export"):
        open_bundle(folder)


@pytest.mark.parametrize("name", [MODEL_FILE, VOCABULARY_FILE, TEST_VECTORS_FILE, MANIFEST_FILE])
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(UsageError, match=rf"{name}' does not exist"):
        open_bundle(folder)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="absent' is not a folder; `ondevice export` writes one"):
        open_bundle(tmp_path / "absent")


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
def test_other_schema_version_is_refused(folder: Path, version: int) -> None:
    changed = dataclasses.replace(open_bundle(folder).manifest, schema_version=version)
    records.write(folder / MANIFEST_FILE, changed)
    with pytest.raises(
        OnDeviceError, match=rf"has schema version {version}; this ondevice reads 3: export the model again"
    ):
        open_bundle(folder)


def test_manifest_of_another_version_is_named_as_such_whatever_its_fields(folder: Path) -> None:
    value = files.read_json(folder / MANIFEST_FILE, "manifest")
    del value["embeddings"]
    files.write_json(folder / MANIFEST_FILE, {**value, "schema_version": 1, "colour": "red"})
    with pytest.raises(
        OnDeviceError, match=r"manifest\.json' has schema version 1; this ondevice reads 3: export the model again .*"
    ):
        open_bundle(folder)


@pytest.mark.parametrize("ids_per_block", [0, -1])
def test_blocks_of_no_ids_are_refused(folder: Path, ids_per_block: int) -> None:
    value = files.read_json(folder / MANIFEST_FILE, "manifest")
    value["embeddings"][0]["lookup"]["ids_per_block"] = ids_per_block
    files.write_json(folder / MANIFEST_FILE, value)
    with pytest.raises(OnDeviceError, match=rf"ids_per_block is {ids_per_block}; allowed is a whole number of at"):
        open_bundle(folder)


def test_manifest_with_another_key_is_refused(folder: Path) -> None:
    value = files.read_json(folder / MANIFEST_FILE, "manifest")
    files.write_json(folder / MANIFEST_FILE, {**value, "colour": "red"})
    with pytest.raises(OnDeviceError, match=r"manifest\.json' does not fit this version of ondevice: .*colour"):
        open_bundle(folder)


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "more.txt", MANIFEST_FILE])
def test_a_digest_of_another_file_is_refused(folder: Path, name: str) -> None:
    """Whoever copies the files that a manifest names would write where it says."""
    (folder.parent / "outside").touch()
    records.write(folder / MANIFEST_FILE, manifest(sha256={**open_bundle(folder).manifest.sha256, name: "0" * 64}))
    with pytest.raises(
        OnDeviceError, match=r"manifest\.json' has a SHA-256 of .*; allowed are model\.tflite, vocab\.txt"
    ):
        open_bundle(folder)


@pytest.mark.parametrize("name", [MODEL_FILE, VOCABULARY_FILE, TEST_VECTORS_FILE])
def test_file_without_a_digest_is_refused(folder: Path, name: str) -> None:
    digests = {file: digest for file, digest in open_bundle(folder).manifest.sha256.items() if file != name}
    records.write(folder / MANIFEST_FILE, manifest(sha256=digests))
    with pytest.raises(OnDeviceError, match=rf"manifest\.json' has no SHA-256 of {name}"):
        open_bundle(folder)
