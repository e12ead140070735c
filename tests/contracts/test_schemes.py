"""What every table encoding must satisfy, over the registry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ondevice.embeddings.every_id import rows_used
from ondevice.embeddings.method import Table
from ondevice.embeddings.ops import NumpyOps
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.errors import OnDeviceError
from ondevice.quantize.encode import encode, table_errors
from ondevice.quantize.scheme import INT4, NativeScheme, refusal, registry, scheme_of
from tests.contracts.scheme_bounds import BOUNDS
from tests.samples import METHODS, sample_tables

finite = st.floats(-1e4, 1e4, width=32, allow_subnormal=False)
tables = arrays.arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(5, 9)), elements=finite)


def decoded(name: str, values: np.ndarray) -> np.ndarray:
    scheme = registry.load(name)()
    return scheme.decode(scheme.encode(values), np.arange(len(values), dtype=np.int32), NumpyOps(), values.shape[1])


@pytest.mark.parametrize("name", registry.names())
@settings(deadline=None, max_examples=100)
@given(values=tables)
def test_error_stays_within_the_stated_bound(name: str, values: np.ndarray) -> None:
    error = np.abs(decoded(name, values).astype(np.float64) - values)
    assert (error <= BOUNDS[name](values)).all()


@pytest.mark.parametrize("name", registry.names())
@settings(deadline=None, max_examples=50)
@given(values=tables)
def test_zero_stays_zero(name: str, values: np.ndarray) -> None:
    values[0] = 0
    values[:, 0] = 0
    result = decoded(name, values)
    assert not result[0].any()
    assert not result[:, 0].any()


@pytest.mark.parametrize("name", registry.names())
def test_the_bound_is_not_generous(name: str) -> None:
    """A bound that could not fail would prove nothing: some value comes near it, or the scheme is exact."""
    values = np.random.default_rng(0).standard_normal((200, 16)).astype(np.float32)
    error = np.abs(decoded(name, values).astype(np.float64) - values)
    bound = np.broadcast_to(BOUNDS[name](values), values.shape)
    assert error.max() == 0 or (error / bound).max() > 0.95


SHAPES = [(40, 12), (41, 1), (40, 2), (40, 3), (40, 5), (500, 7)]
"""Widths that fill bytes and such that do not, an odd number of rows of one number, and rows enough for coded steps."""


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", registry.names())
def test_tensorflow_decodes_as_numpy(name: str, shape: tuple[int, int]) -> None:
    rows, width = shape
    values = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    scheme = registry.load(name)()
    encoded = scheme.encode(values)
    index = np.array([[3, rows - 1], [0, 3]], np.int32)
    found = scheme.decode(encoded, index, TensorFlowOps(), width)
    np.testing.assert_array_equal(found, scheme.decode(encoded, index, NumpyOps(), width))


@pytest.mark.parametrize("folds", [False, True])
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape[1] % 2 == 0], ids=str)
@pytest.mark.parametrize("name", [name for name in registry.names() if issubclass(registry.load(name), NativeScheme)])
def test_a_native_table_holds_the_same_numbers_in_as_many_bytes(name: str, shape: tuple[int, int], folds: bool) -> None:
    rows, width = shape
    scheme = registry.load(name)()
    portable = scheme.encode(np.random.default_rng(4).standard_normal(shape).astype(np.float32), folds)
    if folds:
        portable.pop(scheme.scales)
    native = scheme.native(portable)
    assert (native[INT4].shape, native[INT4].dtype) == ((rows, width // 2), np.int8)
    assert sum(array.nbytes for array in native.values()) == scheme.stored_bytes(*shape, folds)
    index = np.array([np.arange(rows)], np.int32)
    expected = scheme.decode(portable, index, NumpyOps(), width)
    for xp in (NumpyOps(), TensorFlowOps()):
        assert np.asarray(scheme.decode(native, index, xp, width)).tobytes() == expected.tobytes()


def test_every_number_of_four_bits_is_unpacked() -> None:
    numbers = np.array([[low, high] for low in range(-8, 8) for high in range(-8, 8)], np.int8)
    packed = (numbers[:, :1] & 15) | (numbers[:, 1:] << 4)
    for xp in (NumpyOps(), TensorFlowOps()):
        np.testing.assert_array_equal(xp.gather_int4(packed, np.arange(len(numbers))), numbers)


@pytest.mark.parametrize("folds", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", registry.names())
def test_arrays_are_those_declared(name: str, shape: tuple[int, int], folds: bool) -> None:
    scheme = registry.load(name)()
    encoded = scheme.encode(np.random.default_rng(2).standard_normal(shape).astype(np.float32), folds)
    if folds and scheme.scales:
        scales = encoded.pop(scheme.scales)
        assert (scales.shape, scales.dtype) == ((shape[0], 1), np.float32)
    found = {part: (array.shape, array.dtype.name) for part, array in encoded.items()}
    assert found == scheme.layout(*shape, folds)
    assert sum(array.nbytes for array in encoded.values()) == scheme.stored_bytes(*shape, folds)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", registry.names())
def test_the_bound_holds_for_every_shape_and_rows_of_every_size(name: str, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    values = (rng.standard_normal(shape) * 10.0 ** rng.integers(-9, 4, (shape[0], 1))).astype(np.float32)
    values[1] = 0
    error = np.abs(decoded(name, values).astype(np.float64) - values)
    assert (error <= BOUNDS[name](values)).all()
    assert not decoded(name, values)[1].any()


@pytest.mark.parametrize("name", registry.names())
def test_a_refusal_has_a_reason_and_float32_never_refuses(name: str) -> None:
    narrow, wide, tiny = Table("narrow", 10, 1), Table("wide", 10, 64), Table("tiny", 1, 1)
    scheme = registry.load(name)()
    assert scheme.refuses(wide) == ""
    if name == "float32":
        assert scheme.refuses(narrow) == scheme.refuses(tiny) == ""
    elif name != "float16_rows":
        assert scheme.refuses(tiny).startswith("1 rows of 1 would take ")
    if scheme.scales:
        assert "10 rows of 1 would take" in scheme.refuses(narrow)


@pytest.mark.parametrize("name", registry.names())
def test_a_table_read_as_a_whole_stays_float32(name: str) -> None:
    table = Table("projection", 10, 64, whole=True)
    assert bool(refusal(name, table)) == (name != "float32")
    method = METHODS["factorized"]
    values = sample_tables(method, 1)
    encoded = encode(method, values, name).tables
    assert encoded["projection"].scheme == "float32"
    assert encoded["projection"].reason == refusal(name, table)
    np.testing.assert_array_equal(encoded["projection"].arrays["values"], values["projection"])


@pytest.mark.parametrize("scheme", registry.names())
@pytest.mark.parametrize("method", sorted(METHODS))
def test_folding_changes_nothing_but_rounding(scheme: str, method: str) -> None:
    chosen = METHODS[method]
    values = sample_tables(chosen, 5)
    encoded = encode(chosen, values, scheme)
    ids = np.arange(chosen.vocabulary_size, dtype=np.int32)

    def unfolded(name: str, index: np.ndarray) -> np.ndarray:
        used = scheme_of(encoded.tables[name].scheme)
        return used.decode(used.encode(values[name]), index, NumpyOps(), values[name].shape[1])

    expected = chosen.lookup(ids, unfolded, NumpyOps())
    np.testing.assert_allclose(encoded.lookup(ids), expected, rtol=1e-5, atol=1e-6)


def test_folded_multiplier_holds_the_scale_of_each_ids_row() -> None:
    method = METHODS["memcom block"]
    values = sample_tables(method, 6)
    encoded = encode(method, values, "int8_row")
    scales = registry.load("int8_row")().encode(values["shared"])["scales"]
    expected = values["multiplier"] * scales[rows_used(method, "shared")[:, 0]]
    np.testing.assert_array_equal(encoded.tables["multiplier"].arrays["values"], expected)
    assert set(encoded.tables["shared"].arrays) == {"values"}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(bad: float) -> None:
    method = METHODS["full"]
    values = sample_tables(method, 0)
    values["table"][3, 2] = bad
    with pytest.raises(OnDeviceError, match="'table' holds values that are not finite"):
        encode(method, values, "int8_row")


def test_reported_errors_are_those_of_the_table() -> None:
    method = METHODS["full"]
    values = sample_tables(method, 2)
    encoded = encode(method, values, "int8_row")
    worst, relative = table_errors(encoded.tables["table"], values["table"])
    error = decoded("int8_row", values["table"]).astype(np.float64) - values["table"]
    assert worst == pytest.approx(np.abs(error).max())
    assert relative == pytest.approx(np.sqrt((error**2).mean() / (values["table"].astype(np.float64) ** 2).mean()))


def test_members_found_are_pinned() -> None:
    assert registry.names() == [
        "codebook4", "codebook8", "float16_rows", "float32", "int2_row", "int4_row", "int8_column", "int8_row",
        "int8_table", "uint8_block",
    ]  # fmt: skip
