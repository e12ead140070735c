"""Sizes of quotient-remainder and path-based over the tables of Criteo Kaggle, as the paper's authors count them."""

from __future__ import annotations

import pytest

from ondevice.embeddings.method import registry
from ondevice.embeddings.methods.path_based import function_parameters
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS

CARDINALITIES = (
    1460, 583, 10131227, 2202608, 305, 24, 12517, 633, 3, 93145, 5683, 8351593, 3194, 27, 14992, 5461306, 10, 5652,
    2173, 4, 7046547, 18, 15, 286181, 105, 142572,
)  # fmt: skip
WIDTH = 16

quotient_remainder = registry.load("quotient_remainder")


def rows_for(items: int, collisions: int) -> int:
    """Return the rows of both tables without those of the reserved ids, which the paper does not have."""
    method = quotient_remainder(items + RESERVED_IDS, WIDTH, collisions, -(-items // collisions))
    quotient, remainder = method.tables()
    assert (quotient.width, remainder.width) == (WIDTH, WIDTH)
    return quotient.rows - 1 + remainder.rows - RESERVED_IDS


def test_full_tables() -> None:
    assert sum(CARDINALITIES) == 33_762_577


@pytest.mark.parametrize(
    ("collisions", "threshold", "parameters"),
    [
        (4, 200, 135_054_048), (4, 20_000, 135_619_648),
        (7, 200, 77_176_592), (7, 20_000, 77_822_592),
        (60, 200, 9_024_032), (60, 20_000, 9_756_832),
    ],
)  # fmt: skip
def test_only_tables_above_the_threshold_are_compressed(collisions: int, threshold: int, parameters: int) -> None:
    rows = sum(rows_for(items, collisions) if items > threshold else items for items in CARDINALITIES)
    assert rows * WIDTH == parameters


@pytest.mark.parametrize(("collisions", "parameters"), [(4, 135_052_128), (7, 77_174_720), (60, 9_028_560)])
def test_all_tables_compressed(collisions: int, parameters: int) -> None:
    """The authors count small tables as compressed even where that takes more rows; here these are refused."""
    rows = 0
    for items in CARDINALITIES:
        as_published = -(-items // collisions) + collisions
        if as_published < items:
            assert rows_for(items, collisions) == as_published
        else:
            with pytest.raises(UsageError, match=r"use method full|collisions is"):
                rows_for(items, collisions)
        rows += as_published
    assert rows * WIDTH == parameters


@pytest.mark.parametrize(
    ("hidden", "parameters"), [(16, 135_107_040), (32, 135_161_952), (64, 135_271_776), (128, 135_491_424)]
)
def test_path_based_with_four_collisions(hidden: int, parameters: int) -> None:
    total = 0
    for items in CARDINALITIES:
        rows, function = -(-items // 4), function_parameters(WIDTH, hidden)
        as_published = rows * WIDTH + 4 * function
        reserved = RESERVED_IDS * WIDTH + function
        if as_published + reserved < (items + RESERVED_IDS) * WIDTH:
            method = registry.load("path_based")(items + RESERVED_IDS, WIDTH, 4, rows, hidden)
            assert method.stored_parameters == as_published + reserved
        else:
            with pytest.raises(UsageError, match=r"use method full|collisions is"):
                registry.load("path_based")(items + RESERVED_IDS, WIDTH, 4, rows, hidden)
        total += as_published
    assert total == parameters
