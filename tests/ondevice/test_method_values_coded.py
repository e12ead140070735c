"""One-hot hashing and product codes: values worked out by hand, codes chosen from vectors, sizes in bytes."""

from __future__ import annotations

import numpy as np
import pytest

from ondevice.data.orders.semantic import Semantic
from ondevice.embeddings.every_id import reference_lookup, rows_used
from ondevice.embeddings.hashes import hashed
from ondevice.embeddings.method import registry
from ondevice.embeddings.ops import NumpyOps
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.quantize.budget import payload_bytes
from ondevice.quantize.encode import encode, table_errors
from tests.samples import METHODS, sample_tables
from tests.tiny_runs import tiny_interactions

load = registry.load


def test_one_hot_hashing_by_hand() -> None:
    """The first item is number 1: 7,919, then 7,919**2 mod p = 16,600, then (16,600**2 + 7,919) mod p = 1,780."""
    assert (16_600 * 46_337 + 1_780) % 7 == 0
    method = load("one_hot_hashing")(5, 2, 3)
    buckets = 2 + hashed(np.array([1, 2, 3], np.int32), 3, 1, NumpyOps())
    assert buckets[0] == 2 + (16_600 * 46_337 + 1_780) % 3
    matrix = np.array([[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]], np.float32)
    found = reference_lookup(method, {"matrix": matrix}, np.arange(5, dtype=np.int32))
    np.testing.assert_array_equal(found, [[1, 2], [3, 4], *matrix[buckets]])


def test_a_sign_turns_half_of_the_vectors_round_and_no_reserved_one() -> None:
    plain, signed = load("one_hot_hashing")(2_002, 4, 9), load("one_hot_hashing")(2_002, 4, 9, signed=True)
    values, every = sample_tables(plain, 0), np.arange(2_002, dtype=np.int32)
    signs = reference_lookup(signed, values, every) / reference_lookup(plain, values, every)
    assert (signs == signs[:, :1]).all()
    assert set(signs[:, 0].tolist()) == {-1.0, 1.0}
    assert signs[:RESERVED_IDS].min() == 1
    assert abs(signs[RESERVED_IDS:, 0].mean()) < 0.05
    # The sign is another function than the bucket: rows have vectors of both.
    buckets = hashed(every[1:-1], 9, 1, NumpyOps())
    for bucket in range(9):
        assert abs(signs[RESERVED_IDS:, 0][buckets == bucket].mean()) < 0.25


@pytest.mark.parametrize("exact", [True, False])
def test_a_one_hot_product_is_a_row_to_the_last_bit(exact: bool) -> None:
    matrix = np.array([[0.1, -3e38], [2e-38, 0.7], [-0.0, 1 / 3]], np.float32)
    index = np.array([[2, 0], [1, 1]], np.int32)
    np.testing.assert_array_equal(TensorFlowOps(exact).one_hot_product(index, matrix), matrix[index])


def test_product_codes_by_hand() -> None:
    method = load("product_codes")(5, 4, 2, 3)
    tables = {
        "codes": np.array([[0, 0], [0, 0], [1, 2], [2, 1], [1, 1]], np.uint8),
        # Two codebooks of three rows, one above the other.
        "codebooks": np.array([[0, 0], [1, 2], [3, 4], [9, 9], [5, 6], [7, 8]], np.float32),
    }
    found = reference_lookup(method, tables, np.arange(5, dtype=np.int32))
    np.testing.assert_array_equal(found, [[0, 0, 9, 9], [0, 0, 9, 9], [1, 2, 7, 8], [3, 4, 5, 6], [1, 2, 5, 6]])


def test_wider_codebooks_come_first_where_codes_do_not_divide_the_width() -> None:
    method = load("product_codes")(5, 5, 3, 2)
    assert {table.name: (table.rows, table.width, table.dtype) for table in method.tables()} == {
        "codes_wide": (5, 2, "uint8"),
        "codebooks_wide": (4, 2, "float32"),
        "codes_narrow": (5, 1, "uint8"),
        "codebooks_narrow": (2, 1, "float32"),
    }
    tables = {
        **method.chosen_tables(None, 0),
        "codebooks_wide": np.array([[0, 0], [1, 2], [0, 0], [3, 4]], np.float32),
        "codebooks_narrow": np.array([[0], [5]], np.float32),
    }
    found = reference_lookup(method, tables, np.array([1, 2], np.int32))
    np.testing.assert_array_equal(found, [[0] * 5, [1, 2, 3, 4, 5]])


def test_a_code_counts_as_a_quarter_of_a_number() -> None:
    method = load("product_codes")(1_002, 32, 8, 256)
    assert method.stored_bytes == 1_002 * 8 + 256 * 32 * 4
    assert method.stored_parameters == 1_002 * 2 + 256 * 32
    assert method.ratio == 1_002 * 32 / (1_002 * 2 + 256 * 32)
    assert payload_bytes(method, "float32") == method.stored_bytes
    # Eight codebooks of rows of four numbers and a scale; codes stay as they are.
    assert payload_bytes(method, "int8_row") == 1_002 * 8 + 8 * 256 * (4 + 4)


def test_the_budget_goes_into_codes_and_what_is_left_into_entries() -> None:
    method = load("product_codes").for_ratio(40_983, 64, 16.0)
    assert (method.codes, method.entries) == (15, 160)
    budget = 40_983 * 64 * 4 / 16
    assert method.stored_bytes == 15 * 40_983 + 160 * 64 * 4
    assert budget - 64 * 4 < method.stored_bytes <= budget


@pytest.mark.parametrize(("items", "ratio", "used"), [(4_096, 16, 0.999), (999, 7.5, 0.99), (1_000_000, 16, 0.94)])
def test_share_of_the_budget_that_is_used(items: int, ratio: float, used: float) -> None:
    """A million ids have no place for a sixteenth byte each, and fifteen can't choose from more than 256 rows."""
    method = load("product_codes").for_ratio(items + RESERVED_IDS, 64, ratio)
    assert used <= ratio / method.ratio <= 1


def test_random_codes_are_drawn_equally_often_and_by_the_seed() -> None:
    method = METHODS["product_codes"]
    [codes] = method.chosen_tables(None, 3).values()
    assert codes.dtype == np.uint8
    assert not codes[:RESERVED_IDS].any()
    for column in codes[RESERVED_IDS:].T:
        counts = np.bincount(column, minlength=method.entries)
        assert counts[0] == 0
        assert np.ptp(counts[1:]) <= 1
    [same], [other] = (method.chosen_tables(None, seed).values() for seed in (3, 4))
    np.testing.assert_array_equal(codes, same)
    assert (codes != other).any()


@pytest.mark.parametrize(("width", "codes"), [(12, 3), (12, 5), (2, 4)])
def test_ids_with_equal_vectors_have_equal_codes_and_others_have_not(width: int, codes: int) -> None:
    rng = np.random.default_rng(0)
    points = rng.standard_normal((6, width)).astype(np.float32)
    which = rng.integers(0, 6, 100)
    vectors = np.concatenate([np.zeros((RESERVED_IDS, width), np.float32), points[which]])
    method = load("product_codes")(102, 20, codes, 7)
    chosen = np.concatenate(list(method.chosen_tables(vectors, 0).values()), axis=1)
    assert not chosen[:RESERVED_IDS].any()
    assert chosen[RESERVED_IDS:].min() >= 1
    by_point = [{tuple(row) for row in chosen[RESERVED_IDS:][which == point].tolist()} for point in range(6)]
    assert all(len(found) == 1 for found in by_point)
    assert len(set.union(*by_point)) == 6


@pytest.mark.parametrize("codes", [4, 5, 16])
def test_codes_of_wanted_vectors_are_those_with_which_codebooks_can_give_them(codes: int) -> None:
    rng = np.random.default_rng(0)
    vectors = (rng.standard_normal((1_002, 6)) @ rng.standard_normal((6, 32))).astype(np.float32)
    method = load("product_codes")(1_002, 32, codes, 20)

    def left(wanted: bool) -> float:
        """Return the share of the squares that the best codebooks for the chosen codes leave."""
        chosen = method.chosen_tables(vectors, 0, np.ones(len(vectors), np.float32) if wanted else None)
        columns = [column for group, _, _ in method.groups for column in chosen[f"codes{group}"].T]
        widths = [width for _, codebooks, width in method.groups for _ in range(codebooks)]
        residual = 0.0
        for part, column in zip(np.split(vectors, np.cumsum(widths)[:-1], axis=1), columns, strict=True):
            for code in np.unique(column[RESERVED_IDS:]):
                rows = part[RESERVED_IDS:][column[RESERVED_IDS:] == code]
                residual += float(np.sum((rows - rows.mean(axis=0)) ** 2))
        return residual / float(np.sum(vectors[RESERVED_IDS:] ** 2))

    assert left(wanted=True) < 0.6 * left(wanted=False)


@pytest.mark.parametrize("variant", ["product_codes", "product_codes uneven"])
def test_codes_chosen_anew_leave_each_id_less_error_and_the_last_one_the_least_there_is(variant: str) -> None:
    method, rng = METHODS[variant], np.random.default_rng(0)
    every = np.arange(method.vocabulary_size, dtype=np.int32)
    values = sample_tables(method, 0)
    wanted = rng.standard_normal((len(every), method.width)).astype(np.float32)
    metric = rng.standard_normal((method.width, method.width)).astype(np.float32)

    def left(tables: dict[str, np.ndarray]) -> np.ndarray:
        errors = (wanted - reference_lookup(method, tables, every)) @ metric
        return np.sum(np.square(errors[RESERVED_IDS:]), axis=1)

    codes = method.rechosen_tables(values, wanted - reference_lookup(method, values, every), metric)
    least = left(values | codes)
    assert (least <= left(values) * 1.0001).all()
    assert (least < left(values)).mean() > 0.9
    last = f"codes{method.groups[-1][0]}"
    assert not any(array[:RESERVED_IDS].any() for array in codes.values())
    for entry in range(1, method.entries):
        other = codes[last].copy()
        other[RESERVED_IDS:, -1] = entry
        assert (least <= left(values | codes | {last: other}) * 1.0001).all()


def test_codes_are_stored_as_they_are_by_every_scheme() -> None:
    method = METHODS["product_codes uneven"]
    values = sample_tables(method, 0)
    for scheme in ("float32", "int8_row"):
        entry = encode(method, values, scheme).tables["codes_wide"]
        assert (entry.scheme, entry.reason) == ("uint8", "codes are stored as they are")
        assert entry.arrays["values"].dtype == np.uint8
        assert table_errors(entry, values["codes_wide"]) == (0, 0)


def test_rows_used_follow_the_codes() -> None:
    method = METHODS["product_codes"]
    codes = method.chosen_tables(None, 0)["codes"]
    np.testing.assert_array_equal(rows_used(method, "codebooks"), codes + 11 * np.arange(4))


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("one_hot_hashing", (10, 8, 0), "rows is 0; allowed is 1 to 8 items"),
        ("one_hot_hashing", (10, 8, 9), "rows is 9"),
        ("product_codes", (1_000, 8, 9, 5), "codes is 9; allowed is 1 to 8, the width"),
        ("product_codes", (1_000, 8, 2, 257), "entries is 257; allowed is 2 to 256 for 998 items"),
        ("product_codes", (10, 8, 2, 10), "entries is 10; allowed is 2 to 9"),
        ("product_codes", (10, 8, 8, 9), "would store 368 bytes, more than the full table's 320"),
    ],
)
def test_senseless_fields_are_refused(name: str, arguments: tuple, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load(name)(*arguments)


def test_a_ratio_out_of_reach_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"can reach at most 144\.92"):
        load("product_codes").for_ratio(1_002, 64, 300)
    assert load("product_codes").for_ratio(1_002, 64, 144.92).codes == 1


def test_training_keeps_the_codes_that_the_order_gave(tiny_run) -> None:
    from ondevice.training.reference import load_reference

    run = tiny_run("product_codes semantic")
    data = tiny_interactions()
    ids = run.vocabulary().ids(data.item_keys)
    found = Semantic().vectors(data, run.config.seed)
    vectors = np.zeros((data.items + RESERVED_IDS, found.shape[1]), np.float32)
    vectors[ids] = found
    _, tables = load_reference(run)
    for name, codes in run.method().chosen_tables(vectors, run.config.seed).items():
        assert tables[name].dtype == np.uint8
        np.testing.assert_array_equal(tables[name], codes)
