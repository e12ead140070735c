"""What every id order must satisfy, over the registry."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ondevice.data.interactions import Interactions
from ondevice.data.lists import Lists
from ondevice.data.order import Order, registry

NAMES = registry.names()
ITEMS, SEEN = 45, 40


def data_set(train: list[list[int]], items: int) -> Interactions:
    nothing = Lists.of([[] for _ in train])
    keys = tuple(f"item {number}" for number in range(items))
    return Interactions("small", keys, Lists.of(train), nothing, nothing, ordered=False)


def random_data() -> Interactions:
    """Make 30 users with 8 items each of the first 40; the last five items are never seen in training."""
    rng = np.random.default_rng(0)
    return data_set([rng.choice(SEEN, 8, replace=False).tolist() for _ in range(30)], ITEMS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("runs", [1, 2, 7, ITEMS - 1, ITEMS])
def test_every_item_gets_one_place(name: str, runs: int) -> None:
    arranged = registry.load(name)().arrange(random_data(), 0, runs)
    assert arranged.dtype == np.int64
    assert sorted(arranged.tolist()) == list(range(ITEMS))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("runs", [1, 7])
def test_equal_seeds_give_equal_orders(name: str, runs: int) -> None:
    for seed in (0, 1):
        one, other = (registry.load(name)().arrange(random_data(), seed, runs) for _ in range(2))
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_only_the_training_split_decides(name: str) -> None:
    before = random_data()
    rng = np.random.default_rng(1)
    held_out = [Lists.of([rng.choice(ITEMS, 5, replace=False) for _ in range(before.users)]) for _ in range(2)]
    after = dataclasses.replace(before, valid=held_out[0], test=held_out[1])
    orders = [registry.load(name)().arrange(data, 3, 7) for data in (before, after)]
    np.testing.assert_array_equal(*orders)


@pytest.mark.parametrize("name", NAMES)
def test_the_data_set_is_not_changed(name: str) -> None:
    data = random_data()
    registry.load(name)().arrange(data, 0, 7)
    np.testing.assert_array_equal(data.train.values, random_data().train.values)
    np.testing.assert_array_equal(data.train.offsets, random_data().train.offsets)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("runs", [1, 2, 5])
@pytest.mark.parametrize(
    ("train", "items"),
    [
        pytest.param([[0, 1]], 2, id="one user, two items"),
        pytest.param([[1]], 2, id="one user, one of two items"),
        pytest.param([[0], [0]], 1, id="two users, one item"),
        pytest.param([[0], [1]], 2, id="two users, two items"),
        pytest.param([[0, 1, 2, 3]], 5, id="one user, all items but one"),
        pytest.param([[0, 1, 2]] * 3, 3, id="all users alike"),
        pytest.param([[], [2, 0], []], 3, id="users without items"),
        pytest.param([[]], 3, id="nothing to learn from"),
        pytest.param([[1, 1, 1, 0]], 2, id="repeated items"),
    ],
)
def test_extremes_are_arranged_too(name: str, train: list[list[int]], items: int, runs: int) -> None:
    arranged = registry.load(name)().arrange(data_set(train, items), 0, min(runs, items))
    assert sorted(arranged.tolist()) == list(range(items))


def test_as_given_keeps_and_frequency_sorts_stably() -> None:
    # Item 3 occurs three times, items 1 and 4 twice, items 0 and 2 never.
    data = data_set([[3, 1], [4, 3], [1, 4, 3]], 5)
    assert registry.load("as_given")().arrange(data, 0, 1).tolist() == [0, 1, 2, 3, 4]
    assert registry.load("frequency")().arrange(data, 0, 1).tolist() == [3, 1, 4, 0, 2]


def test_random_orders_of_two_seeds_differ() -> None:
    one, other = (registry.load("random")().arrange(random_data(), seed, 1) for seed in (0, 1))
    assert one.tolist() != other.tolist()


def test_members_found_are_pinned() -> None:
    assert NAMES == ["as_given", "field", "frequency", "random", "semantic"]
    assert all(issubclass(registry.load(name), Order) for name in NAMES)
    assert [name for name in NAMES if registry.load(name).neighbours_similar] == ["semantic"]
