"""Golden vectors of the methods that put a vector together from rows of several partitions or from hashed blocks."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from ondevice.embeddings.every_id import reference_lookup, rows_used
from ondevice.embeddings.method import Method, registry
from ondevice.embeddings.ops import NumpyOps
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS

compositional, robe = registry.load("compositional"), registry.load("robe")


def table(rows: list[list[float]], reserved: int) -> np.ndarray:
    """Put rows for the reserved ids in front, which the papers do not have."""
    return np.concatenate([np.full((reserved, len(rows[0])), 99.0), rows]).astype(np.float32)


def rows_of_items(method: Method) -> np.ndarray:
    """Return the row of every item in every table, counted from the first row for items: int32 `[items, tables]`."""
    used = [rows_used(method, entry.name)[:, 0] for entry in method.tables()]
    first = [column[RESERVED_IDS:].min() for column in used]
    return np.stack(used, axis=1)[RESERVED_IDS:] - first


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("multiply", [[1, 20], [2, 40], [3, 40], [6, 80]]),
        ("add", [[2, 12], [3, 22], [4, 14], [5, 24]]),
        ("concat", [[1, 10, 1, 2], [2, 20, 1, 2], [1, 10, 3, 4], [2, 20, 3, 4]]),
        ("features", [[1, 10, 1, 2], [2, 20, 1, 2], [1, 10, 3, 4], [2, 20, 3, 4]]),
    ],
)
def test_two_partitions_are_quotient_and_remainder(operation: str, expected: list[list[float]]) -> None:
    """The authors' vectors of quotient-remainder; the remainder comes first, which only concat shows."""
    method = compositional(6, 4 if operation == "concat" else 2, "2x2", 2, operation=operation)
    tables = {"partition_1": table([[1, 10], [2, 20]], 2), "partition_2": table([[1, 2], [3, 4]], 1)}
    assert reference_lookup(method, tables, np.arange(2, 6, dtype=np.int32)).tolist() == expected


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("multiply", [[1, 20], [15, 280], [45, 840]]),
        ("add", [[3, 13], [9, 21], [11, 41]]),
        ("concat", [[1, 2, 1, 10, 1, 1], [3, 4, 1, 10, 5, 7], [3, 4, 3, 30, 5, 7]]),
    ],
)
def test_mixed_radix_hand_vectors(operation: str, expected: list[list[float]]) -> None:
    """Moduli (2, 3, 2): item 7 has rows (1, 0, 1), item 11 has rows (1, 2, 1)."""
    method = compositional(14, 6 if operation == "concat" else 2, "2x3x2", operation=operation)
    assert rows_of_items(method)[[0, 7, 11]].tolist() == [[0, 0, 0], [1, 0, 1], [1, 2, 1]]
    tables = {
        "partition_1": table([[1, 2], [3, 4]], 2),
        "partition_2": table([[1, 10], [2, 20], [3, 30]], 2),
        "partition_3": table([[1, 1], [5, 7]], 1),
    }
    items = np.array([0, 7, 11], np.int32)
    assert reference_lookup(method, tables, items + RESERVED_IDS).tolist() == expected


def test_last_partition_cuts_items_into_runs_of_nearly_equal_length() -> None:
    """The paper's last digit would be item // 4: runs of 4, 4 and 2."""
    assert rows_of_items(compositional(12, 4, "2x2x3")).tolist() == [
        [0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 2], [0, 0, 2], [1, 0, 2],
    ]  # fmt: skip


def test_chinese_remainder_rows() -> None:
    method = compositional(102, 4, "7x11x13", scheme="chinese_remainder")
    assert rows_of_items(method)[[0, 57, 99]].tolist() == [[0, 0, 0], [1, 2, 5], [1, 0, 8]]


def complementary(method: Method) -> bool:
    rows = np.concatenate([rows_used(method, entry.name) for entry in method.tables()], axis=1)
    used = all(len(np.unique(column)) == entry.rows for column, entry in zip(rows.T, method.tables(), strict=True))
    return used and len(np.unique(rows, axis=0)) == method.vocabulary_size


@pytest.mark.parametrize("items", [4, 9, 16, 31])
@pytest.mark.parametrize("scheme", ["mixed_radix", "chinese_remainder"])
def test_whatever_is_accepted_tells_all_items_apart(items: int, scheme: str) -> None:
    accepted = 0
    for partitions in (2, 3, 4):
        for moduli in itertools.product(range(2, min(items, 8)), repeat=partitions):
            try:
                method = compositional(items + RESERVED_IDS, 4, "x".join(map(str, moduli)), partitions, scheme)
            except UsageError:
                continue
            assert complementary(method), method
            accepted += 1
    assert accepted >= 2


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("partitions", [2, 3, 4])
@pytest.mark.parametrize("scheme", ["mixed_radix", "chinese_remainder"])
def test_larger_vocabularies_are_told_apart(seed: int, partitions: int, scheme: str) -> None:
    rng = np.random.default_rng(seed)
    size, ratio = int(rng.integers(2_000, 60_000)), float(rng.uniform(1, 16))
    method = compositional.for_ratio(size, 16, ratio, partitions=partitions, scheme=scheme)
    assert complementary(method), method
    # 16 numbers per row: what is left of the budget is at most the change from one sum of coprime moduli to the next.
    assert method.stored_parameters <= size * 16 / ratio < method.stored_parameters + 16 * 3


def test_refused_moduli_would_not_tell_all_items_apart() -> None:
    for moduli in ("2x3", "3x3"):
        with pytest.raises(UsageError, match="a product of at least 10 items"):
            compositional(12, 4, moduli, 2)
    # Items 0 and 12 would agree in both.
    with pytest.raises(UsageError, match="moduli is '4x6'; allowed is pairwise coprime"):
        compositional(15, 4, "4x6", 2, "chinese_remainder")
    assert math.lcm(4, 6) == 12


def test_budget_goes_into_the_last_table_or_is_shared_equally() -> None:
    """2,561 rows fit. Mixed radix keeps five for reserved ids, Chinese remainder six."""
    mixed = compositional.for_ratio(40_983, 64, 16.0)
    # 4 x 4 x 2,548 would be 40,768 and so miss 40,981 items.
    assert mixed.rows_for_items == (4, 5, 2_547)
    assert mixed.runs == 2_547
    coprime = compositional.for_ratio(40_983, 64, 16.0, scheme="chinese_remainder")
    assert coprime.rows_for_items == (847, 851, 857)
    assert coprime.runs == 40_981


def test_partitions_of_ten_million_ids_fit_int32() -> None:
    size = 10_000_000
    items = np.array([0, 1, 4_999_999, size - 3], np.int32)
    for scheme in ("mixed_radix", "chinese_remainder"):
        method = compositional.for_ratio(size, 8, 40.0, scheme=scheme, partitions=4)
        asked = []

        def rows(name: str, index: np.ndarray, asked: list = asked) -> np.ndarray:
            asked.append(index)
            return np.zeros((*index.shape, 8), np.float32)

        method.lookup(items + np.int32(RESERVED_IDS), rows, NumpyOps())
        assert {index.dtype for index in asked} == {np.dtype(np.int32)}
        moduli = method.rows_for_items
        below = [math.prod(moduli[:number]) if scheme == "mixed_radix" else 1 for number in range(4)]
        expected = [[item // divisor % m for m, divisor in zip(moduli, below, strict=True)] for item in items.tolist()]
        if scheme == "mixed_radix":
            for rows_of_one, item in zip(expected, items.tolist(), strict=True):
                length, longer = divmod(size - RESERVED_IDS, moduli[-1])
                lengths = [length + 1] * longer + [length] * (moduli[-1] - longer)
                rows_of_one[-1] = int(np.searchsorted(np.cumsum(lengths), item, side="right"))
        reserved = [2, 2, 2, 1 if scheme == "mixed_radix" else 2]
        assert (np.stack(asked, axis=1) - reserved).tolist() == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((20, 8, "3x7"), r"moduli is '3x7'; allowed is 3 whole numbers of at least 2, e.g. 2x2x2"),
        ((20, 8, "3x7", 5), "partitions is 5; allowed is 2, 3 or 4"),
        ((20, 8, "3xy", 2), "moduli is '3xy'"),
        ((20, 8, "1x18", 2), "moduli is '1x18'"),
        ((20, 8, "2x18", 2), "allowed is less than 18 each"),
        ((20, 8, "5x5x2", 3), "a product without the last of at most 18 items"),
        ((20, 8, "3x7", 2, "mixed-radix"), "did you mean 'mixed_radix'"),
        ((20, 8, "3x7", 2, "mixed_radix", "multipli"), "did you mean 'multiply'"),
        ((20, 8, "2x3x3", 3, "mixed_radix", "concat"), "width is 8; allowed is a multiple of 3"),
        ((9, 8, "2x2x2"), "vocabulary_size is 9; allowed is at least 10 for 3 partitions"),
    ],
)
def test_senseless_partitions_are_refused(arguments: tuple, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        compositional(*arguments)


def test_smallest_sum_is_named() -> None:
    # 4 + 5 + 5 for 100 items, five rows for reserved ids: 102 / 19.
    with pytest.raises(UsageError, match=r"out of reach for compositional .* at most 5\.36"):
        compositional.for_ratio(102, 64, 6.0)
    assert compositional.for_ratio(102, 64, 5.36).rows_for_items == (4, 5, 5)


def test_robe_reads_the_blocks_that_the_hash_names() -> None:
    """Two blocks per id, so the first item's blocks are numbers 1 and 2, the second item's 3 and 4."""
    method = robe(6, 8, 11, 4)
    memory = np.arange(15 * 4, dtype=np.float32).reshape(15, 4)
    # Number 1: u = 7919, v = 7919 * 7919 mod 46337 = 16600, w = 16600 * 16600 + u mod 46337 = 1780,
    # (16600 * 46337 + 1780) mod 11 = 3. Number 2: u = 15838, v = 20063, w = 10288, so 9.
    first_item = [3, 9]
    assert rows_used(method, "memory")[:3].tolist() == [[0, 1], [2, 3], [4 + row for row in first_item]]
    vectors = reference_lookup(method, {"memory": memory}, np.arange(3, dtype=np.int32))
    assert vectors.tolist() == [
        [0, 1, 2, 3, 4, 5, 6, 7],
        [8, 9, 10, 11, 12, 13, 14, 15],
        [28, 29, 30, 31, 52, 53, 54, 55],
    ]


def test_robe_spreads_as_chance_would() -> None:
    method = robe.for_ratio(40_983, 64, 16.0)
    rows = rows_used(method, "memory")[RESERVED_IDS:] - 2 * 8
    mean = rows.size / method.rows
    assert np.bincount(rows.ravel(), minlength=method.rows).var() == pytest.approx(mean, rel=0.05)
    assert len(np.unique(rows, axis=0)) == len(rows), "no two items have all blocks in common"
    rng = np.random.default_rng(0)
    left, right = rng.permutation(len(rows)), rng.permutation(len(rows))
    shared = (rows[left] == rows[right])[left != right].mean()
    assert shared == pytest.approx(1 / method.rows, rel=0.8)


def test_robe_of_ten_million_ids_fits_int32() -> None:
    """The same in 64 bits gives the same rows."""
    method = robe.for_ratio(10_000_000, 64, 16.0)
    ids = np.array([2, 46_337, 9_999_999], np.int32)
    asked = []

    def rows(name: str, index: np.ndarray) -> np.ndarray:
        asked.append(index)
        return np.zeros((*index.shape, 8), np.float32)

    for dtype in (np.int32, np.int64):
        method.lookup(ids.astype(dtype), rows, NumpyOps())
    assert asked[0].dtype == np.int32
    np.testing.assert_array_equal(asked[0], asked[1])
    assert asked[0].max() < method.tables()[0].rows


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((20, 8, 5, 3), "block_size is 3; allowed is a number that divides the width 8"),
        ((20, 8, 5, 0), "block_size is 0"),
        ((20, 8, 0), "rows is 0"),
        ((300_000_000, 64, 100), "vocabulary_size is 300000000; allowed is at most 268389696 for robe"),
    ],
)
def test_senseless_memories_are_refused(arguments: tuple, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        robe(*arguments)


def test_smallest_memory_is_named() -> None:
    # One block of eight numbers for items and two vectors of 64: 6,528 / 136.
    with pytest.raises(UsageError, match=r"out of reach for robe .* at most 48\."):
        robe.for_ratio(102, 64, 49.0)
    assert robe.for_ratio(102, 64, 48.0).rows == 1
