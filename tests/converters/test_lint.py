"""The version table is the converter's own, stock files pass, and every known trap is caught."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tiny_models
from ai_edge_litert import schema_py_generated as schema

from ondevice.converters import flatbuffer, lint, target
from ondevice.converters.op_versions import RELEASES, order
from ondevice.converters.passes import stamp
from ondevice.errors import OnDeviceError, UsageError

FLOATS = tf.TensorSpec([2, 8], tf.float32, name="x")
INTEGERS = tf.TensorSpec([2, 8], tf.int32, name="x")
BOOLEANS = tf.TensorSpec([2, 8], tf.bool, name="x")
DYNAMIC = tf.TensorSpec([None, 8], tf.float32, name="x")
WEIGHTS = np.linspace(-1, 1, 32, dtype=np.float32).reshape(8, 4)


def stamped(content: bytes) -> bytes:
    return tiny_models.passed(content, stamp)


# Operation -> a function that the stock converter turns into it.
FLOAT_OPS: dict[str, Callable[[Any], Any]] = {
    "ABS": tf.abs,
    "ADD": lambda x: x + 1.5,
    "BATCH_MATMUL": lambda x: tf.matmul(tf.reshape(x, [2, 2, 4]), tf.reshape(x, [2, 4, 2])),
    "BITCAST": lambda x: tf.bitcast(x, tf.int32),
    "BROADCAST_TO": lambda x: tf.broadcast_to(tf.reduce_sum(x), [3, 2]),
    "CAST": lambda x: tf.cast(x, tf.int32),
    "CONCATENATION": lambda x: tf.concat([x, x], axis=1),
    "CUMSUM": tf.cumsum,
    "DIV": lambda x: x / (x + 3.0),
    "EQUAL": lambda x: tf.equal(x, 0.5),
    "EXP": tf.exp,
    "FLOOR": tf.floor,
    "FLOOR_DIV": lambda x: x // 2.0,
    "FLOOR_MOD": lambda x: x % 2.0,
    "FULLY_CONNECTED": lambda x: tf.matmul(x, WEIGHTS),
    "GATHER": lambda x: tf.gather(x, [0, 1, 1]),
    "GATHER_ND": lambda x: tf.gather_nd(x, [[0, 1], [1, 1]]),
    "GREATER": lambda x: tf.greater(x, 0.5),
    "GREATER_EQUAL": lambda x: tf.greater_equal(x, 0.5),
    "LEAKY_RELU": tf.nn.leaky_relu,
    "LESS": lambda x: tf.less(x, 0.5),
    "LESS_EQUAL": lambda x: tf.less_equal(x, 0.5),
    "LOG": tf.math.log,
    "LOGISTIC": tf.sigmoid,
    "LOG_SOFTMAX": tf.nn.log_softmax,
    "MAXIMUM": lambda x: tf.maximum(x, 0.5),
    "MEAN": lambda x: tf.reduce_mean(x, axis=1),
    "MINIMUM": lambda x: tf.minimum(x, 0.5),
    "MUL": lambda x: x * 1.5,
    "NEG": tf.negative,
    "NOT_EQUAL": lambda x: tf.not_equal(x, 0.5),
    "PACK": lambda x: tf.stack([x, x]),
    "PAD": lambda x: tf.pad(x, [[0, 0], [1, 1]]),
    "PADV2": lambda x: tf.pad(x, [[0, 0], [1, 1]], constant_values=0.5),
    "POW": lambda x: tf.pow(x, x),
    "REDUCE_MAX": lambda x: tf.reduce_max(x, axis=1),
    "REDUCE_MIN": lambda x: tf.reduce_min(x, axis=1),
    "RELU": tf.nn.relu,
    "RESHAPE": lambda x: tf.reshape(x, [4, 4]),
    "ROUND": tf.round,
    "RSQRT": tf.math.rsqrt,
    "SELECT": lambda x: tf.compat.v1.where(x > 0.5, x, -x),
    "SELECT_V2": lambda x: tf.where(x > 0.5, x, 0.0),
    "SIGN": tf.sign,
    "SLICE": lambda x: tf.slice(x, [0, 1], [2, 3]),
    "SOFTMAX": tf.nn.softmax,
    "SPLIT": lambda x: tf.split(x, 2, axis=1),
    "SQRT": tf.sqrt,
    "SQUARE": tf.square,
    "SQUARED_DIFFERENCE": lambda x: tf.math.squared_difference(x, 0.5),
    "STRIDED_SLICE": lambda x: x[:, ::2],
    "SUB": lambda x: x - 1.5,
    "SUM": lambda x: tf.reduce_sum(x, axis=1),
    "TANH": tf.tanh,
    "TILE": lambda x: tf.tile(x, [1, 2]),
    "TOPK_V2": lambda x: tf.math.top_k(x, 3),
    "TRANSPOSE": tf.transpose,
    "UNPACK": lambda x: tf.unstack(x, axis=0),
}
INTEGER_OPS: dict[str, Callable[[Any], Any]] = {
    "ADD": lambda x: x + 3,
    "CAST": lambda x: tf.cast(x, tf.float32),
    "EQUAL": lambda x: tf.equal(x, 3),
    "FLOOR_DIV": lambda x: x // 3,
    "FLOOR_MOD": lambda x: x % 3,
    "GATHER": lambda x: tf.gather(tiny_models.TABLE, x),
    "LESS": lambda x: tf.less(x, 3),
    "MAXIMUM": lambda x: tf.maximum(x, 3),
    "MUL": lambda x: x * 3,
    "ONE_HOT": lambda x: tf.one_hot(x, 4),
    "SCATTER_ND": lambda x: tf.scatter_nd(x[:, :1], x[:, 0], [40]),
    "SUB": lambda x: x - 3,
    "SUM": lambda x: tf.reduce_sum(x, axis=1),
}
# Those whose kernels take int8, so that full quantization raises their version.
QUANTIZED_OPS = """
ABS ADD BATCH_MATMUL CONCATENATION DIV EQUAL FULLY_CONNECTED GATHER GREATER LESS LOGISTIC MAXIMUM MEAN
MINIMUM MUL PACK PAD REDUCE_MAX RELU SELECT_V2 SLICE SOFTMAX SPLIT SQUARED_DIFFERENCE STRIDED_SLICE SUB SUM
TANH TOPK_V2 TRANSPOSE
"""


def _agrees(content: bytes, name: str) -> None:
    summary = flatbuffer.read(content)
    assert name in summary.op_histogram
    assert lint.minimum_runtime(summary) == summary.minimum_runtime


@pytest.mark.parametrize("name", FLOAT_OPS)
def test_float_operations_equal_the_stamp(name: str) -> None:
    _agrees(tiny_models.convert(FLOAT_OPS[name], FLOATS), name)


@pytest.mark.parametrize("name", INTEGER_OPS)
def test_integer_operations_equal_the_stamp(name: str) -> None:
    _agrees(tiny_models.convert(INTEGER_OPS[name], INTEGERS), name)


@pytest.mark.parametrize("name", QUANTIZED_OPS.split())
def test_quantized_operations_equal_the_stamp(name: str) -> None:
    _agrees(tiny_models.quantized(FLOAT_OPS[name], FLOATS), name)


@pytest.mark.parametrize(
    ("name", "function", "spec"),
    [
        ("LOGICAL_AND", lambda x: tf.logical_and(x, x[:, ::-1]), BOOLEANS),
        ("LOGICAL_OR", lambda x: tf.logical_or(x, x[:, ::-1]), BOOLEANS),
        ("LOGICAL_NOT", tf.logical_not, BOOLEANS),
        ("SHAPE", tf.shape, DYNAMIC),
        ("EXPAND_DIMS", lambda x: tf.expand_dims(x, 1), DYNAMIC),
        ("FILL", lambda x: tf.fill([tf.shape(x)[0], 2], 0.5), DYNAMIC),
        ("RANGE", lambda x: tf.range(tf.shape(x)[0]), DYNAMIC),
    ],
)
def test_other_operations_equal_the_stamp(name: str, function: Callable[[Any], Any], spec: Any) -> None:
    _agrees(tiny_models.convert(function, spec), name)


@pytest.mark.parametrize(
    ("make", "stamp"),
    [
        (tiny_models.plain, "1.6.0"),
        (lambda: tiny_models.dynamic_range(True), "2.17.0"),
        (lambda: tiny_models.dynamic_range(False), "2.3.0"),
        (tiny_models.float16, "1.15.0"),
        (tiny_models.one_hot_lookup, "1.13.0"),
        (tiny_models.stateful, "2.6.0"),
    ],
)
def test_whole_files_equal_the_stamp(make: Callable[[], bytes], stamp: str) -> None:
    summary = flatbuffer.read(make())
    assert (lint.minimum_runtime(summary), summary.minimum_runtime) == (stamp, stamp)


def test_later_versions_are_never_older() -> None:
    for (name, version), release in RELEASES.items():
        earlier = RELEASES.get((name, version - 1), "1.0.0")
        assert order(earlier) <= order(release), (name, version)


def test_every_name_in_the_table_is_an_operation() -> None:
    assert {name for name, _ in RELEASES} <= set(vars(schema.BuiltinOperator))


OLD, NEW = "tflite-2.14", "litert-2.3"


def _problems(content: bytes, name: str = NEW) -> str:
    return "\n".join(lint.check(flatbuffer.read(content), name))


@pytest.mark.parametrize("name", target.names())
@pytest.mark.parametrize(
    "make", [tiny_models.plain, lambda: tiny_models.dynamic_range(False), tiny_models.one_hot_lookup]
)
def test_stock_files_pass(make: Callable[[], bytes], name: str) -> None:
    assert _problems(make(), name) == ""


def test_unknown_target() -> None:
    with pytest.raises(UsageError, match=r"unknown target runtime 'tflite-2\.1', did you mean 'tflite-2\.14'"):
        lint.check(flatbuffer.read(tiny_models.plain()), "tflite-2.1")


def test_int64_ids_and_flex_operations() -> None:
    problems = _problems(tiny_models.flex())
    assert "'FlexFloorDiv' is a Flex operation" in problems
    assert "input 'ids' of signature 'serving_default' is int64" in problems
    assert "GATHER takes int64 ids" in problems
    with pytest.raises(OnDeviceError, match="'FlexFloorDiv' is custom"):
        lint.minimum_runtime(flatbuffer.read(tiny_models.flex()))


def test_custom_operation() -> None:
    assert "'MyLookup' is a custom operation" in _problems(tiny_models.custom())


def test_unknown_version() -> None:
    content = tiny_models.restamped(tiny_models.plain(), 99)
    assert "GATHER version 99 came after runtime" in _problems(content, OLD)
    with pytest.raises(OnDeviceError, match="operation GATHER version 99"):
        lint.minimum_runtime(flatbuffer.read(content))


def test_whole_table_expansion() -> None:
    assert "DEQUANTIZE of the whole constant" in _problems(tiny_models.float16())


def test_rows_of_a_table_that_is_decoded_as_a_whole() -> None:
    [problem] = lint.check(flatbuffer.read(stamped(tiny_models.decoded_whole())), NEW)
    assert problem.startswith("GATHER reads rows of ")
    assert problem.endswith("at every call; gather first and decode the rows.")


def test_float16_rows() -> None:
    content = stamped(tiny_models.retyped_table(tiny_models.plain(), schema.TensorType.FLOAT16))
    assert "float16 table" in _problems(content, OLD)
    assert _problems(content) == ""
    assert lint.minimum_runtime(flatbuffer.read(content)) == "2.18.0", "which no version number tells"


def test_int4_rows() -> None:
    content = tiny_models.retyped_table(tiny_models.plain(), schema.TensorType.INT4)
    assert "GATHER reads the int4 table" in _problems(content, OLD), "stamped version 1, so that it loads"
    assert _problems(stamped(content)) == ""
    assert "GATHER version 7 came with runtime 2.15.0" in _problems(stamped(content), OLD)


def test_per_channel_dense_of_the_stock_converter() -> None:
    content = tiny_models.dynamic_range(True)
    assert _problems(content, OLD) == (
        "FULLY_CONNECTED version 12 came with runtime 2.17.0; tflite-2.14 refuses to load the file."
    )
    assert _problems(content) == ""


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize(("granularity", "caught"), [("CHANNELWISE", True), ("TENSORWISE", False)])
def test_dense_of_the_edge_quantizer(bits: int, granularity: str, caught: bool) -> None:
    content = tiny_models.edge_quantized(bits, granularity)
    weights = next(tensor for tensor in flatbuffer.read(content).constants if tensor.dtype == f"int{bits}")
    assert (weights.scales > 1) is caught
    assert ("loads it and answers zeros" in _problems(content, OLD)) is caught
    # Its versions are those of the float file; once they are right, an old runtime may refuse it.
    stamped_too_old = "is stamped version 1 but needs version 12"
    assert (stamped_too_old in _problems(content, OLD)) is (bits == 8 and caught)
    assert stamped_too_old not in _problems(content), "which has that version"
    assert _problems(stamped(content)) == ""
    assert bool(_problems(stamped(content), OLD)) is caught


def test_state() -> None:
    problems = _problems(tiny_models.stateful())
    assert problems.startswith("ASSIGN_VARIABLE, CALL_ONCE, READ_VARIABLE, VAR_HANDLE: the file keeps state")


@pytest.mark.parametrize(("dtype", "scales"), [("INT8", tiny_models.ROWS), ("INT4", 1)])
def test_lookup_stamped_too_old(dtype: str, scales: int) -> None:
    kind = getattr(schema.TensorType, dtype)
    content = tiny_models.retyped_table(tiny_models.one_hot_lookup(), kind, scales=scales)
    assert "is stamped version 1 but needs version 4" in _problems(content, OLD)
    corrected = stamped(content)
    assert [operator.version for operator in flatbuffer.read(corrected).operators] == [4]
    assert _problems(corrected) == ""
    assert "came with runtime 2.18.0" in _problems(corrected, OLD)


def test_file_that_says_it_needs_another_runtime() -> None:
    content = tiny_models.plain().replace(b"1.6.0\0", b"1.5.0\0")
    assert _problems(content) == "The file's own metadata say that it needs runtime 1.5.0, its operations need 1.6.0."


@pytest.mark.parametrize("make", [tiny_models.plain, tiny_models.one_hot_lookup])
@pytest.mark.parametrize(
    ("dtype", "width", "caught"),
    [("INT4", 8, False), ("INT4", 7, True), ("INT2", 8, False), ("INT2", 6, True), ("INT8", 7, False)],
)
def test_packed_rows(make: Callable[[], bytes], dtype: str, width: int, caught: bool) -> None:
    content = tiny_models.retyped_table(make(), getattr(schema.TensorType, dtype), width=width)
    assert (f"reads rows of {width} " in _problems(content)) is caught


def _table(dtype: str, width: int = tiny_models.WIDTH) -> bytes:
    return tiny_models.retyped_table(tiny_models.plain(), getattr(schema.TensorType, dtype), width=width)


KNOWN_BAD: dict[str, Callable[[], bytes]] = {
    "_versions": lambda: tiny_models.dynamic_range(True),
    "_custom": tiny_models.flex,
    "_state": tiny_models.stateful,
    "_expansion": tiny_models.float16,
    "_whole_tables": tiny_models.decoded_whole,
    "_float16": lambda: _table("FLOAT16"),
    "_int4": lambda: _table("INT4"),
    "_dense": lambda: tiny_models.edge_quantized(8, "CHANNELWISE"),
    "_understamped": lambda: tiny_models.edge_quantized(8, "CHANNELWISE"),
    "_unversioned": tiny_models.int16_times_int8,
    "_overlap": tiny_models.overlapping,
    "_packing": lambda: _table("INT4", 7),
    "_ids": tiny_models.flex,
    "_stamp": lambda: _table("FLOAT16"),
}


@pytest.mark.parametrize("rule", [*lint.OF_A_TARGET, *lint.OF_THE_FILE], ids=lambda rule: rule.__name__)
def test_every_rule_catches_a_file_and_lets_a_good_one_pass(rule: Callable[..., Any]) -> None:
    old = [target.load(OLD)] if rule in lint.OF_A_TARGET else []
    assert list(rule(flatbuffer.read(KNOWN_BAD[rule.__name__]()), *old))
    assert not list(rule(flatbuffer.read(tiny_models.plain()), *old))
