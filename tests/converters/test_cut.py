"""A file cut down to one inner tensor gives exactly that tensor, on every runtime, and holds nothing else."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from converters import flatbuffer, lint
from converters.cut import cut
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.errors import OnDeviceError
from tests.converters.tiny_models import IDS, LENGTH, ROWS, TABLE, WIDTH, convert, dynamic_range, edited, plain

SIGNATURE = "serving_default"
EVERY_ID = np.arange(ROWS, dtype=np.int32).reshape(-1, 1, LENGTH)


def output_of(content: bytes, operation: str) -> str:
    """Return the name of what the file's only operation of this kind computes."""
    summary = flatbuffer.read(content)
    [operator] = [each for each in summary.operators if each.name == operation]
    return summary.tensors[operator.outputs[0]].name


@functools.cache
def two_tables() -> bytes:
    """Two look-ups: one alone, and one of which the scores are made with a kernel of their own."""
    other = TABLE[::-1].copy()
    kernel = np.linspace(-1, 1, WIDTH * 256, dtype=np.float32).reshape(WIDTH, 256)

    def function(ids: tf.Tensor) -> dict[str, tf.Tensor]:
        vectors = tf.nn.relu(tf.gather(TABLE, ids) * tf.gather(other, ids))
        return {"scores": tf.matmul(tf.reduce_sum(vectors, axis=1), kernel), "ids": ids + 1}

    return convert(function, IDS)


def vectors_of(content: bytes, runtime: str, folder: Path, output: str = "vectors") -> np.ndarray:
    """Run a cut file for every id and return float32 `[ROWS, WIDTH]`."""
    path = folder / "cut.tflite"
    path.write_bytes(content)
    outcome = Host().run(Job(path, runtime, SIGNATURE, {"ids": EVERY_ID}))
    assert outcome.measurement.ok, outcome.measurement.message
    assert list(outcome.outputs) == [output]
    return outcome.outputs[output].reshape(ROWS, WIDTH)


@pytest.mark.parametrize("runtime", Host().installed())
def test_vectors_are_the_same_on_every_runtime(runtime: str, tmp_path: Path) -> None:
    gathered = cut(plain(), SIGNATURE, output_of(plain(), "GATHER"), "rows")
    np.testing.assert_array_equal(vectors_of(gathered, runtime, tmp_path, "rows"), TABLE)
    multiplied = cut(two_tables(), SIGNATURE, output_of(two_tables(), "MUL"))
    np.testing.assert_array_equal(vectors_of(multiplied, runtime, tmp_path), np.maximum(TABLE * TABLE[::-1], 0))


def test_nothing_is_left_that_the_tensor_does_not_need() -> None:
    whole, part = two_tables(), cut(two_tables(), SIGNATURE, output_of(two_tables(), "MUL"))
    summary = flatbuffer.read(part)
    assert summary.op_histogram == {"GATHER": 2, "MUL": 1}
    assert 2 * TABLE.nbytes <= summary.weight_bytes <= 2 * TABLE.nbytes + 8, "tables and the axis"
    assert len(whole) - len(part) > WIDTH * 256 * 4, "the kernel is gone"
    used = {index for operator in summary.operators for index in operator.inputs}
    assert {constant.index for constant in summary.constants} <= used
    assert summary.minimum_runtime == ""
    assert schema.Model.GetRootAs(part).OperatorCodesLength() == 2


def test_signature_keeps_its_name_and_inputs() -> None:
    [before] = flatbuffer.read(plain()).signatures
    [after] = flatbuffer.read(cut(plain(), SIGNATURE, output_of(plain(), "GATHER"))).signatures
    assert (after.name, after.inputs) == (before.name, before.inputs)
    assert [(output.name, output.shape, output.dtype) for output in after.outputs] == [
        ("vectors", (1, LENGTH, WIDTH), "float32")
    ]


def test_versions_are_kept() -> None:
    table, kernel = np.ones((200, WIDTH), np.float32), np.ones((WIDTH, 256), np.float32)

    def function(ids: tf.Tensor) -> tf.Tensor:
        return tf.matmul(tf.reduce_mean(tf.gather(table, ids), axis=1), kernel)

    whole = convert(function, IDS, optimizations=[tf.lite.Optimize.DEFAULT])
    part = cut(whole, SIGNATURE, output_of(whole, "DEQUANTIZE"))
    versions = [(operator.name, operator.version) for operator in flatbuffer.read(part).operators]
    assert versions == [("GATHER", 2), ("DEQUANTIZE", 2)]


def test_a_runtime_that_refuses_the_rest_of_the_file_runs_the_part(tmp_path: Path) -> None:
    whole = dynamic_range(per_channel=True)
    assert lint.check(flatbuffer.read(whole), "tflite-2.14")
    part = cut(whole, SIGNATURE, output_of(whole, "GATHER"))
    np.testing.assert_array_equal(vectors_of(part, "tflite-2.14", tmp_path), TABLE)


def test_same_file_gives_same_bytes() -> None:
    name = output_of(two_tables(), "MUL")
    assert cut(two_tables(), SIGNATURE, name) == cut(two_tables(), SIGNATURE, name)


def test_graph_that_is_not_the_first_is_kept_alone(tmp_path: Path) -> None:
    def put_another_before(model: Any) -> None:
        other = copy.deepcopy(model.subgraphs[0])
        other.tensors = other.tensors[1:]
        other.operators, other.inputs, other.outputs = [], [0], [0]
        model.subgraphs.insert(0, other)
        model.signatureDefs[0].subgraphIndex = 1

    part = cut(edited(plain(), put_another_before), SIGNATURE, output_of(plain(), "GATHER"))
    assert len(schema.ModelT.InitFromObj(schema.Model.GetRootAs(part)).subgraphs) == 1
    np.testing.assert_array_equal(vectors_of(part, "litert", tmp_path), TABLE)


def test_unknown_names_are_named() -> None:
    name = output_of(plain(), "GATHER")
    with pytest.raises(OnDeviceError, match=r"no signature 'serve'; its signatures are \['serving_default'\]\.$"):
        cut(plain(), "serve", name)
    with pytest.raises(OnDeviceError, match=r"tensor 'rows' must be the name of one computed tensor, it is that of 0"):
        cut(plain(), SIGNATURE, "rows")


def test_a_name_that_several_tensors_have_is_refused() -> None:
    def rename(model: Any) -> None:
        for operator in model.subgraphs[0].operators:
            model.subgraphs[0].tensors[operator.outputs[0]].name = b"rows"

    with pytest.raises(OnDeviceError, match=r"tensor 'rows' must be .* it is that of 3\.$"):
        cut(edited(plain(), rename), SIGNATURE, "rows")


def test_tensor_of_several_graphs_is_refused() -> None:
    def wrapped(ids: tf.Tensor) -> tf.Tensor:
        [inside] = tf.while_loop(lambda i: tf.reduce_any(i >= ROWS), lambda i: [i - ROWS], [ids])
        return tf.gather(TABLE, inside)

    content = convert(wrapped, IDS)
    with pytest.raises(OnDeviceError, match="the tensor is computed in several graphs"):
        cut(content, SIGNATURE, output_of(content, "GATHER"))


def test_every_truncated_file_is_refused() -> None:
    name = output_of(plain(), "GATHER")
    for size in range(0, len(plain()), 37):
        with pytest.raises(OnDeviceError):
            cut(plain()[:size], SIGNATURE, name)


def test_damaged_files_end_in_the_one_error() -> None:
    """Some bits do not matter; whatever does must not end in another exception."""
    name, rng = output_of(plain(), "GATHER"), np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, len(plain()), 300):
        damaged = bytearray(plain())
        damaged[place] ^= 1 << int(rng.integers(8))
        try:
            cut(bytes(damaged), SIGNATURE, name)
        except OnDeviceError:
            refused += 1
    assert refused
