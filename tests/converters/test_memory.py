"""What a large table takes on its way into the file: the table itself and less than as much again."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ondevice.converters import flatbuffer
from ondevice.converters.equality import equal_numbers
from ondevice.converters.flatbuffer import buffer_of
from ondevice.converters.passes import deduplicate, full_arrays, stamp
from ondevice.converters.placeholder import Placeholders
from ondevice.embeddings.every_id import rows_used
from ondevice.embeddings.methods.full import Full
from ondevice.embeddings.methods.memcom import MEmCom
from ondevice.embeddings.ops import NumpyOps
from ondevice.quantize.encode import encode, table_errors
from ondevice.quantize.errors import encoding_error
from ondevice.quantize.scheme import INT4, scheme_of
from tests.converters.look_ups import facts_of, looked_up

ROWS, WIDTH, LENGTH = 150_000, 64, 50
TABLE_BYTES = ROWS * WIDTH * 4


def peak_bytes(work: Callable[[], Any]) -> int:
    """Return the peak of the memory that some work allocates from Python, NumPy included."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def values() -> dict[str, np.ndarray]:
    return {"table": np.random.default_rng(0).standard_normal((ROWS, WIDTH), np.float32)}


@pytest.mark.parametrize("scheme", ["int8_row", "int4_row"])
def test_encoding_takes_less_than_the_table_beside_it(scheme: str, values) -> None:
    assert peak_bytes(lambda: encode(Full(ROWS, WIDTH), values, scheme)) < 0.7 * TABLE_BYTES


def test_the_finished_file_is_the_only_copy(values) -> None:
    encoded = encode(Full(ROWS, WIDTH), values, "int8_row")
    placeholders = Placeholders()
    short = {"vectors": placeholders.embedding("vectors", encoded)}
    facts, small = facts_of(short, placeholders.made["vectors"]), looked_up(short, LENGTH)
    made: list[bytes] = []

    def finish() -> None:
        for each in (stamp, full_arrays, deduplicate):
            each.apply(small, facts)
        made.append(small.write())

    assert peak_bytes(finish) < 1.1 * encoded.payload_bytes
    [content] = made
    tensors = [tensor for tensor in flatbuffer.read(content).constants if tensor.buffer_bytes > TABLE_BYTES // 8]
    [stored] = [buffer_of(content, tensor) for tensor in tensors]
    array = encoded.tables["table"].arrays["values"]
    found: list[bool] = []
    assert peak_bytes(lambda: found.append(equal_numbers(stored, array))) < 0.1 * TABLE_BYTES
    assert found == [True]
    changed = array.copy()
    changed[-1, -1] += 1
    assert not equal_numbers(stored, changed)
    assert not equal_numbers(stored, array[:-1])


def test_a_native_table_is_packed_in_blocks(values) -> None:
    portable = encode(Full(ROWS, WIDTH), values, "int4_row").tables["table"]
    made: list[dict[str, np.ndarray]] = []
    # An eighth is the table itself.
    assert peak_bytes(lambda: made.append(scheme_of("int4_row").native(portable.arrays))) < 0.4 * TABLE_BYTES
    assert INT4 in made[0]


def test_errors_are_measured_in_blocks(values) -> None:
    encoded = encode(Full(ROWS, WIDTH), values, "int8_row")
    assert peak_bytes(lambda: table_errors(encoded.tables["table"], values["table"])) < 0.4 * TABLE_BYTES
    assert peak_bytes(lambda: encoding_error(encoded, values, range(ROWS))) < 0.4 * TABLE_BYTES


def test_the_rows_in_use_are_found_in_blocks() -> None:
    used: list[np.ndarray] = []
    method = MEmCom(ROWS, WIDTH, 1_000)
    assert peak_bytes(lambda: used.append(rows_used(method, "shared"))) < 0.3 * TABLE_BYTES
    every = np.arange(ROWS, dtype=np.int32)
    np.testing.assert_array_equal(used[0][:, 0], method.shared_row(every, NumpyOps()))
