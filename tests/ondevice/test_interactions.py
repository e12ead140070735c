"""Lists per user, stored end to end: what goes in comes out, also where users have nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondevice.data.interactions import Interactions
from ondevice.data.lists import Lists

several = st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=8)


def plain(lists: Lists) -> list[list[int]]:
    return [entries.tolist() for entries in lists]


@settings(max_examples=60, deadline=None)
@given(entries=several)
def test_lists_come_out_as_they_went_in(entries: list[list[int]]) -> None:
    lists = Lists.of(entries)
    assert plain(lists) == entries
    assert len(lists) == len(entries)
    assert lists.values.dtype == np.int32
    assert lists.offsets.dtype == np.int64
    for user, expected in enumerate(entries):
        assert lists[user].tolist() == expected


@settings(max_examples=60, deadline=None)
@given(pairs=st.lists(st.tuples(*[st.lists(st.integers(0, 9), max_size=6)] * 2), max_size=8))
def test_without_leaves_out_what_the_same_user_has_there(pairs: list[tuple[list[int], list[int]]]) -> None:
    lists, other = (Lists.of([pair[side] for pair in pairs]) for side in (0, 1))
    assert plain(lists.without(other)) == [[x for x in own if x not in others] for own, others in pairs]
    assert lists.without(other).values.dtype == np.int32


def test_at_gives_the_lists_of_some_users_in_the_order_given() -> None:
    lists = Lists.of([[1], [], [2, 3], [4]])
    assert plain(lists.at(np.array([3, 2, 2, 1]))) == [[4], [2, 3], [2, 3], []]
    assert lists.at(np.array([2])).values.dtype == np.int32
    assert plain(lists.at(np.zeros(0, np.int64))) == []


@pytest.mark.parametrize(("entries", "offsets"), [([], [0]), ([[]], [0, 0]), ([[], [3], []], [0, 0, 1, 1])])
def test_empty_lists(entries: list[list[int]], offsets: list[int]) -> None:
    lists = Lists.of(entries)
    assert lists.offsets.tolist() == offsets
    assert lists.values.dtype == np.int32
    assert plain(lists) == entries
    assert plain(lists.joined(lists)) == [each + each for each in entries]
    assert plain(lists.mapped(np.arange(10, dtype=np.int32) + 1)) == [[x + 1 for x in each] for each in entries]
    assert lists.counts(4).tolist() == ([0, 0, 0, 1] if lists.values.size else [0, 0, 0, 0])
    assert plain(lists.kept(np.zeros(10, np.bool_))) == [[] for _ in entries]


def test_joined_appends_user_by_user() -> None:
    assert plain(Lists.of([[1], [], [2, 3]]).joined(Lists.of([[4], [5], []]))) == [[1, 4], [5], [2, 3]]


def test_joined_refuses_other_numbers_of_users() -> None:
    with pytest.raises(ValueError, match="2 users are joined to 1"):
        Lists.of([[1]]).joined(Lists.of([[1], [2]]))


def test_mapped_replaces_by_the_table() -> None:
    table = np.array([7, 5, 3], np.int32)
    mapped = Lists.of([[0, 2], [], [1, 1]]).mapped(table)
    assert plain(mapped) == [[7, 3], [], [5, 5]]
    assert mapped.values.dtype == np.int32


def test_counts_count_every_entry() -> None:
    assert Lists.of([[0, 2, 2], [], [2]]).counts(5).tolist() == [1, 0, 3, 0, 0]


@settings(max_examples=40, deadline=None)
@given(entries=several, wanted=st.sets(st.integers(0, 9)))
def test_kept_leaves_out_what_is_not_wanted(entries: list[list[int]], wanted: set[int]) -> None:
    kept = Lists.of(entries).kept(np.isin(np.arange(10), list(wanted)))
    assert plain(kept) == [[entry for entry in each if entry in wanted] for each in entries]
    assert kept.values.dtype == np.int32


def test_summary_counts_users_items_and_splits() -> None:
    some = Lists.of([[0, 1], [2]])
    data = Interactions("x", tuple("abc"), some, Lists.of([[2], []]), Lists.of([[], [0]]), ordered=False)
    assert (data.users, data.items) == (2, 3)
    assert data.summary() == "2 users, 3 items, 5 interactions (3 train, 1 validation, 1 test), as unordered sets"


def test_items_that_a_user_had_before_are_no_answers() -> None:
    train, valid, test = (Lists.of(each) for each in ([[0, 1], [2]], [[1, 2], []], [[2, 0, 3], [2]]))
    data = Interactions("x", tuple("abcd"), train, valid, test, ordered=True)
    assert plain(data.valid_answers) == [[2], []]
    assert plain(data.test_answers) == [[3], []]
    assert data.summary().endswith("; not counted as answers: 3 test items that the same user had before")
