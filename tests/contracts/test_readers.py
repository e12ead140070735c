"""What every reader must satisfy, over the registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ondevice.data.interactions import Interactions
from ondevice.data.reader import Reader, registry
from ondevice.data.readers.synthetic import Synthetic
from ondevice.errors import UsageError

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


def _nothing(folder: Path) -> None:
    return None


SAMPLES: dict[str, tuple[Callable[[], Reader], Callable[[Path], Path | None]]] = {
    "sequences": (registry.load("sequences"), _sequences),
    "synthetic": (lambda: Synthetic(users=40, items=200), _nothing),
    "user_items": (registry.load("user_items"), _user_items),
}
"""How to make each reader and its data; a new reader adds a line here or fails a test."""


@pytest.fixture(params=sorted(SAMPLES))
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Interactions]:
    make, data = SAMPLES[request.param]
    path = data(tmp_path)
    return lambda: make().read("a name", path)


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
def test_needs_data_is_true_of_the_reader(name: str, tmp_path: Path) -> None:
    make, _ = SAMPLES[name]
    wrong = [None, tmp_path / "absent"] if registry.load(name).needs_data else [tmp_path]
    for path in wrong:
        with pytest.raises(UsageError, match=r"absent|None|leave --data out"):
            make().read(name, path)


def test_members_found_are_pinned() -> None:
    assert NAMES == ["sequences", "synthetic", "user_items"]
