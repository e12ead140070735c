"""The report on what encoding changes of the vectors: hand-made tables whose worst ids are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ondevice import records
from ondevice.embeddings.every_id import reference_lookup
from ondevice.embeddings.methods.full import Full
from ondevice.embeddings.methods.memcom import MEmCom
from ondevice.embeddings.methods.quotient_remainder import QuotientRemainder
from ondevice.encoding_error import EncodingError, WorstId
from ondevice.quantize.encode import encode
from ondevice.quantize.errors import WORST_IDS, encoding_error

KEYS = tuple(f"key {number}" for number in range(40))
BLOCK = 3
"""Ids per block, so that few ids make several blocks and a last one that is shorter."""


def test_a_full_table_of_which_two_rows_are_off_the_grid() -> None:
    # A step is 1 in every row, so whole numbers are exact; half a step is rounded to even, that is to zero.
    table = np.zeros((7, 4), np.float32)
    table[:, 0] = 127
    table[:, 3] = [1, 2, 3, 4, 5, 6, 7]
    table[2, 1] = 0.25
    table[5, 1:3] = 0.5, 0.25
    error = encoding_error(encode(Full(7, 4), {"table": table}, "int8_row"), {"table": table}, KEYS, BLOCK)
    noise = 0.25**2 + 0.5**2 + 0.25**2
    signal = 7 * 127**2 + 140 + noise
    assert error.ids == 7
    assert error.signal_to_noise_db == pytest.approx(10 * math.log10(signal / noise))
    assert error.max_error == 0.5
    assert [(each.id, each.key) for each in error.worst] == [(5, "key 5"), (2, "key 2")]
    assert [each.error for each in error.worst] == pytest.approx([math.sqrt(0.3125), 0.25])
    before, after = table[5], np.array([127, 0, 0, 6])
    cosine = before @ after / math.sqrt((before @ before) * (after @ after))
    assert error.worst[0].cosine == error.least_cosine == pytest.approx(cosine, abs=1e-9)
    assert error.mean_cosine == pytest.approx((5 + cosine + error.worst[1].cosine) / 7)
    assert error.shares == {"table": 1.0}


def test_ids_of_a_shared_row_lose_the_same_share_whatever_their_multipliers() -> None:
    method = MEmCom(9, 4, 5)
    shared = np.full((method.shared_rows, 4), 127, np.float32)
    shared[3, 1] = 0.5  # row 3 is that of ids 3 and 8
    values = {"shared": shared, "multiplier": np.arange(1, 10, dtype=np.float32)[:, None]}
    encoded = encode(method, values, "int8_row")
    assert encoded.tables["shared"].folded_into == "multiplier"
    error = encoding_error(encoded, values, KEYS, BLOCK)
    assert [(each.id, each.error) for each in error.worst] == [(3, pytest.approx(2.0)), (8, pytest.approx(4.5))]
    assert error.shares == {"shared": 1.0, "multiplier": 0.0}


def test_a_table_that_is_exact_has_no_share() -> None:
    method = QuotientRemainder(20, 8, collisions=5, rows=4)
    values = {table.name: np.ones((table.rows, table.width), np.float32) for table in method.tables()}
    first, second = values
    values[first][2, 3] = 0.3
    error = encoding_error(encode(method, values, "int8_row"), values, KEYS, BLOCK)
    assert error.shares[first] == pytest.approx(1.0)
    assert error.shares[second] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("block", [1, 7, 20, 1000])
def test_blocks_change_nothing(block: int) -> None:
    method = QuotientRemainder(20, 8, collisions=5, rows=4)
    rng = np.random.default_rng(1)
    values = {table.name: rng.normal(size=(table.rows, table.width)).astype(np.float32) for table in method.tables()}
    encoded = encode(method, values, "int8_row")
    error = encoding_error(encoded, values, KEYS, block)
    every = np.arange(20, dtype=np.int32)
    before, after = reference_lookup(method, values, every).astype(np.float64), encoded.lookup(every)
    lengths = np.linalg.norm(after - before, axis=1)
    cosines = np.sum(before * after, axis=1) / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
    assert error.signal_to_noise_db == pytest.approx(10 * math.log10(np.sum(before**2) / np.sum(lengths**2)), abs=1e-4)
    assert (error.mean_cosine, error.least_cosine) == pytest.approx((cosines.mean(), cosines.min()), abs=1e-6)
    assert error.max_error == pytest.approx(np.abs(after - before).max(), rel=1e-5)
    assert [each.id for each in error.worst] == np.argsort(-lengths / np.linalg.norm(before, axis=1), kind="stable")[
        :WORST_IDS
    ].tolist()
    for name in values:
        alone = {other: values[other] for other in values if other != name}
        alone[name] = encoded.tables[name].arrays["values"] * encoded.tables[name].arrays["scales"]
        squares = np.sum((reference_lookup(method, alone, every) - before) ** 2)
        assert error.shares[name] == pytest.approx(squares / np.sum(lengths**2), rel=1e-4)


def test_of_equal_errors_the_lowest_ids_are_named() -> None:
    table = np.tile(np.array([[127, 0.5]], np.float32), (30, 1))
    error = encoding_error(encode(Full(30, 2), {"table": table}, "int8_row"), {"table": table}, KEYS, BLOCK)
    assert [each.id for each in error.worst] == list(range(WORST_IDS))


def test_what_is_stored_as_it_is_has_no_error_and_no_worst_id() -> None:
    values = {"table": np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)}
    error = encoding_error(encode(Full(9, 3), values, "float32"), values, KEYS, BLOCK)
    assert error == EncodingError(9, None, 1.0, 1.0, 0.0, (), {"table": 0.0})


def test_a_vector_that_vanishes_has_cosine_zero() -> None:
    # Both tables are far from zero, but what is left of their difference is less than half a step of either.
    method = QuotientRemainder(20, 2, collisions=5, rows=4, operation="add")
    first, second = (table.name for table in method.tables())
    values = {table.name: np.zeros((table.rows, 2), np.float32) for table in method.tables()}
    values[first][:], values[second][2] = (127, 0.4), (-127, 0)
    error = encoding_error(encode(method, values, "int8_row"), values, KEYS, BLOCK)
    assert error.least_cosine == 0.0
    assert min(each.cosine for each in error.worst) == 0.0


def test_the_record_survives_json() -> None:
    error = EncodingError(9, None, 1.0, 0.5, 0.25, (WorstId(3, "c", 0.5, 0.5),), {"table": 1.0})
    assert records.from_json(EncodingError, records.to_json(error), "error") == error
