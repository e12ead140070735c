"""Training examples: what is history, what is target, and that both come from (seed, epoch, batch) alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondevice.data.lists import Lists, padded
from ondevice.errors import OnDeviceError
from ondevice.ids import PADDING_ID, RESERVED_IDS, UNKNOWN_ID
from ondevice.training.examples import HistoryExamples

# User u has ids of its own from 100 u on, so that every id tells whose it is. User 1 has too few.
SIZES = (5, 1, 2, 9, 0, 12, 3)
LISTS = Lists.of([[100 * (user + 1) + place for place in range(size)] for user, size in enumerate(SIZES)])
USABLE = [user for user, size in enumerate(SIZES) if size >= 2]


def examples(ordered: bool = False, **changes) -> HistoryExamples:
    settings = {"length": 16, "batch_size": 4, "unknown_share": 0.0, "seed": 0, "epoch": 0, **changes}
    return HistoryExamples(LISTS, ordered, **settings)


def rows(made: HistoryExamples):
    """Go through an epoch's examples without their padding: user, history and targets."""
    for batch in range(len(made)):
        for history, targets in zip(*made[batch], strict=True):
            history, targets = history[history != PADDING_ID], targets[targets != PADDING_ID]
            yield int(targets[0]) // 100 - 1, history.tolist(), targets.tolist()


@pytest.mark.parametrize("epoch", range(5))
def test_unordered_history_and_targets_are_disjoint_halves(epoch: int) -> None:
    for user, history, targets in rows(examples(epoch=epoch)):
        assert sorted(history + targets) == LISTS[user].tolist()
        assert len(history) == SIZES[user] // 2


@pytest.mark.parametrize("epoch", range(5))
def test_ordered_target_is_the_item_after_the_history(epoch: int) -> None:
    for user, history, targets in rows(examples(ordered=True, epoch=epoch)):
        assert len(targets) == 1
        assert 1 <= len(history) < SIZES[user]
        assert history + targets == LISTS[user][: len(history) + 1].tolist()


def test_an_epoch_is_the_same_whatever_was_asked_before() -> None:
    made = examples()
    for epoch in (0, 1, 1, 0):
        made.epoch = epoch
        assert list(rows(made)) == list(rows(examples(epoch=epoch)))


def test_ordered_histories_end_at_every_place() -> None:
    ends = {len(history) for epoch in range(100) for user, history, _ in rows(examples(True, epoch=epoch)) if user == 5}
    assert ends == set(range(1, 12))


def test_every_usable_user_occurs_in_every_epoch_and_no_other() -> None:
    # Five users in batches of four: two batches, the second filled up with the first three users again.
    for ordered in (False, True):
        users = Counter(user for user, _, _ in rows(examples(ordered)))
        assert sorted(users) == USABLE
        assert sorted(users.values()) == [1, 1, 2, 2, 2]


@pytest.mark.parametrize("batch_size", [1, 2, 4, 5, 64])
def test_every_batch_is_full(batch_size: int) -> None:
    for ordered in (False, True):
        made = examples(ordered, batch_size=batch_size, length=7)
        assert len(made) == -(-len(USABLE) // batch_size)
        for batch in range(len(made)):
            histories, targets = made[batch]
            assert histories.shape == (batch_size, 7)
            assert targets.shape == (batch_size, 1 if ordered else 7)
            assert histories.dtype == targets.dtype == np.int32
            assert np.all((histories != PADDING_ID).any(axis=1))
            assert np.all((targets != PADDING_ID).any(axis=1))


@pytest.mark.parametrize("ordered", [False, True])
def test_seed_epoch_and_batch_decide_everything(ordered: bool) -> None:
    one, other = (examples(ordered, seed=3, epoch=7, unknown_share=0.3) for _ in range(2))
    # In another order of batches, as a resumed run might ask.
    for batch in (1, 0, 1):
        for first, second in zip(one[batch], other[batch], strict=True):
            np.testing.assert_array_equal(first, second)


def test_an_epoch_set_later_is_the_epoch_given() -> None:
    moved = examples(epoch=0)
    moved.epoch = 4
    np.testing.assert_array_equal(moved[1][0], examples(epoch=4)[1][0])


@pytest.mark.parametrize("ordered", [False, True])
def test_epochs_and_seeds_differ(ordered: bool) -> None:
    made = [examples(ordered, **change)[0] for change in ({}, {"epoch": 1}, {"seed": 1})]
    histories = {histories.tobytes() for histories, _ in made}
    assert len(histories) == 3


def test_making_examples_leaves_the_lists_alone() -> None:
    before = LISTS.values.copy()
    list(rows(examples(unknown_share=0.5)))
    np.testing.assert_array_equal(LISTS.values, before)


def test_unknown_share_replaces_that_share_of_the_history_only() -> None:
    lists = Lists.of([range(RESERVED_IDS, 102)] * 200)
    histories, targets = HistoryExamples(lists, False, 60, 200, 0.1, 0, 0)[0]
    filled = histories != PADDING_ID
    assert filled.sum() == 200 * 50
    # 10,000 draws of one in ten: standard deviation 0.3 %.
    assert (histories == UNKNOWN_ID).sum() / filled.sum() == pytest.approx(0.1, abs=0.015)
    assert not (targets == UNKNOWN_ID).any()
    assert not (HistoryExamples(lists, False, 60, 200, 0.0, 0, 0)[0][0] == UNKNOWN_ID).any()


def test_users_without_two_items_are_an_error() -> None:
    with pytest.raises(OnDeviceError, match="no user has two items to learn from"):
        HistoryExamples(Lists.of([[5], [], [7]]), False, 4, 2, 0.0, 0, 0)


def test_padded_keeps_the_last_ids() -> None:
    found = padded([[2, 3, 4, 5], [6], [], [7, 8, 9]], 3)
    assert found.dtype == np.int32
    assert found.tolist() == [[3, 4, 5], [6, 0, 0], [0, 0, 0], [7, 8, 9]]
    assert padded(Lists.of([]), 3).shape == (0, 3)


@settings(max_examples=60, deadline=None)
@given(lists=st.lists(st.lists(st.integers(1, 99), max_size=8), max_size=6), length=st.integers(1, 10))
def test_padded_rows_are_the_last_ids_and_then_padding(lists: list[list[int]], length: int) -> None:
    for given_as in (lists, Lists.of(lists)):
        for row, ids in zip(padded(given_as, length).tolist(), lists, strict=True):
            assert row == ids[-length:] + [PADDING_ID] * (length - len(ids))
