"""Readers of texts: what is read from good files, and what is said of bad ones."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from ondevice.data import dataset as datasets
from ondevice.data.labelled import LabelledSplit
from ondevice.data.readers.aclimdb import AclImdb
from ondevice.data.readers.labelled_texts import LabelledTextFiles
from ondevice.data.readers.synthetic_texts import SyntheticTexts
from ondevice.data.texts import LabelledTexts
from ondevice.errors import OnDeviceError, UsageError
from ondevice.pipeline.train import configure

TRAIN = "pos\tA fine, FINE film.<br />Fine!\nneg\tdull film\npos\ta\tfilm \u2028x\u2028\n"
VALID, TEST = "pos\tfilm unheard\n", "neg\tdull\nneg\t\n"


def folder_of(folder: Path, train: str | bytes = TRAIN, valid: str = VALID, test: str = TEST, end: str = "") -> Path:
    folder.mkdir()
    for name, content in (("train", train), ("valid", valid), ("test", test)):
        data = content.encode() if isinstance(content, str) else content
        (folder / f"{name}.tsv{end}").write_bytes(gzip.compress(data) if end else data)
    return folder


def words(data: LabelledTexts, split: LabelledSplit) -> list[tuple[str, list[str]]]:
    keys = (*data.item_keys, "?")
    texts = ([keys[number] for number in text] for text in split.keys)
    return list(zip((data.labels[label] for label in split.labels), texts, strict=True))


@pytest.mark.parametrize("end", ["", ".gz"])
def test_words_are_numbered_by_training_frequency(tmp_path: Path, end: str) -> None:
    data = LabelledTextFiles(minimum_count=2).read("small", folder_of(tmp_path / "data", end=end))
    # Equally frequent ones in alphabetical order; "br", "dull" and the line end within a word are too rare.
    assert data.item_keys == ("film", "fine", "a")
    assert data.labels == ("neg", "pos")
    assert words(data, data.train) == [
        ("pos", ["a", "fine", "fine", "film", "?", "fine"]), ("neg", ["?", "film"]), ("pos", ["a", "film", "?"]),
    ]  # fmt: skip
    assert words(data, data.valid) == [("pos", ["film", "?"])]
    assert words(data, data.test) == [("neg", ["?"]), ("neg", [])]
    assert data.contexts.values.tolist() == [2, 1, 1, 0, 1, 0, 2, 0]
    assert data.counts.tolist() == [3, 3, 2]
    assert "6 texts (3 train, 1 validation, 2 test), 3 words (27.3% of those in training have no id)" in data.summary()


def test_a_word_with_a_line_end_of_another_system_is_no_key(tmp_path: Path) -> None:
    data = LabelledTextFiles(minimum_count=1).read("small", folder_of(tmp_path / "data"))
    assert set(data.item_keys) == {"film", "fine", "a", "br", "dull"}


@pytest.mark.parametrize(
    ("split", "content", "says"),
    [
        ("train", "pos\tfine\n\nno tab here\n", r"train\.tsv, line 3: 'no tab here' is not a label, a tab and a text"),
        ("train", f"{'x' * 1_001}\tfine\n", r"train\.tsv, line 1: label 'x+' is not allowed; a key is one line of"),
        ("train", f"label\ttext\n{TRAIN}", r"train\.tsv: the first line's label, 'label', .* so they name columns"),
        ("train", "0\tpos a\n1\tneg b\n2\tpos c\n", r"train\.tsv: none of the 3 labels occurs twice"),
        ("train", "\tfine\n", r"train\.tsv, line 1: 'fine' is not a label, a tab and a text"),
        ("train", "po\x00s\tfine\n", r"train\.tsv, line 1 is not text"),
        (
            "valid",
            "pos\tfine\nmixed\tfine\n",
            r"valid\.tsv, line 2: label 'mixed' does not occur in training, .*neg, pos",
        ),
        ("test", "Pos\tfine\n", r"test\.tsv, line 1: label 'Pos' does not occur in training"),
        ("train", b"pos\tfine\nneg\t\xff\n", r"train\.tsv, line 2 is not text"),
    ],
)
def test_a_malformed_line_is_named_by_file_and_number(tmp_path: Path, split: str, content: str, says: str) -> None:
    folder = folder_of(tmp_path / "data", **{split: content})
    with pytest.raises(OnDeviceError, match=says):
        LabelledTextFiles().read("bad", folder)


def test_labels_hold_joiners_and_blanks_are_counted_and_those_alike_are_named(tmp_path: Path) -> None:
    family, spaced = "\U0001f469\u200d\U0001f467", "very\u00a0good"
    train = f"{family}\ta b\n{spaced}\ta b\n{family}\ta b\nNEG\ta\nneg\ta\nPos\ta\n"
    data = LabelledTextFiles().read("odd", folder_of(tmp_path / "data", train, "neg\ta\n", "neg\ta\n"))
    assert data.labels == ("NEG", "Pos", "neg", spaced, family)
    assert data.summary().endswith(
        f"5 labels (NEG 1, Pos 1, neg 1, {spaced} 1, {family} 2); warning: labels 'NEG', 'neg' look alike"
    )


def test_a_cut_gzip_file_and_a_missing_one_are_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "data", end=".gz")
    path = folder / "test.tsv.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(OnDeviceError, match=r"test\.tsv\.gz is not a whole gzip file"):
        LabelledTextFiles().read("cut", folder)
    path.unlink()
    with pytest.raises(UsageError, match=r"test\.tsv' does not exist, nor does test\.tsv\.gz"):
        LabelledTextFiles().read("none", folder)


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


def reviews(number: int) -> dict[str, bytes]:
    """Give texts of both parts and labels, numbered backwards, each made of its own number."""
    return {
        f"aclImdb/{part}/{label}/{each}_{1 if label == 'neg' else 10}.txt": f"{part}{label}{each}<br />".encode()
        for part in ("train", "test")
        for label in ("pos", "neg")
        for each in reversed(range(number))
    }


def test_the_last_tenth_of_each_label_is_for_validation_and_the_test_is_left_alone(tmp_path: Path) -> None:
    more = {"aclImdb/train/unsup/0_0.txt": b"x", "aclImdb/train/urls_pos.txt": b"y", "aclImdb/README": b"z"}
    path = archive(tmp_path / "a.tar.gz", {**more, **reviews(20)})
    data = AclImdb(minimum_count=1).read("imdb", path.parent)
    assert data.labels == ("neg", "pos")
    found = [[(label, *text[:-1]) for label, text in words(data, split)] for split in (data.train, data.valid)]
    assert found[0] == [(label, f"train{label}{n}") for label in data.labels for n in range(18)]
    # Their words are not those of the training texts.
    assert found[1] == [(label, "?") for label in data.labels for _ in range(2)]
    assert len(data.test) == 40


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({}, "holds no text in train/neg, train/pos, test/neg, test/pos; a name is e.g. train/neg/0_3.txt"),
        ({"train/neg/0_3.txt": b"a"}, "holds no text in train/pos, test/neg, test/pos"),
        ({"train/neg/0_3.txt": b"\xff"}, r"a\.tar\.gz, train/neg/0_3\.txt is not a text file: .*0xff"),
    ],
)
def test_an_archive_of_something_else_says_what_is_missing(tmp_path: Path, members: dict, says: str) -> None:
    with pytest.raises(OnDeviceError, match=says):
        AclImdb().read("bad", archive(tmp_path / "a.tar.gz", members))


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar.gz", reviews(20))
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"no archive", gzip.compress(b"no archive")):
        path.write_bytes(content)
        with pytest.raises(OnDeviceError, match=r"a\.tar\.gz is not a whole \.tar\.gz archive"):
            AclImdb().read("bad", path)
    (tmp_path / "b.tar.gz").touch()
    with pytest.raises(UsageError, match=r"holds 2 \.tar\.gz archives; it must hold one"):
        AclImdb().read("bad", tmp_path)


def test_made_texts_hold_more_words_of_their_own_label() -> None:
    data = SyntheticTexts(texts=400, words=300).read("made", None)
    counts = np.zeros((2, data.items))
    for label, text in zip(data.train.labels, data.train.keys, strict=True):
        np.add.at(counts[label], text, 1)
    shares = (counts + 1) / (counts + 1).sum(axis=1, keepdims=True)
    lean = np.log(shares[1] / shares[0])
    guessed = [int(lean[text].sum() > 0) for text in data.test.keys]
    assert np.mean(np.array(guessed) == data.test.labels) > 0.75


def test_settings_of_texts_are_refused_for_other_data() -> None:
    with pytest.raises(
        UsageError, match="setting most_words is given; allowed is it only for texts, which 'synthetic'"
    ):
        configure("synthetic", most_words=5)
    assert datasets.load("synthetic-texts").read(None, {"most_words": 5}).items == 5
