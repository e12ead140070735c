"""A matrix of vectors alone: every kind of file, and a bundle that answers with its rows or their mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import ondevice
from ondevice.cli.main import main
from ondevice.data.vectors import read_vectors
from ondevice.errors import OnDeviceError, UsageError

ROWS, WIDTH = 400, 16


def matrix() -> np.ndarray:
    rng = np.random.default_rng(0)
    kinds = rng.standard_normal((20, WIDTH))
    return (kinds[rng.integers(0, 20, ROWS)] + 0.2 * rng.standard_normal((ROWS, WIDTH))).astype(np.float32)


KEYS = [f"word{number}" for number in range(ROWS)]


def made(out: Path, **arguments: Any) -> Any:
    given = {"ratio": 8, "out": out / "bundle", "verbose": False, "method": "hashing", **arguments}
    return ondevice.compress_table(matrix(), **given)


def test_every_kind_of_file_holds_the_same_vectors(tmp_path: Path) -> None:
    vectors = matrix()
    np.save(tmp_path / "a.npy", vectors)
    np.savez(tmp_path / "a.npz", vectors=vectors, counts=np.arange(3))
    save_file({"weight": vectors.astype(np.float16), "bias": vectors[0]}, tmp_path / "a.safetensors")
    lines = [" ".join([key, *map(str, row)]) for key, row in zip(KEYS, vectors.tolist(), strict=True)]
    (tmp_path / "a.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "a.vec").write_text("\n".join([f"{ROWS} {WIDTH}", *lines]) + "\n", encoding="utf-8-sig")
    for name, keys in (("a.npy", []), ("a.npz", []), ("a.safetensors", []), ("a.txt", KEYS), ("a.vec", KEYS)):
        found, own = read_vectors(tmp_path / name)
        assert own == keys
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, vectors, rtol=1e-3, atol=1e-3 if "safe" in name else 1e-6)


def test_what_is_no_matrix_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", one=matrix(), other=matrix())
    np.save(tmp_path / "nan.npy", np.full((2, 2), np.nan))
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY")
    (tmp_path / "bad.safetensors").write_bytes(b"abc")
    (tmp_path / "bad.txt").write_text("a 1 2\nb 1\n")
    (tmp_path / "a.csv").write_text("1,2\n")
    for name, message in (
        ("two.npz", r"^2 are there and none is named of the matrices of .*; allowed is one of one, other\.$"),
        ("nan.npy", r"are empty or not finite; allowed is a matrix of finite numbers\.$"),
        ("cut.npy", r"can't be read: "),
        ("bad.safetensors", r"can't be read: "),
        ("bad.txt", r"can't be read: line 2 has 1 numbers, those before 2\.$"),
        ("a.csv", r"end with '\.csv'; allowed is one of \.npy, "),
        ("none.npy", r"do not exist; "),
    ):
        with pytest.raises(OnDeviceError, match=message):
            read_vectors(tmp_path / name)
    np.testing.assert_array_equal(read_vectors(tmp_path / "two.npz", "other")[0], matrix())


def test_the_vocabulary_has_the_order_and_keys_find_their_vectors(tmp_path: Path) -> None:
    table = made(tmp_path, keys=KEYS)
    manifest = table.bundle.manifest
    assert manifest.embeddings[0].order == "vocabulary"
    assert table.report.tables[0].order == "vectors (free in the vocabulary)"
    listed = (table.bundle.folder / "vocab-ids.txt").read_text().splitlines()
    assert sorted(listed) == sorted(KEYS)
    assert listed != KEYS
    assert 0 < table.neighbours < 1
    assert 0 < table.error < 0.3
    assert ondevice.validate(table.bundle).valid
    vectors, by_key = matrix(), {key: row for row, key in enumerate(KEYS)}
    for vector in table.bundle.vectors.vectors:
        if not vector.edge:
            [row] = [by_key[listed[id_]] for id_ in map(int, vector.inputs["ids"])]
            answer = np.array(vector.outputs["answer"])
            assert answer @ vectors[row] > 0.8 * np.linalg.norm(answer) * np.linalg.norm(vectors[row])


def test_pooled_vectors_leave_padding_out_and_have_length_one(tmp_path: Path) -> None:
    table = made(tmp_path, keys=KEYS, pool="mean", normalize=True, length=6, method="full", ratio=1, recipe="float32")
    [ids] = table.bundle.manifest.inputs
    assert (ids.shape, ids.size) == ((1, 6), ROWS + 1)
    assert (table.bundle.folder / "vocab-ids.txt").read_text().splitlines() == ["<padding>", *KEYS]
    assert table.neighbours == 1.0
    for vector in table.bundle.vectors.vectors:
        given = [int(id_) for id_ in vector.inputs["ids"] if 0 < id_ <= ROWS]
        mean = matrix()[np.array(given) - 1].mean(axis=0)
        np.testing.assert_allclose(vector.outputs["answer"], mean / np.linalg.norm(mean), atol=1e-5)


def test_wrong_arguments_are_refused(tmp_path: Path) -> None:
    for arguments, message in (
        ({"keys": KEYS[1:]}, r"^keys are 399 for 400 vectors; allowed is one for each\.$"),
        ({"counts": [1]}, r"^counts are 1 for 400 vectors"),
        ({"pool": "max"}, r"^pool is 'max'; allowed is 'mean' or nothing\.$"),
        ({"ratio": 900}, r"ratio 900 is out of reach"),
    ):
        with pytest.raises(UsageError, match=message):
            made(tmp_path, **arguments)
        assert not (tmp_path / "bundle").exists()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "a.npy", matrix())
    (tmp_path / "keys.txt").write_text("".join(f"{key}\n" for key in KEYS))
    given = [str(tmp_path / "a.npy"), "--ratio", "4", "--vocabulary", str(tmp_path / "keys.txt")]
    assert main(["compress-table", *given, "--out", str(tmp_path / "bundle")]) == 0
    printed = capsys.readouterr().out
    assert "nearest neighbours stay" in printed
    assert "Next: ondevice validate" in printed
    assert main(["validate", str(tmp_path / "bundle")]) == 0
