"""Mixed dimension: the published widths, blocks and look-ups worked out by hand, and how much of a budget is used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ondevice.data.order import registry as orders
from ondevice.embeddings.every_id import reference_lookup
from ondevice.embeddings.method import registry
from ondevice.embeddings.mixed_widths import (
    numbers_stored,
    popularity_blocks,
    relative_widths,
    widths_within,
    zipf_popularity,
)
from ondevice.errors import UsageError
from ondevice.training.choose import choose_method, counts_of
from tests.tiny_runs import tiny_clicks, tiny_config, tiny_interactions

mixed = registry.load("mixed_dimension")

CRITEO = (
    1460, 583, 10131227, 2202608, 305, 24, 12517, 633, 3, 93145, 5683, 8351593, 3194, 27, 14992, 5461306, 10, 5652,
    2173, 4, 7046547, 18, 15, 286181, 105, 142572,
)  # fmt: skip
"""Rows of the 26 tables of Criteo Kaggle."""


def published_widths(
    rows: Sequence[int], temperature: float, widest: float | None = None, budget: float = 0, power_of_two: bool = False
) -> tuple[int, ...]:
    """Return the width of each table as the authors' solver chooses it, for click models with one table per feature.

    It is at least 1, and rounded to a whole number before it is rounded to a power of two. The width of the table with
    the fewest rows is given, or else the numbers in all tables before anything is rounded.
    """
    shares = relative_widths(rows, temperature)
    widest = widest or budget / float(np.sum(np.asarray(rows) * shares))
    found = np.rint(np.maximum(widest * shares, 1))
    return tuple(int(width) for width in (2 ** np.rint(np.log2(found)) if power_of_two else found))


@pytest.mark.parametrize(
    ("temperature", "power_of_two", "widths", "tables", "projections", "ratio"),
    [
        (0.1, False, "9 9 4 4 10 13 7 9 16 6 8 4 8 13 7 4 14 8 8 16 4 13 14 5 11 5", 135_831_586, 3_152, 3.98),
        (0.1, True, "8 8 4 4 8 16 8 8 16 8 8 4 8 16 8 4 16 8 8 16 4 16 16 4 8 4", 135_613_288, 1_984, 3.98),
        (0.2, False, "5 6 1 1 6 11 3 5 16 2 4 1 4 10 3 1 13 4 4 15 1 11 12 2 8 2", 34_404_195, 2_160, 15.70),
        (0.3, False, "3 3 1 1 4 9 1 3 16 1 2 1 2 8 1 1 11 2 2 15 1 9 10 1 6 1", 33_786_932, 1_584, 15.99),
        (0.3, True, "4 4 1 1 4 8 1 4 16 1 2 1 2 8 1 1 8 2 2 16 1 8 8 1 8 1", 33_789_720, 1_312, 15.99),
    ],
)
def test_published_widths_of_criteo(
    temperature: float, power_of_two: bool, widths: str, tables: int, projections: int, ratio: float
) -> None:
    found = published_widths(CRITEO, temperature, widest=16, power_of_two=power_of_two)
    assert " ".join(map(str, found)) == widths
    assert sum(rows * width for rows, width in zip(CRITEO, found, strict=True)) == tables
    stored = sum(numbers_stored(rows, width, 16) for rows, width in zip(CRITEO, found, strict=True))
    assert stored == tables + projections
    assert round(sum(CRITEO) * 16 / stored, 2) == ratio


def test_a_budget_sets_the_factor_before_rounding() -> None:
    # 10 * 8 + 40 * 8 / 2 + 160 * 8 / 4 = 560 numbers at the power of a half.
    assert published_widths((10, 40, 160), 0.5, budget=560) == (8, 4, 2)
    assert published_widths((10, 40, 160), 0.0, budget=210 * 3) == (3, 3, 3)


def test_blocks_have_equal_popularity() -> None:
    # A total of 12: four each.
    assert popularity_blocks([4, 2, 2, 1, 1, 1, 1], 3) == (1, 2, 4)
    # One item alone is more popular than two blocks should be.
    assert popularity_blocks([8, 1, 1, 1, 1], 3) == (1, 4)
    assert popularity_blocks([3, 0, 0], 2) == (1, 2)
    assert popularity_blocks([0, 0], 2) in ((2,), (1, 1))
    assert popularity_blocks([1] * 10, 1) == (10,)
    blocks = popularity_blocks(zipf_popularity(40_981), 8)
    assert (len(blocks), sum(blocks), list(blocks)) == (8, 40_981, sorted(blocks))


def test_small_blocks_use_what_large_ones_leave() -> None:
    # At width 1 both take 10 + 100 + 2 * 4 numbers. The whole first block takes 26 more, a step of the second one 104.
    assert widths_within((10, 100), 4, 0.3, 117) is None
    assert widths_within((10, 100), 4, 0.0, 118) == (1, 1)
    assert widths_within((10, 100), 4, 0.0, 143) == (1, 1)
    assert widths_within((10, 100), 4, 0.0, 144) == (4, 1)
    assert widths_within((10, 100), 4, 0.0, 248) == (4, 2)
    # The whole width takes less than three quarters of it with their projection.
    assert (numbers_stored(10, 3, 4), numbers_stored(10, 4, 4)) == (42, 40)
    assert widths_within((10, 100), 4, 0.0, 10**6) == (4, 4)


def test_look_ups_by_hand() -> None:
    method = mixed(7, 2, "2x1x2", "1x2x2")
    assert [table.name for table in method.tables()] == ["block_1", "block_2", "projection_2", "block_3"]
    tables = {
        "block_1": np.array([[1, 2], [3, 4], [5, 6]], np.float32),
        "block_2": np.array([[10], [20]], np.float32),
        "projection_2": np.array([[1, -2]], np.float32),
        "block_3": np.array([[7, 8], [9, 10]], np.float32),
    }
    found = reference_lookup(method, tables, np.arange(7, dtype=np.int32))
    np.testing.assert_array_equal(found, [[1, 2], [3, 4], [5, 6], [10, -20], [20, -40], [7, 8], [9, 10]])
    assert method.stored_parameters == 3 * 2 + 2 * 1 + 1 * 2 + 2 * 2


def test_one_block_is_a_full_or_a_factorized_table() -> None:
    one = mixed(12, 8, "3", "10")
    full = mixed(12, 8, "8", "10")
    assert (one.stored_parameters, full.stored_parameters) == (12 * 3 + 3 * 8, 12 * 8)


@pytest.mark.parametrize("ratio", [2, 4, 8, 16])
@pytest.mark.parametrize("size", [2_002, 40_983, 1_000_002])
def test_the_budget_is_used_within_two_percent(size: int, ratio: float) -> None:
    method = mixed.for_ratio(size, 64, ratio)
    assert 0.98 <= ratio / method.ratio <= 1
    widths = [int(width) for width in method.widths.split("x")]
    assert widths == sorted(widths, reverse=True)


def test_blocks_come_from_the_training_counts() -> None:
    data, config = tiny_interactions(), tiny_config("mixed_dimension")
    known = counts_of(data)
    counts = known.falling
    assert known.fields == (300,)
    assert counts[:2].tolist() == [0, 0]
    assert (np.diff(counts[2:]) <= 0).all()
    assert counts.sum() == len(data.train.values)
    method = choose_method(config, len(counts), known)
    assert method.blocks == "x".join(map(str, popularity_blocks(counts[2:], 8)))
    shares = np.add.reduceat(counts[2:], np.cumsum([0, *map(int, method.blocks.split("x"))])[:-1]) / counts.sum()
    assert (shares > 0.08).all()
    assert (shares < 0.17).all()
    # Without data Zipf's law is assumed; what is given is kept.
    assumed = choose_method(config, len(counts))
    assert assumed.blocks == "x".join(map(str, popularity_blocks(zipf_popularity(300), 8)))
    given = tiny_config("mixed_dimension", options={"blocks": "100x200"})
    assert choose_method(given, len(counts), known).blocks == "100x200"


def test_a_click_log_has_a_block_and_a_width_for_each_field() -> None:
    data = tiny_clicks()
    config = tiny_config("clicks mixed_dimension", order="field", options={"by": "field"}, ratio=2.0)
    counts = counts_of(data)
    of_field = {field: sum(key.startswith(f"{field}=") for key in data.item_keys) for field in data.fields}
    fields = sorted(of_field, key=of_field.__getitem__)
    sizes = [of_field[field] for field in fields]
    assert counts.fields == tuple(sizes)
    method = choose_method(config, len(counts), counts)
    assert (method.blocks, method.needs_order) == ("x".join(map(str, sizes)), "field")
    # A value of a field with few is more popular, so that it has the wider row.
    widths = [int(width) for width in method.widths.split("x")]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) > 1
    arranged = orders.load("field")().arrange(data, 0, data.items)
    named = [data.item_keys[item].partition("=")[0] for item in arranged]
    assert named == [field for field, size in zip(fields, sizes, strict=True) for _ in range(size)]
    # Within a field the most frequent value comes first.
    assert (np.diff(data.counts[arranged])[np.array(named[:-1]) == np.array(named[1:])] <= 0).all()
    with pytest.raises(UsageError, match="order is 'frequency'; allowed is 'field' for method mixed_dimension with"):
        choose_method(tiny_config("clicks mixed_dimension", options={"by": "field"}), len(counts), counts)
    with pytest.raises(UsageError, match="by is 'table'; allowed is 'popularity' or 'field'"):
        choose_method(tiny_config("clicks mixed_dimension", options={"by": "table"}), len(counts), counts)


def test_another_order_is_refused() -> None:
    with pytest.raises(UsageError, match="order is 'semantic'; allowed is 'frequency' for method mixed_dimension"):
        choose_method(tiny_config("mixed_dimension", order="semantic"), 302)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (("2x1", "4x5"), "blocks is '4x5'; allowed is numbers that add up to 10 items"),
        (("2x1", ""), "blocks is ''; allowed is items of each block"),
        (("2x1", "4x-6"), "blocks is '4x-6'"),
        (("2", "4x6"), "widths is '2'; allowed is a width of 1 to 8 for each of 2 blocks"),
        (("9x1", "4x6"), "widths is '9x1'"),
        (("2x1", "4x6", 0), "block_count is 0; allowed is at least 1"),
        (("2x1", "4x6", 8, 1.5), "temperature is 1.5; allowed is 0 to 1"),
    ],
)
def test_senseless_fields_are_refused(fields: tuple, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        mixed(12, 8, *fields)


def test_a_ratio_out_of_reach_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"mixed_dimension with 302 .* of 2 blocks, .* it can reach at most 7\.59"):
        mixed.for_ratio(302, 8, 8.0, blocks="100x200")
    assert mixed.for_ratio(302, 8, 7.59, blocks="100x200").stored_parameters == 102 + 200 + 2 * 8
