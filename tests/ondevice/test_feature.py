"""Features: what contradicts itself is refused in one sentence, and the rest counts and bounds its numbers."""

from __future__ import annotations

import dataclasses

import pytest

from ondevice.errors import UsageError
from ondevice.feature import BOOL, DTYPES, IDS, NUMBER, Feature

ITEM = Feature("item", IDS, (1, 4, 3), "int32", 10, 1, 0, 2, "vocab-item.txt")


def test_a_feature_of_every_kind_and_type_is_allowed() -> None:
    for kind, dtypes in DTYPES.items():
        for dtype in dtypes:
            assert Feature("x", kind, (1,), dtype).length == 1


def test_length_is_that_of_all_axes_and_limits_those_of_the_type() -> None:
    assert ITEM.length == 12
    assert Feature("x", NUMBER, (), "float32").length == 1
    assert ITEM.limits == (-(2**31), 2**31 - 1)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "id"}, "kind of feature 'item' is 'id'; allowed is one of ids, number, bool."),
        ({"dtype": "int64"}, "dtype of feature 'item' is 'int64'; allowed is a type of the kind 'ids'."),
        ({"dtype": "float32"}, "dtype of feature 'item' is 'float32'"),
        (
            {"kind": BOOL, "dtype": "float32"},
            "dtype of feature 'item' is 'float32'; allowed is a type of the kind 'bool'.",
        ),
        ({"shape": (1, 0)}, "shape of feature 'item' is (1, 0); allowed is whole numbers of at least 1."),
        ({"shape": (-1, 4)}, "shape of feature 'item' is (-1, 4)"),
        ({"size": -1}, "size of feature 'item' is -1"),
        ({"kind": NUMBER}, "size of feature 'item' is 10; allowed is 0, or ids of the kind 'ids'."),
        ({"size": 0}, "vocabulary of feature 'item' is 'vocab-item.txt'; allowed is one only beside a size."),
        ({"outside": 10}, "outside of feature 'item' is 10; allowed is 0 to 9."),
        ({"outside": -1}, "outside of feature 'item' is -1"),
        ({"padding": 10}, "padding of feature 'item' is 10; allowed is 0 to 9."),
        ({"padding": -1}, "padding of feature 'item' is -1"),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        dataclasses.replace(ITEM, **changes)
    assert str(refused.value).startswith(says)


def test_ends_of_what_is_allowed() -> None:
    for changes in ({"outside": 9}, {"outside": 0}, {"padding": 9}, {"padding": None}, {"size": 2}, {"shape": (1,)}):
        assert dataclasses.replace(ITEM, **changes) != ITEM
