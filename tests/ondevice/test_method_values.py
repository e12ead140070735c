"""Golden vectors of the methods, from the papers' formulas and the authors' code."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from ondevice.embeddings.every_id import reference_lookup, rows_used
from ondevice.embeddings.method import registry
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.training.choose import choose_method, counts_of
from tests.tiny_runs import tiny_clicks, tiny_config


def table(rows: list[list[float]], reserved: int) -> np.ndarray:
    """Put rows for the reserved ids in front, which the papers do not have."""
    return np.concatenate([np.full((reserved, len(rows[0])), 99.0), rows]).astype(np.float32)


def item_vectors(method, tables) -> list[list[float]]:
    ids = np.arange(RESERVED_IDS, method.vocabulary_size, dtype=np.int32)
    return reference_lookup(method, tables, ids).tolist()


def test_memcom_hand_vector() -> None:
    tables = {
        "shared": table([[1, 2], [3, 4]], 2),
        "multiplier": table([[1], [10], [-1], [0.5]], 2),
        "bias": table([[0], [1], [2], [3]], 2),
    }
    memcom = registry.load("memcom")
    assert item_vectors(memcom(6, 2, 2), tables) == [[1, 2], [30, 40], [-1, -2], [1.5, 2]]
    assert item_vectors(memcom(6, 2, 2, bias=True), tables) == [[1, 2], [31, 41], [1, 0], [4.5, 5]]


def test_memcom_block_shares_between_neighbours() -> None:
    tables = {"shared": table([[1, 2], [3, 4]], 1), "multiplier": table([[1], [10], [-1], [0.5]], 2)}
    memcom = registry.load("memcom")
    assert item_vectors(memcom(6, 2, 2, sharing="block"), tables) == [[1, 2], [10, 20], [-3, -4], [1.5, 2]]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("multiply", [[1, 20], [2, 40], [3, 40], [6, 80]]),
        ("add", [[2, 12], [3, 22], [4, 14], [5, 24]]),
        ("concat", [[1, 2, 1, 10], [1, 2, 2, 20], [3, 4, 1, 10], [3, 4, 2, 20]]),
        ("features", [[1, 2, 1, 10], [1, 2, 2, 20], [3, 4, 1, 10], [3, 4, 2, 20]]),
    ],
)
def test_quotient_remainder_golden_vectors(operation: str, expected: list[list[float]]) -> None:
    width = 4 if operation == "concat" else 2
    # The authors' four items and two more, since four items are too few to be compressed.
    method = registry.load("quotient_remainder")(8, width, 2, 3, operation)
    tables = {"quotient": table([[1, 2], [3, 4], [5, 6]], 1), "remainder": table([[1, 10], [2, 20]], 2)}
    assert item_vectors(method, tables)[:4] == expected


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("multiply", [[7, 16], [21, 32], [40, 42], [56, 56], [1, 20], [2, 40], [3, 40]]),
        ("add", [[8, 10], [10, 12], [13, 13], [15, 15], [2, 12], [3, 22], [4, 14]]),
        (
            "concat",
            [[1, 2, 9, 8], [3, 4, 7, 6], [5, 6, 5, 4], [7, 8, 3, 2], [1, 2, 1, 10], [1, 2, 2, 20], [3, 4, 1, 10]],
        ),
        (
            "features",
            [[1, 2, 7, 8], [3, 4, 7, 8], [5, 6, 8, 7], [7, 8, 8, 7], [1, 2, 1, 10], [1, 2, 2, 20], [3, 4, 1, 10]],
        ),
    ],
)
def test_first_items_own_their_rows(operation: str, expected: list[list[float]]) -> None:
    """Padding, unknown and two items, each with its quotient row; then items that share as the golden ones do."""
    width = 4 if operation == "concat" else 2
    method = registry.load("quotient_remainder")(10, width, 2, 3, operation, own=2)
    own = [[1, 2], [3, 4], [5, 6], [7, 8]]
    quotient = np.array([*own, [1, 2], [3, 4], [5, 6]], np.float32)
    # For concat each owns a row of both tables, otherwise one for reserved ids and one for items is all there is.
    others = [[9, 8], [7, 6], [5, 4], [3, 2]] if operation == "concat" else [[7, 8], [8, 7]]
    remainder = np.array([*others, [1, 10], [2, 20]], np.float32)
    tables = {"quotient": quotient, "remainder": remainder}
    assert [(each.rows, each.width) for each in method.tables()] == [each.shape for each in tables.values()]
    found = reference_lookup(method, tables, np.arange(10, dtype=np.int32))
    assert found[:7].tolist() == expected


@pytest.mark.parametrize("own", [1, 2, 5, 20])
@pytest.mark.parametrize("operation", ["multiply", "concat"])
def test_no_two_ids_share_both_rows_where_some_own_theirs(own: int, operation: str) -> None:
    for collisions, rows in ((2, 9), (3, 6), (5, 4), (8, 3)):
        method = registry.load("quotient_remainder")(own + 19, 4, collisions, rows, operation, own=own)
        quotient, remainder = (rows_used(method, table.name)[:, 0] for table in method.tables())
        assert len(set(zip(quotient.tolist(), remainder.tolist(), strict=True))) == method.vocabulary_size
        assert quotient[: own + 2].tolist() == list(range(own + 2))
        assert remainder[: own + 2].tolist() == (list(range(own + 2)) if operation == "concat" else [0, 0, *[1] * own])
        assert [len(np.unique(quotient)), len(np.unique(remainder))] == [each.rows for each in method.tables()]


def test_values_of_small_fields_own_their_rows() -> None:
    data = tiny_clicks()
    sizes = sorted(sum(key.startswith(f"{field}=") for key in data.item_keys) for field in data.fields)
    options = {"threshold": sizes[1]}
    config = tiny_config("clicks memcom", method="quotient_remainder", order="field", options=options, ratio=1.5)
    method = choose_method(config, data.items + RESERVED_IDS, counts_of(data))
    assert (method.own, method.needs_order) == (sizes[0] + sizes[1], "field")
    assert 0.98 <= 1.5 / method.ratio <= 1
    with pytest.raises(UsageError, match="order is 'random'; allowed is 'field' for method quotient_remainder with"):
        choose_method(dataclasses.replace(config, order="random"), data.items + RESERVED_IDS, counts_of(data))
    # Smaller than every field, or without fields: nobody owns a row.
    for given, counts in (({"threshold": 1}, counts_of(data)), (options, None)):
        small = dataclasses.replace(config, options=given, order="random")
        assert choose_method(small, data.items + RESERVED_IDS, counts).own == 0


def test_composing_comes_before_pooling() -> None:
    """Pooling each table first, as the reference code does, would give [12, 180] for the bag of items 0 and 3."""
    method = registry.load("quotient_remainder")(8, 2, 2, 3)
    tables = {"quotient": table([[1, 2], [3, 4], [5, 6]], 1), "remainder": table([[1, 10], [2, 20]], 2)}
    bag = reference_lookup(method, tables, np.array([2, 5], np.int32))
    assert bag.sum(axis=0).tolist() == [7, 100]


@pytest.mark.parametrize("items", [*range(2, 25), 51, 97])
def test_quotient_remainder_is_complementary(items: int) -> None:
    for collisions in range(2, items + 1):
        for rows in range(-(-items // collisions), items):
            method = registry.load("quotient_remainder")(items + RESERVED_IDS, 4, collisions, rows, "concat")
            quotient, remainder = (rows_used(method, table.name) for table in method.tables())
            # No two ids share both rows, and every row is some id's.
            pairs = np.unique(quotient * (collisions + RESERVED_IDS) + remainder)
            assert len(pairs) == method.vocabulary_size, method
            assert [len(np.unique(quotient)), len(np.unique(remainder))] == [t.rows for t in method.tables()], method


def test_quotients_are_runs_whose_lengths_differ_by_one() -> None:
    """Seven items in three runs; the remainder tells the three of the first one apart."""
    method = registry.load("quotient_remainder")(9, 4, 3, 3, "add")
    assert (rows_used(method, "quotient")[:, 0] - 1).tolist() == [-1, -1, 0, 0, 0, 1, 1, 2, 2]
    assert (rows_used(method, "remainder")[:, 0] - 2).tolist() == [-2, -1, 0, 1, 2, 0, 1, 2, 0]
    assert method.runs == 3


def test_integer_division_where_float32_goes_wrong() -> None:
    """Float division gives the first wrong quotient at 16,777,219 for four collisions."""
    method = registry.load("quotient_remainder")(20_000_000, 4, 4, 5_000_000)
    asked: dict[str, list[int]] = {}

    def rows(name, index):
        asked[name] = index.tolist()
        return np.zeros((*index.shape, 4), np.float32)

    from ondevice.embeddings.ops import NumpyOps

    item = 16_777_219
    method.lookup(np.array([item + RESERVED_IDS], np.int32), rows, NumpyOps())
    assert asked == {"quotient": [item // 4 + 1], "remainder": [item % 4 + RESERVED_IDS]}


def test_memcom_ceiling_is_named() -> None:
    memcom = registry.load("memcom")
    with pytest.raises(UsageError, match=r"ratio 64 is out of reach for memcom .* at most 62\.79"):
        memcom.for_ratio(10_000, 64, 64)
    with pytest.raises(UsageError, match="out of reach"):
        memcom.for_ratio(10_000, 64, 40, bias=True)


def test_quotient_remainder_minimum_is_named() -> None:
    quotient_remainder = registry.load("quotient_remainder")
    with pytest.raises(UsageError, match="out of reach for quotient_remainder"):
        quotient_remainder.for_ratio(102, 64, 16)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("memcom", (2, 8, 1), "vocabulary_size is 2"),
        ("memcom", (10, 0, 1), "width is 0"),
        ("memcom", (10, 8, 0), "rows is 0"),
        ("memcom", (10, 8, 2, "blok"), "did you mean 'block'"),
        ("quotient_remainder", (10, 8, 1, 8), "collisions is 1"),
        ("quotient_remainder", (10, 8, 9, 1), "collisions is 9"),
        ("quotient_remainder", (10, 8, 3, 2), "rows is 2; allowed is 3 to 8 for 8 items and 3 collisions"),
        ("quotient_remainder", (10, 8, 3, 9, "concat"), "rows is 9"),
        ("quotient_remainder", (10, 7, 2, 4, "concat"), "width is 7"),
        ("quotient_remainder", (10, 8, 2, 4, "multipli"), "did you mean 'multiply'"),
        ("quotient_remainder", (10, 8, 2, 3, "add", -1), "threshold is -1"),
        ("quotient_remainder", (10, 8, 2, 3, "add", 9, 7), "own is 7; allowed is 0 to 6, since others share rows"),
        ("quotient_remainder", (10, 8, 2, 3, "add", 9, 6), "rows is 3; allowed is 1 to 2 for 2 items and 2 collisions"),
    ],
)
def test_senseless_fields_are_refused(name: str, arguments: tuple, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        registry.load(name)(*arguments)


def test_rows_out_of_reach_raise_instead_of_wrapping() -> None:
    method = registry.load("full")(5, 2)
    with pytest.raises(IndexError):
        reference_lookup(method, {"table": np.zeros((5, 2), np.float32)}, np.array([-1], np.int32))


def test_hashing_is_memcom_with_multipliers_of_one() -> None:
    shared = np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32)
    memcom, hashing = registry.load("memcom")(40, 4, 7), registry.load("hashing")(40, 4, 7)
    ids = np.arange(40, dtype=np.int32)
    ones = np.ones((40, 1), np.float32)
    left = reference_lookup(memcom, {"shared": shared, "multiplier": ones}, ids)
    np.testing.assert_array_equal(left, reference_lookup(hashing, {"shared": shared}, ids))


def test_every_pair_of_one_block_is_collinear() -> None:
    """Without bias all ids of a row lie on one line through the origin."""
    memcom = registry.load("memcom")(42, 4, 10, sharing="block")
    rng = np.random.default_rng(1)
    tables = {t.name: rng.standard_normal((t.rows, t.width)).astype(np.float32) for t in memcom.tables()}
    vectors = reference_lookup(memcom, tables, np.arange(2, 6, dtype=np.int32)).astype(np.float64)
    for one, other in itertools.combinations(vectors, 2):
        cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
        assert abs(cosine) == pytest.approx(1, abs=1e-6)
