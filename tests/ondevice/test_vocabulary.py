"""The vocabulary: the line number of a key is its id, in memory and in the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondevice.data.vocabulary import RESERVED_KEYS, Vocabulary
from ondevice.errors import OnDeviceError, UsageError
from ondevice.ids import PADDING_ID, RESERVED_IDS, UNKNOWN_ID

LINE_BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda key: key.splitlines() == [key])


def of(*items: str) -> Vocabulary:
    return Vocabulary((*RESERVED_KEYS, *items))


def test_reserved_ids_have_the_reserved_keys() -> None:
    vocabulary = of("a")
    assert vocabulary.keys[PADDING_ID] == "<padding>"
    assert vocabulary.keys[UNKNOWN_ID] == "<unknown>"
    assert len(RESERVED_KEYS) == RESERVED_IDS
    assert len(vocabulary) == RESERVED_IDS + 1


@pytest.mark.parametrize("start", [(), ("<padding>",), ("<unknown>", "<padding>", "a"), ("a", "b")])
def test_other_beginnings_are_refused(start: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="it must start with"):
        Vocabulary(start)


def test_arrangement_gives_the_item_at_place_p_the_id_p_plus_2() -> None:
    vocabulary = Vocabulary.of_items(("a", "b", "c"), np.array([2, 0, 1]))
    assert vocabulary.keys == ("<padding>", "<unknown>", "c", "a", "b")
    ids = vocabulary.ids(("a", "b", "c"))
    assert ids.dtype == np.int32
    assert ids.tolist() == [3, 4, 2]


def test_key_that_is_not_there_is_named() -> None:
    with pytest.raises(OnDeviceError, match="item 'z' is not in the vocabulary of 4 ids"):
        of("a", "b").ids(("a", "z"))


def test_key_that_occurs_twice_is_named() -> None:
    with pytest.raises(UsageError, match="vocabulary key 'b' occurs twice"):
        of("a", "b", "c", "b")
    with pytest.raises(UsageError, match="vocabulary key '<unknown>' occurs twice"):
        Vocabulary.of_items(("a", "<unknown>"), np.array([0, 1]))


@pytest.mark.parametrize("line_break", LINE_BREAKS)
@pytest.mark.parametrize("form", ["a{}b", "a{}", "{}b", "{}"])
def test_line_breaks_are_refused(line_break: str, form: str) -> None:
    with pytest.raises(UsageError, match="a key is one non-empty line"):
        of("good", form.format(line_break))


def test_empty_key_is_refused() -> None:
    with pytest.raises(UsageError, match="vocabulary key '' is not allowed"):
        of("a", "")


@settings(max_examples=100, deadline=None)
@given(items=st.lists(keys, unique=True, max_size=20), data=st.data())
def test_ids_and_keys_are_each_others_inverse(items: list[str], data: st.DataObject) -> None:
    items = [item for item in items if item not in RESERVED_KEYS]
    arrangement = data.draw(st.permutations(range(len(items))))
    vocabulary = Vocabulary.of_items(tuple(items), np.array(arrangement, np.int64))
    ids = vocabulary.ids(tuple(items))
    assert sorted(ids.tolist()) == list(range(RESERVED_IDS, len(items) + RESERVED_IDS))
    assert [vocabulary.keys[number] for number in ids] == items


@settings(max_examples=50, deadline=None)
@given(items=st.lists(keys, unique=True, max_size=20))
def test_file_round_trip(items: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    vocabulary = of(*(item for item in items if item not in RESERVED_KEYS))
    path = tmp_path_factory.getbasetemp() / "vocab.txt"
    vocabulary.write(path)
    assert Vocabulary.read(path) == vocabulary
    lines = path.read_bytes().decode("utf-8").split("\n")
    assert lines == [*vocabulary.keys, ""], "the line number is the id"


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"vocab\.txt' does not exist"):
        Vocabulary.read(tmp_path / "vocab.txt")


@pytest.mark.parametrize(
    "content", [b"<padding>\n<unknown>\na\nb", b"<padding>\n<unknown>\n\xff\xfe\n", b"", b"a\nb\n"]
)
def test_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vocab.txt").write_bytes(content)
    with pytest.raises(OnDeviceError, match="vocabulary"):
        Vocabulary.read(tmp_path / "vocab.txt")
