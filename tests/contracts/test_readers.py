"""What every reader must satisfy, over the registry."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import re
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ondevice.data import lines as text_lines
from ondevice.data.clicks import ClickLog
from ondevice.data.interactions import Interactions
from ondevice.data.labelled import MINIMUM_COUNT, NO_KEY
from ondevice.data.reader import ClickReader, Reader, TextReader, registry
from ondevice.data.readers.synthetic import Synthetic
from ondevice.data.readers.synthetic_clicks import SyntheticClicks
from ondevice.data.readers.synthetic_texts import SyntheticTexts
from ondevice.data.texts import LabelledTexts
from ondevice.errors import OnDeviceError, UsageError

NAMES = registry.names()


def _user_items(folder: Path) -> Path:
    for name, lines in {
        "train.txt": "0 1 2 3\n1 3 4\n2 0 5\n",
        "valid.txt": "0 4\n1 1\n2 3\n",
        "test.txt": "0 5\n1 0 2\n2 6\n",
    }.items():
        (folder / name).write_text(lines)
    return folder


def _sequences(folder: Path) -> Path:
    (folder / "data.txt").write_text("1 10 20 30 40\n2 20 30 50\n3 50 10 20\n")
    return folder / "data.txt"


def _table(folder: Path) -> Path:
    rows = "".join(f"{user},{item},{10 * item}\n" for user in (1, 2, 3) for item in range(user, 5 + user))
    (folder / "data.csv").write_text(f"user,item,time\n{rows}")
    return folder / "data.csv"


def _nothing(folder: Path) -> None:
    return None


def _labelled_texts(folder: Path) -> Path:
    for name, lines in {
        "train.tsv": "bad\ta dull dull film\ngood\ta fine film\nbad\tdull\ngood\ta fine\ttab\n",
        "valid.tsv": "good\ta film\n",
        "test.tsv": "bad\tdull indeed\ngood\t\n",
    }.items():
        (folder / name).write_text(lines)
    return folder


def _archive(folder: Path) -> Path:
    path = folder / "reviews.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for number in range(20):
            for part in ("train/neg", "train/pos", "test/neg", "test/pos"):
                text = f"a film<br /><br />{'dull' if part.endswith('neg') else 'fine'} {number % 3}".encode()
                member = tarfile.TarInfo(f"aclImdb/{part}/{number}_{3 if part.endswith('neg') else 8}.txt")
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text))
    return path


def _click_log(folder: Path) -> Path:
    for name, lines in {
        "train.csv": "click,user,ad\n0,u1,a1\n1,u1,a2\n0,u2,a1\n1,,a2\n0,,a1\n",
        "valid.csv": "click,user,ad\n1,u1,a1\n0,u9,a2\n",
        "test.csv": "ad,click,user\na1,1,u1\na7,0,u2\n",
    }.items():
        (folder / name).write_text(lines)
    return folder


def _kddcup(folder: Path) -> Path:
    rows = (f'"{n % 2}",{n},"site {n % 3}","{n % 4}"' for n in range(100))
    path = folder / "Click_prediction_small.csv"
    path.write_text("\n".join(['"click","impression","url_hash","ad_id"', *rows]))
    return path


SAMPLES: dict[str, tuple[Callable[[], Reader], Callable[[Path], Path | None]]] = {
    "aclimdb": (registry.load("aclimdb"), _archive),
    "click_log": (registry.load("click_log"), _click_log),
    "kddcup_clicks": (registry.load("kddcup_clicks"), _kddcup),
    "labelled_texts": (registry.load("labelled_texts"), _labelled_texts),
    "sequences": (registry.load("sequences"), _sequences),
    "synthetic": (lambda: Synthetic(users=40, items=200), _nothing),
    "synthetic_clicks": (lambda: SyntheticClicks(lines=400, users=40), _nothing),
    "synthetic_texts": (lambda: SyntheticTexts(texts=60, words=80), _nothing),
    "table": (registry.load("table"), _table),
    "user_items": (registry.load("user_items"), _user_items),
}
"""How to make each reader and its data; a new reader adds a line here or fails a test."""


TEXTS = [name for name in NAMES if issubclass(registry.load(name), TextReader)]
CLICKS = [name for name in NAMES if issubclass(registry.load(name), ClickReader)]
OF_KIND = {
    "interactions": [name for name in NAMES if name not in (*TEXTS, *CLICKS)], "texts": TEXTS, "clicks": CLICKS,
}  # fmt: skip


def reading(name: str, folder: Path) -> Callable[[], Any]:
    make, data = SAMPLES[name]
    path = data(folder)
    return lambda: make().read("a name", path)


@pytest.fixture(params=OF_KIND["interactions"])
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Interactions]:
    return reading(request.param, tmp_path)


@pytest.fixture(params=OF_KIND["texts"])
def read_texts(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], LabelledTexts]:
    return reading(request.param, tmp_path)


@pytest.fixture(params=OF_KIND["clicks"])
def read_clicks(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ClickLog]:
    return reading(request.param, tmp_path)


def test_every_member_has_a_sample() -> None:
    assert sorted(SAMPLES) == NAMES


def test_name_and_number_of_users_agree(read: Callable[[], Interactions]) -> None:
    data = read()
    assert data.name == "a name"
    assert data.users == len(data.train) == len(data.valid) == len(data.test) > 0


def test_every_user_has_items_to_learn_from(read: Callable[[], Interactions]) -> None:
    assert np.diff(read().train.offsets).min() >= 1


def test_item_numbers_have_keys_and_the_keys_are_unique(read: Callable[[], Interactions]) -> None:
    data = read()
    assert data.items == len(set(data.item_keys)) > 0
    assert all(key and key.splitlines() == [key] for key in data.item_keys)
    for split in (data.train, data.valid, data.test):
        assert split.values.dtype == np.int32
        assert split.offsets.dtype == np.int64
        assert split.values.min() >= 0
        assert split.values.max() < data.items


def test_splits_of_a_user_do_not_overlap(read: Callable[[], Interactions]) -> None:
    data = read()
    for parts in zip(data.train, data.valid, data.test, strict=True):
        together = np.concatenate(parts)
        assert len(set(together.tolist())) == len(together)


def test_texts_have_numbers_of_words_and_labels(read_texts: Callable[[], LabelledTexts]) -> None:
    data = read_texts()
    assert (data.name, data.task) == ("a name", "text")
    assert data.items == len(set(data.item_keys)) > 0
    assert [data.tokenizer.words(key) for key in data.item_keys] == [[key] for key in data.item_keys]
    assert len(set(data.labels)) == len(data.labels) == 2
    for split in (data.train, data.valid, data.test):
        assert len(split) == len(split.keys) > 0
        assert split.keys.values.dtype == split.labels.dtype == np.int32
        assert split.keys.values.min() >= NO_KEY
        assert split.keys.values.max() < data.items
        assert set(split.labels.tolist()) <= {0, 1}
    assert data.contexts.values.min() >= 0
    assert len(data.contexts) == len(data.train)
    # The most frequent word comes first.
    assert (np.diff(data.counts) <= 0).all()
    assert data.counts.min() >= MINIMUM_COUNT


@pytest.mark.parametrize("name", TEXTS)
def test_settings_of_texts_limit_the_vocabulary(name: str, tmp_path: Path) -> None:
    _, data = SAMPLES[name]
    path = data(tmp_path)
    many = registry.load(name)(minimum_count=1, most_words=1_000).read("many", path)
    few = registry.load(name)(minimum_count=2, most_words=3).read("few", path)
    assert few.item_keys == many.item_keys[:3]
    np.testing.assert_array_equal(few.train.keys.offsets, many.train.keys.offsets)
    np.testing.assert_array_equal(few.test.keys.values == NO_KEY, ~np.isin(many.test.keys.values, [0, 1, 2]))


def test_reading_texts_twice_gives_the_same(read_texts: Callable[[], LabelledTexts]) -> None:
    one, other = read_texts(), read_texts()
    assert (one.item_keys, one.labels) == (other.item_keys, other.labels)
    for split in ("train", "valid", "test"):
        np.testing.assert_array_equal(getattr(one, split).keys.values, getattr(other, split).keys.values)
        np.testing.assert_array_equal(getattr(one, split).labels, getattr(other, split).labels)


def test_click_logs_have_a_value_for_each_field_of_every_line(read_clicks: Callable[[], ClickLog]) -> None:
    data = read_clicks()
    assert (data.name, data.task, data.labels) == ("a name", "clicks", ("click",))
    assert data.items == len(set(data.item_keys)) > 0
    assert {key.partition("=")[0] for key in data.item_keys} <= set(data.fields)
    for split in (data.train, data.valid, data.test):
        assert len(split) == len(split.keys) > 0
        assert (np.diff(split.keys.offsets) == len(data.fields)).all()
        assert split.keys.values.min() >= NO_KEY
        assert split.keys.values.max() < data.items
        assert set(split.labels.tolist()) == {0, 1}
        # A value stands at the place of its field.
        for line in split.keys:
            for field, value in zip(data.fields, line, strict=True):
                assert value == NO_KEY or data.item_keys[value].startswith(f"{field}=")
    assert data.counts.min() >= MINIMUM_COUNT
    # Of rare values it is chance how they lean.
    assert data.leanings is None
    # What an app types in for a line becomes the keys of that line.
    line = [data.item_keys[value] for value in data.train.keys[0] if value != NO_KEY]
    assert [word for word in data.tokenizer.words("\n".join(reversed(line))) if not word.endswith("=")] == [
        word for word in line if not word.endswith("=")
    ]


def test_reading_clicks_twice_gives_the_same(read_clicks: Callable[[], ClickLog]) -> None:
    one, other = read_clicks(), read_clicks()
    assert (one.item_keys, one.tokenizer) == (other.item_keys, other.tokenizer)
    for split in ("train", "valid", "test"):
        np.testing.assert_array_equal(getattr(one, split).keys.values, getattr(other, split).keys.values)
        np.testing.assert_array_equal(getattr(one, split).labels, getattr(other, split).labels)


def test_reading_twice_gives_the_same(read: Callable[[], Interactions]) -> None:
    one, other = read(), read()
    assert one.item_keys == other.item_keys
    assert one.ordered == other.ordered
    for split in ("train", "valid", "test"):
        np.testing.assert_array_equal(getattr(one, split).offsets, getattr(other, split).offsets)
        np.testing.assert_array_equal(getattr(one, split).values, getattr(other, split).values)


def test_ordered_data_has_one_item_to_test_on(read: Callable[[], Interactions]) -> None:
    data = read()
    if data.ordered:
        assert set(np.diff(data.test.offsets).tolist()) == {1}
        assert set(np.diff(data.valid.offsets).tolist()) == {1}
    assert ("order of time" in data.summary()) == data.ordered


@pytest.mark.parametrize("name", NAMES)
def test_what_is_read_needs_data_and_what_is_made_takes_none(name: str, tmp_path: Path) -> None:
    make, data = SAMPLES[name]
    wrong = [tmp_path] if data is _nothing else [None, tmp_path / "absent"]
    for path in wrong:
        with pytest.raises(UsageError, match=r"absent|None|leave --data out"):
            make().read(name, path)


READ = [name for name, (_, data) in SAMPLES.items() if data is not _nothing]
TEXT_FILES = [name for name in READ if name != "aclimdb"]


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize("name", TEXT_FILES)
def test_a_mark_in_front_and_line_ends_of_another_system_change_nothing(name: str, tmp_path: Path) -> None:
    read = reading(name, tmp_path)
    before = read()
    for path in files_below(tmp_path):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    after = read()
    assert (after.digest, after.item_keys) == (before.digest, before.item_keys)


@pytest.mark.parametrize("name", READ)
def test_empty_cut_and_damaged_files_are_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    read = reading(name, tmp_path)
    said = []
    for path in files_below(tmp_path):
        whole = path.read_bytes()
        for content in (
            b"",
            whole[:-7],
            whole[:9],
            b"\0" * 600,
            b"\xff" + whole,
            bytes(range(256)) * 9,
            b"\xed\xa0\x80",
        ):
            path.write_bytes(content)
            # What is left of a file may be a file; whatever is refused is refused so.
            with contextlib.suppress(OnDeviceError):
                read()
            if content and not whole.startswith(content):
                with pytest.raises(OnDeviceError) as raised:
                    read()
                said.append(str(raised.value))
        path.write_bytes(whole)
    assert all(re.search(r"\.(txt|tsv|csv|tar\.gz)\b.*\.$", each) for each in said)
    read()


@pytest.mark.parametrize("name", TEXT_FILES)
def test_a_line_that_is_too_long_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = reading(name, tmp_path)
    path = files_below(tmp_path)[0]
    path.write_bytes(path.read_bytes() + b"1 " * 2_000)
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 1_000)
    with pytest.raises(OnDeviceError, match=rf"{path.name}, line \d+ is too long; allowed are 1,000 characters"):
        read()


@pytest.mark.parametrize("name", READ)
def test_what_is_no_regular_file_is_refused(name: str, tmp_path: Path) -> None:
    read = reading(name, tmp_path)
    for path in files_below(tmp_path):
        whole = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(UsageError, match="is no regular file"):
            read()
        path.unlink()
        path.symlink_to("/dev/zero")
        with pytest.raises(UsageError, match="is no regular file"):
            read()
        path.unlink()
        path.write_bytes(whole)


@pytest.mark.parametrize("name", OF_KIND["interactions"])
def test_keys_stay_as_they_are_written(name: str, tmp_path: Path) -> None:
    if name not in READ:
        return
    read = reading(name, tmp_path)
    before = read()
    for path in files_below(tmp_path):
        path.write_text(re.sub(r"(\d+)", r"00\1", path.read_text()))
    assert read().item_keys == tuple(f"00{key}" for key in before.item_keys)


def test_readers_hold_few_bytes_per_interaction(tmp_path: Path) -> None:
    users, each = 4_000, 25
    items = np.random.default_rng(0).integers(2_000, size=(users, each))
    path = tmp_path / "data.txt"
    path.write_text("".join(f"{user} {' '.join(map(str, row))}\n" for user, row in enumerate(items.tolist())))
    tracemalloc.start()
    try:
        registry.load("sequences")().read("many", path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Measured: 34; a list of Python's integers takes more than 90.
    assert peak / (users * each) < 50


@pytest.mark.parametrize("name", NAMES)
def test_the_digest_is_of_content_order_and_split(name: str, tmp_path: Path) -> None:
    data = reading(name, tmp_path)()
    assert dataclasses.replace(data, name="other", notes=("told",)).digest == data.digest
    assert dataclasses.replace(data, train=data.valid, valid=data.train).digest != data.digest
    assert dataclasses.replace(data, item_keys=data.item_keys[::-1]).digest != data.digest


def test_members_found_are_pinned() -> None:
    assert NAMES == [
        "aclimdb", "click_log", "kddcup_clicks", "labelled_texts", "sequences", "synthetic", "synthetic_clicks",
        "synthetic_texts", "table", "user_items",
    ]  # fmt: skip
