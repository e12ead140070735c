"""The file formats and the made catalogue: what is read from good files, and what is said of bad ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from ondevice.data import lines
from ondevice.data.interactions import Interactions
from ondevice.data.keys import LONGEST_KEY, Numbers
from ondevice.data.lines import UserLists, read_user_lists
from ondevice.data.reader import find
from ondevice.data.readers.sequences import Sequences
from ondevice.data.readers.synthetic import GENRES, Synthetic
from ondevice.data.readers.user_items import UserItems
from ondevice.errors import OnDeviceError, UsageError

TRAIN, VALID, TEST = "0 1 2\n1 3\n", "0 3\n", "0 4\n1 0 1\n"
SEQUENCES = "7 100 5 30 5\n8 30 100 5\n9 1 2\n"


def write(path: Path, content: str | bytes) -> Path:
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" and isinstance(content, str) else data)
    return path


def folder_of(folder: Path, train: str = TRAIN, valid: str = VALID, test: str = TEST, ending: str = ".txt") -> Path:
    folder.mkdir()
    for name, content in (("train", train), ("valid", valid), ("test", test)):
        write(folder / f"{name}{ending}", content)
    return folder


def read(path: Path) -> tuple[UserLists, list[str], list[str]]:
    users, items = Numbers(), Numbers()
    found = read_user_lists(path, users, items, once=False)
    return found, list(users), list(items)


def entries(data: Interactions) -> list[list[list[int]]]:
    return [[items.tolist() for items in split] for split in (data.train, data.valid, data.test)]


# Lines


@pytest.mark.parametrize("ending", [".txt", ".txt.gz"])
def test_blank_lines_and_any_white_space_are_left_out(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"lines{ending}", "\n 1\t2  3 \r\n\n   \n0\n04 5")
    found, users, items = read(path)
    assert [users[user] for user in found.users] == ["1", "0", "04"]
    assert [[items[item] for item in line] for line in found.lists] == [["2", "3"], [], ["5"]]


@pytest.mark.parametrize("word", ["\u2028x", "a\x85b", "x" * (LONGEST_KEY + 1), "9" * 5_000])
def test_what_is_no_key_is_named_by_file_and_line(tmp_path: Path, word: str) -> None:
    path = write(tmp_path / "lines.txt", f"1 2\n\n3 {word} 4\n5\n")
    with pytest.raises(OnDeviceError, match=r"lines\.txt, line 3: .* is no key; a key is one line of 1 to 1,000 char"):
        read(path)


def test_a_line_that_is_too_long_is_refused_before_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE", 100)
    assert len(read(write(tmp_path / "good.txt", f"1 {'2 ' * 48}\n3 4\n"))[0].users) == 2
    for ending in (".txt", ".txt.gz"):
        with pytest.raises(OnDeviceError, match=r"line 2 is too long; allowed are 100 characters"):
            read(write(tmp_path / f"long{ending}", f"1 2\n3 {'4 ' * 1_000_000}"))


def test_a_truncated_gzip_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).integers(10_000, size=3_000)
    whole = gzip.compress("\n".join(map(str, dict.fromkeys(numbers.tolist()))).encode())
    for length in (1, 9, 12, len(whole) // 2, len(whole) - 1):
        path = write(tmp_path / "cut.txt.gz", whole[:length])
        with pytest.raises(OnDeviceError, match=r"cut\.txt\.gz is not a whole gzip file"):
            read(path)


def test_a_damaged_gzip_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    whole = gzip.compress(" ".join(map(str, range(2_000))).encode())
    for place in (0, 15, len(whole) // 2, len(whole) - 6):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path = write(tmp_path / "bad.txt.gz", bytes(damaged))
        with pytest.raises(OnDeviceError, match=r"bad\.txt\.gz"):
            read(path)


@pytest.mark.parametrize("content", [b"\xff\xfe1\x00", b"1\x00 \x002\x00", b"3 \xed\xa0\x80\n", b"3 \xff\n"])
def test_bytes_that_are_no_text_are_an_error_that_names_the_line(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(OnDeviceError, match=r"binary\.txt, line 2 is not text; allowed is UTF-8"):
        read(write(tmp_path / "binary.txt", b"1 2\n" + content))


def test_find_prefers_the_plain_file_and_names_both_when_neither_exists(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"train\.txt' does not exist, nor does train\.txt\.gz"):
        find(tmp_path, "train.txt")
    packed = write(tmp_path / "train.txt.gz", "1\n")
    assert find(tmp_path, "train.txt") == packed
    plain = write(tmp_path / "train.txt", "1\n")
    assert find(tmp_path, "train.txt") == plain


# Folders of train, valid and test


def test_user_items_are_read_as_written(tmp_path: Path) -> None:
    data = UserItems().read("small", folder_of(tmp_path / "data"))
    assert entries(data) == [[[1, 2], [3]], [[3], []], [[4], [0, 1]]]
    assert data.item_keys == ("0", "1", "2", "3", "4")
    assert not data.ordered
    assert data.summary() == (
        "2 users, 5 items, 7 interactions (3 train, 1 validation, 3 test), as unordered sets; "
        "warning: 66.7% of the entries of the test split do not occur in training"
    )


def test_user_items_plain_and_compressed_are_equal(tmp_path: Path) -> None:
    plain = UserItems().read("small", folder_of(tmp_path / "plain"))
    packed = UserItems().read("small", folder_of(tmp_path / "packed", ending=".txt.gz"))
    assert entries(plain) == entries(packed)
    assert plain.item_keys == packed.item_keys


@pytest.mark.parametrize("missing", ["train.txt", "valid.txt", "test.txt"])
def test_user_items_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    folder = folder_of(tmp_path / "data")
    (folder / missing).unlink()
    with pytest.raises(UsageError, match=missing):
        UserItems().read("small", folder)


def test_user_items_of_a_file_instead_of_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not a folder; it must hold train.txt, valid.txt and test.txt"):
        UserItems().read("small", write(tmp_path / "train.txt", TRAIN))


def test_user_items_users_without_training_items_are_left_out(tmp_path: Path) -> None:
    # User 1 has an empty line, user 2 none; both have items to test on, which count as items but not as users.
    folder = folder_of(tmp_path / "data", train="5 0\n1\n3 1\n", valid="2 1\n3 0\n", test="1 0\n2 7\n5 1\n")
    data = UserItems().read("small", folder)
    assert entries(data) == [[[1], [0]], [[0], []], [[], [1]]]
    assert data.items == 2


def test_user_items_second_line_of_a_user_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "data", test="0 4\n1 0\n0 2\n")
    with pytest.raises(OnDeviceError, match=r"test\.txt, line 3: user 0 has a second line"):
        UserItems().read("small", folder)


def test_user_items_repeated_item_counts_once_and_keeps_its_first_place(tmp_path: Path) -> None:
    data = UserItems().read("small", folder_of(tmp_path / "data", train="0 5 1 5 2 1\n", valid="", test="0 3 3\n"))
    assert entries(data) == [[[3, 0, 1]], [[]], [[2]]]


def test_user_items_keys_stay_as_they_are_written_and_are_sorted_by_value(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path / "data",
        train="007 5 B00X 0000000000008 8\n7 08\n",
        valid=f"7 {2**40} 9\n",
        test="007 a\u00a0b 9999999999999999999\n",
    )
    data = UserItems().read("small", folder)
    assert data.item_keys == (
        "5", "0000000000008", "08", "8", "9", str(2**40), "9" * 19, "B00X", "a\u00a0b",
    )  # fmt: skip
    assert entries(data) == [[[0, 7, 1, 3], [2]], [[], [5, 4]], [[8, 6], []]]


@pytest.mark.parametrize("train", ["", "\n\n", "0\n1\n"])
def test_user_items_without_any_training_item_are_refused(tmp_path: Path, train: str) -> None:
    with pytest.raises(OnDeviceError, match=r"train\.txt holds no user with an item"):
        UserItems().read("small", folder_of(tmp_path / "data", train=train))


@pytest.mark.parametrize("header", ["user item", "\ufeffuser_id item_id rating"])
def test_a_header_is_no_user(tmp_path: Path, header: str) -> None:
    with pytest.raises(OnDeviceError, match=r"train\.txt: the first line, 'user.*', holds no digit.*names columns"):
        UserItems().read("small", folder_of(tmp_path / "data", train=f"{header}\n{TRAIN}"))


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "data", train="5 0 0 0\n1\n3 1\n", valid="2 1\n3 0\n", test="1 0\n2 7\n5 1 1\n")
    assert UserItems().read("small", folder).notes == (
        "left out: 2 users without training items", "counted once: 3 repeated items of a line",
    )  # fmt: skip
    data = Sequences().read("small", write(tmp_path / "data.txt", SEQUENCES))
    assert data.notes[1:] == ("left out: 1 user with fewer than 3 items",)
    assert "; left out: 1 user with fewer than 3 items" in data.summary()


def test_a_test_split_of_unknown_items_is_warned_of(tmp_path: Path) -> None:
    known = UserItems().read("small", folder_of(tmp_path / "known", train="0 1 2\n", test="0 1 7\n"))
    unknown = UserItems().read("small", folder_of(tmp_path / "unknown", train="0 1 2\n", test="0 1 7 8\n"))
    assert "warning" not in known.summary()
    assert unknown.summary().endswith("warning: 66.7% of the entries of the test split do not occur in training")


# Sequences


def test_sequences_leave_the_last_two_items_out(tmp_path: Path) -> None:
    # Items 5, 30 and 100 become 0, 1 and 2. User 7: 100 5 | 30 | 5. User 8: 30 | 100 | 5. User 9 is too short, and its
    # items 1 and 2 are no items of the data set.
    data = Sequences().read("small", write(tmp_path / "data.txt", SEQUENCES))
    assert data.item_keys == ("5", "30", "100")
    assert entries(data) == [[[2, 0], [1]], [[1], [2]], [[0], [0]]]
    assert data.ordered
    assert data.summary() == (
        "2 users, 3 items, 7 interactions (3 train, 2 validation, 2 test), in the order of time; "
        "not counted as answers: 1 test item that the same user had before; "
        "the last item of each user is for test, the last but one for validation; "
        "left out: 1 user with fewer than 3 items"
    )


def test_sequences_plain_compressed_and_alone_in_a_folder_are_equal(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    for folder, name in ((plain, "data.txt"), (packed, "data.txt.gz")):
        folder.mkdir()
        write(folder / name, SEQUENCES)
    (plain / "readme.md").write_text("not data")
    paths = (plain, plain / "data.txt", packed, packed / "data.txt.gz")
    found = [Sequences().read("small", path) for path in paths]
    assert all(entries(data) == entries(found[0]) and data.item_keys == found[0].item_keys for data in found)


@pytest.mark.parametrize("names", [(), ("a.txt", "b.txt"), ("a.txt", "a.txt.gz")])
def test_sequences_folder_must_hold_one_file(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        write(tmp_path / name, SEQUENCES)
    with pytest.raises(UsageError, match=rf"holds {len(names)} .txt or .txt.gz files; it must hold one"):
        Sequences().read("small", tmp_path)


@pytest.mark.parametrize("content", ["", "\n", "1 2 3\n2 4 5\n"])
def test_sequences_without_a_long_enough_user_are_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(OnDeviceError, match="split is last-out, and no user has 3 entries or more"):
        Sequences().read("small", write(tmp_path / "data.txt", content))


def test_sequences_second_line_of_a_user_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "data.txt", "1 10 20 30\n2 10 20 30\n1 40 50 60\n")
    with pytest.raises(OnDeviceError, match=r"data\.txt, line 3: user 1 has a second line"):
        Sequences().read("small", path)


def test_sequences_keep_repeated_items_and_large_numbers(tmp_path: Path) -> None:
    data = Sequences().read("small", write(tmp_path / "data.txt", f"1 4 {10**12} 4 4 4\n"))
    assert data.item_keys == ("4", str(10**12))
    assert entries(data) == [[[0, 1, 0]], [[0]], [[0]]]


# The made catalogue


@pytest.fixture(scope="module")
def made() -> Interactions:
    return Synthetic(users=1_000, items=4_000).read("synthetic", None)


def test_synthetic_is_the_same_every_time_and_another_for_another_seed(made: Interactions) -> None:
    again = Synthetic(users=1_000, items=4_000).read("synthetic", None)
    other = Synthetic(users=1_000, items=4_000, seed=8).read("synthetic", None)
    assert entries(again) == entries(made)
    assert again.item_keys == made.item_keys
    assert entries(other) != entries(made)


def test_synthetic_popularity_falls_like_zipf(made: Interactions) -> None:
    counts = np.sort(made.train.joined(made.valid).joined(made.test).counts(made.items))[::-1]
    # Measured: the best 1 % of 4,000 items take 8.0 % of all picks, 13 times the median item each; the best 10 % 37 %.
    assert 0.06 < counts[:40].sum() / counts.sum() < 0.12
    assert counts[:40].mean() > 10 * np.median(counts)
    assert 0.3 < counts[:400].sum() / counts.sum() < 0.5


def test_synthetic_splits_are_70_10_20_percent_of_20_to_60_items(made: Interactions) -> None:
    sizes = np.stack([np.diff(split.offsets) for split in (made.train, made.valid, made.test)])
    together = sizes.sum(axis=0)
    assert together.min() >= 20
    assert together.max() <= 60
    np.testing.assert_array_equal(sizes[0], (together * 0.7).astype(int))
    np.testing.assert_allclose(sizes.sum(axis=1) / sizes.sum(), [0.7, 0.1, 0.2], atol=0.02)


def test_synthetic_keys_say_genre_and_number(made: Interactions) -> None:
    assert len(set(made.item_keys)) == made.items == 4_000
    for number, key in enumerate(made.item_keys):
        genre, _, digits = key.rpartition("-")
        assert genre in GENRES
        assert digits == f"{number:04d}"


def test_synthetic_refuses_data(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="made, not read; leave --data out"):
        Synthetic().read("synthetic", tmp_path)
