"""Golden vectors of the methods that drop something, of several multipliers per id, and what must not be compressed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ondevice.embeddings.every_id import reference_lookup, rows_used
from ondevice.embeddings.method import Method, registry
from ondevice.embeddings.ops import NumpyOps
from ondevice.errors import UsageError
from ondevice.quantize.encode import encode
from ondevice.training.choose import choose_method
from tests.samples import sample_tables
from tests.tiny_runs import tiny_config

load = registry.load


def test_reduced_width_is_a_full_table_of_less_columns() -> None:
    method = load("reduced_width")(5, 8, 3)
    tables = {"table": np.arange(15, dtype=np.float32).reshape(5, 3)}
    vectors = reference_lookup(method, tables, np.array([4, 0], np.int32))
    assert vectors.tolist() == [[12, 13, 14], [0, 1, 2]]
    assert (method.output_width, method.ratio) == (3, 8 / 3)


@pytest.mark.parametrize(("ratio", "kept"), [(1, 63), (1.01, 63), (2, 32), (3, 21), (16, 4), (64, 1)])
def test_reduced_width_keeps_what_fits(ratio: float, kept: int) -> None:
    assert load("reduced_width").for_ratio(1_000, 64, ratio).kept == kept


def test_reduced_width_ends_at_one_number_per_id() -> None:
    with pytest.raises(UsageError, match=r"ratio 65 is out of reach for reduced_width .* at most 64"):
        load("reduced_width").for_ratio(1_000, 64, 65)


@pytest.mark.parametrize("kept", [1, 2, 5])
def test_rare_items_have_the_row_of_unknown(kept: int) -> None:
    method = load("truncate_rare")(8, 2, kept)
    rows = rows_used(method, "table")[:, 0].tolist()
    assert rows == [0, 1, *range(2, kept + 2), *[1] * (6 - kept)]
    assert method.unknown_from == kept + 2


def test_truncation_is_exact_for_ten_million_ids() -> None:
    method = load("truncate_rare").for_ratio(10_000_000, 64, 16)
    asked = []

    def rows(name, index):
        asked.append(index.tolist())
        return np.zeros((*index.shape, 64), np.float32)

    method.lookup(np.array([0, 1, 2, 625_000 - 1, 625_000, 9_999_999], np.int32), rows, NumpyOps())
    assert method.stored_parameters == 10_000_000 * 64 / 16
    assert asked == [[0, 1, 2, 624_999, 1, 1]]


@pytest.mark.parametrize(
    ("method", "options"), [("truncate_rare", {}), ("double_hashing", {"frequent": 9}), ("double_hashing", {})]
)
@pytest.mark.parametrize("order", ["random", "semantic", "frequency"])
def test_order_that_a_method_needs_is_named(method: str, options: dict, order: str) -> None:
    config = dataclasses.replace(tiny_config("full"), method=method, options=options, order=order, ratio=4.0)
    if order == "frequency" or (method, options) == ("double_hashing", {}):
        assert isinstance(choose_method(config, 302), Method)
    else:
        with pytest.raises(UsageError, match=f"order is '{order}'; allowed is 'frequency' for method {method}"):
            choose_method(config, 302)


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [("bias", 1, "true or false"), ("multipliers", "two", "a whole number"), ("multipliers", 2.0, "a whole number"),
     ("multipliers", True, "a whole number"), ("sharing", 3, "a word")],
)  # fmt: skip
def test_option_of_another_type_is_named(option: str, value: object, allowed: str) -> None:
    config = dataclasses.replace(tiny_config("memcom"), options={option: value})
    with pytest.raises(UsageError, match=f"option {option} is {value!r}; allowed is {allowed}"):
        choose_method(config, 302)


def test_each_multiplier_has_its_group_of_components() -> None:
    method = load("memcom")(5, 4, 2, "block", bias=True, multipliers=2)
    tables = {
        "shared": np.array([[9, 9, 9, 9], [1, 2, 3, 4], [5, 6, 7, 8]], np.float32),
        "multiplier": np.array([[0, 0], [1, 1], [1, 10], [-1, 0.5], [2, 3]], np.float32),
        "bias": np.array([[0], [0], [0], [1], [100]], np.float32),
    }
    vectors = reference_lookup(method, tables, np.arange(1, 5, dtype=np.int32))
    assert vectors.tolist() == [[9, 9, 9, 9], [1, 2, 30, 40], [0, -1, 2.5, 3], [110, 112, 121, 124]]


def test_equal_multipliers_are_one_multiplier() -> None:
    one, four = load("memcom")(53, 8, 5), load("memcom")(53, 8, 5, multipliers=4)
    tables = sample_tables(one, 0)
    repeated = {**tables, "multiplier": np.repeat(tables["multiplier"], 4, axis=1)}
    every = np.arange(53, dtype=np.int32)
    np.testing.assert_array_equal(reference_lookup(one, tables, every), reference_lookup(four, repeated, every))


def test_one_multiplier_adds_no_operation() -> None:
    class Few(NumpyOps):
        split = concat = None

    method = load("memcom")(53, 8, 5)
    tables = sample_tables(method, 0)
    found = method.lookup(np.arange(53, dtype=np.int32), lambda name, index: tables[name][index], Few())
    np.testing.assert_array_equal(found, reference_lookup(method, tables, np.arange(53, dtype=np.int32)))


@pytest.mark.parametrize("sharing", ["mod", "block"])
def test_scales_fold_into_all_multipliers_of_an_id(sharing: str) -> None:
    """The multipliers are rows of int8 themselves then, and their own scale absorbs that of the shared row."""
    method = load("memcom")(53, 16, 5, sharing, multipliers=8)
    values = sample_tables(method, 3)
    # Rows of very different size, which one scale for all could not hold.
    values["shared"] *= np.geomspace(1e-3, 1e3, len(values["shared"]), dtype=np.float32)[:, None]
    encoded = encode(method, values, "int8_row")
    shared, multiplier = encoded.tables["shared"], encoded.tables["multiplier"]
    assert (shared.folded_into, set(shared.arrays)) == ("multiplier", {"values"})
    assert multiplier.payload_bytes == 53 * (8 + 4)
    every = np.arange(53, dtype=np.int32)
    exact = reference_lookup(method, values, every)
    largest = np.abs(values["shared"]).max(axis=1)[rows_used(method, "shared")[:, 0]]
    largest = largest * np.abs(values["multiplier"]).max(axis=1)
    # Half a step of the row and half a step of the multipliers.
    assert np.all(np.abs(encoded.lookup(every) - exact) <= (2 / 254 + 1e-4) * largest[:, None])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"multipliers": 3}, "multipliers is 3; allowed is a divisor of the width 8"),
        ({"multipliers": 0}, "multipliers is 0"),
        ({"multipliers": -2}, "multipliers is -2"),
    ],
)
def test_multipliers_must_divide_the_width(arguments: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load("memcom")(53, 8, 5, **arguments)
    with pytest.raises(UsageError, match=words):
        load("memcom").for_ratio(53, 8, 7.9, **arguments)


def test_multipliers_lower_the_ceiling() -> None:
    with pytest.raises(UsageError, match=r"ratio 16 is out of reach for memcom .* at most 15\.92"):
        load("memcom").for_ratio(10_000, 64, 16, multipliers=4)
    assert load("memcom").for_ratio(10_000, 64, 12, multipliers=4).ratio >= 12


@pytest.mark.parametrize("operation", ["multiply", "add"])
@pytest.mark.parametrize(("items", "collisions"), [(2, 2), (3, 2), (4, 2), (5, 2), (5, 3), (6, 4), (51, 50), (51, 51)])
def test_quotient_remainder_never_grows_a_table(operation: str, items: int, collisions: int) -> None:
    rows = -(-items // collisions)
    assert rows + collisions >= items
    with pytest.raises(UsageError, match=f"for {items} items of width 8, no fewer numbers than the full table"):
        load("quotient_remainder")(items + 2, 8, collisions, rows, operation)
    # Halves of the width are fewer numbers for any number of collisions.
    assert load("quotient_remainder")(items + 2, 8, collisions, rows, "concat").row_width == 4


@pytest.mark.parametrize("items", [2, 3, 4, 5])
def test_too_few_items_are_not_compressed(items: int) -> None:
    with pytest.raises(UsageError, match="use method full"):
        load("quotient_remainder").for_ratio(items + 2, 8, 1.0)


@pytest.mark.parametrize("items", range(6, 40))
def test_what_is_compressed_stores_less(items: int) -> None:
    method = load("quotient_remainder").for_ratio(items + 2, 8, 1.0)
    assert method.stored_parameters <= method.full_parameters


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("reduced_width", (10, 8, 0), "kept is 0; allowed is 1 to 7"),
        ("reduced_width", (10, 8, 8), "kept is 8; allowed is 1 to 7"),
        ("reduced_width", (10, 1, 1), "width is 1; allowed is at least 2"),
        ("truncate_rare", (10, 8, 0), "kept is 0; allowed is 1 to 7"),
        ("truncate_rare", (10, 8, 8), "kept is 8; allowed is 1 to 7"),
        ("truncate_rare", (3, 8, 1), "vocabulary_size is 3; allowed is at least 4"),
    ],
)
def test_senseless_fields_are_refused(name: str, arguments: tuple, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load(name)(*arguments)
