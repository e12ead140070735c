"""The target decides how int8 weights are scaled; whole numbers of four bits are stored as such, exactly."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tiny_models

from ondevice.converters import flatbuffer, lint, target
from ondevice.converters.dense import dense_format, require_dense
from ondevice.converters.dense import quantize_dense as quantize
from ondevice.converters.model_file import ModelFile
from ondevice.converters.passes import stamp
from ondevice.converters.target import PER_CHANNEL, PER_TENSOR, Target
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.errors import UsageError

OLD, NEW = "tflite-2.14", "litert-2.3"
INPUTS, HIDDEN, ROWS = 8, 64, 30
RNG = np.random.default_rng(0)
FIRST = RNG.standard_normal((HIDDEN, INPUTS)).astype(np.float32)
SIZES = RNG.lognormal(0, 1, (ROWS, 1)).astype(np.float32)
VECTORS = RNG.standard_normal((5, 1, INPUTS)).astype(np.float32)


def quantize_dense(model: bytes, dense: str, name: str) -> bytes:
    return quantize(ModelFile(model), dense, name).write()


def stamped(model: bytes) -> bytes:
    return tiny_models.passed(model, stamp)


def rows(columns: int = HIDDEN, largest: int = 7) -> np.ndarray:
    """Return whole numbers with the same largest one in every row."""
    whole = np.random.default_rng(1).integers(-largest, largest + 1, (ROWS, columns)).astype(np.float32)
    whole[:, 0] = largest
    return whole


def two_layers(second: np.ndarray) -> bytes:
    """Return a file with a layer of short rows and a layer of these."""

    def scores(vectors: tf.Tensor) -> dict[str, tf.Tensor]:
        hidden = tf.tanh(tf.matmul(vectors, FIRST, transpose_b=True))[:, : second.shape[1]]
        return {"scores": tf.matmul(hidden, second, transpose_b=True)}

    return tiny_models.convert(scores, tf.TensorSpec([1, INPUTS], tf.float32, name="vectors"))


@functools.cache
def uneven() -> bytes:
    """Rows of very different sizes."""
    return two_layers(rows() * SIZES)


def formats(model: bytes) -> list[tuple[str, int]]:
    """Return type and number of scales of each layer's weights."""
    summary = flatbuffer.read(model)
    layers = [operator for operator in summary.operators if operator.name == "FULLY_CONNECTED"]
    return [(summary.tensors[layer.inputs[1]].dtype, summary.tensors[layer.inputs[1]].scales) for layer in layers]


def largest_error(model: bytes, reference: bytes, runtime: str, folder: Any) -> float:
    """Return the largest difference of two files' scores, as a share of the largest score."""
    found = []
    for name, content in (("model", model), ("reference", reference)):
        (folder / name).write_bytes(content)
        outcome = Host().run(Job(folder / name, runtime, "serving_default", {"vectors": VECTORS}))
        assert outcome.measurement.ok, outcome.measurement.message
        found.append(outcome.outputs["scores"])
    return float(np.max(np.abs(found[0] - found[1])) / np.max(np.abs(found[1])))


def test_float32_is_left_as_it_is() -> None:
    file = ModelFile(uneven())
    assert quantize(file, "float32", NEW) is file


def test_the_oldest_target_gets_what_it_always_got() -> None:
    """One scale per tensor, as the quantizer writes it when asked for nothing else: byte for byte."""
    model = quantize_dense(tiny_models.plain(), "int8", OLD)
    assert model == ModelFile(tiny_models.edge_quantized(8, "TENSORWISE")).write()
    content = quantize_dense(uneven(), "int8", OLD)
    assert formats(content) == [("int8", 1), ("int8", 1)]
    assert dense_format(flatbuffer.read(content)) == "int8_per_tensor"
    after = flatbuffer.read(stamped(content))
    assert {operator.version for operator in after.operators if operator.name == "FULLY_CONNECTED"} == {3}
    assert after.minimum_runtime == "1.14.0"
    for name in target.names():
        assert lint.check(after, name) == ()


@pytest.mark.parametrize("name", [name for name in target.names() if name != OLD])
def test_a_newer_target_gets_a_scale_for_every_long_row(name: str, tmp_path: Any) -> None:
    content = stamped(quantize_dense(uneven(), "int8", name))
    assert formats(content) == [("int8", 1), ("int8", ROWS)]
    summary = flatbuffer.read(content)
    assert dense_format(summary) == "int8_per_channel, int8_per_tensor"
    assert summary.minimum_runtime == "2.17.0"
    assert lint.check(summary, name) == ()
    assert any("FULLY_CONNECTED version 12 came with runtime 2.17.0" in each for each in lint.check(summary, OLD))
    error = largest_error(content, uneven(), "litert", tmp_path)
    assert error < largest_error(quantize_dense(uneven(), "int8", OLD), uneven(), "litert", tmp_path)


def test_rows_of_one_size_share_a_scale_everywhere() -> None:
    even = rows(largest=5) * 0.3
    even[3] = 0
    assert formats(quantize_dense(two_layers(even), "int8", NEW)) == [("int8", 1), ("int8", 1)]


@pytest.mark.parametrize("runtime", Host().installed())
@pytest.mark.parametrize("columns", [2, 30, HIDDEN])
def test_whole_numbers_of_four_bits_are_stored_exactly(columns: int, runtime: str, tmp_path: Any) -> None:
    plain = two_layers(rows(columns))
    content = stamped(quantize_dense(plain, "int4", OLD))
    assert formats(content) == [("int8", 1), ("int4", 1)]
    summary = flatbuffer.read(content)
    assert dense_format(summary) == "int4_per_tensor, int8_per_tensor"
    assert summary.minimum_runtime == "2.14.0"
    for name in target.names():
        assert lint.check(summary, name) == ()
    [weights] = [tensor for tensor in summary.constants if tensor.dtype == "int4"]
    assert np.frombuffer(content, "<f4", 1, weights.scale_offset) == 1
    both = flatbuffer.buffer_of(content, weights)
    numbers = np.stack([both & 15, both >> 4], axis=1).ravel().astype(np.int8)
    np.testing.assert_array_equal(np.where(numbers > 7, numbers - 16, numbers), rows(columns).ravel())
    # What is left is the rounding of the vectors and of the layer before.
    assert largest_error(content, plain, runtime, tmp_path) < 0.02


@pytest.mark.parametrize(
    "weights",
    [rows(7), rows(largest=6), rows(largest=8), rows() * 0.5],
    ids=["odd width", "another scale", "more levels", "halves"],
)
def test_other_numbers_are_int8(weights: np.ndarray) -> None:
    assert formats(quantize_dense(two_layers(weights), "int4", OLD)) == [("int8", 1), ("int8", 1)]


@pytest.mark.parametrize(("dense", "hint"), [("int8_per_tensor", r"\."), ("int9", r", did you mean 'int\d'\?")])
def test_unknown_format_names_those_there_are(dense: str, hint: str) -> None:
    words = rf"^unknown dense format '{dense}'{hint} Choose one of: float32, int4, int8\.$"
    with pytest.raises(UsageError, match=words):
        quantize_dense(tiny_models.plain(), dense, OLD)


def runtime_with(int8: tuple[str, ...], int4: tuple[str, ...]) -> Target:
    statements = {"release": "2.14.0", "int8_dense": int8, "int4_dense": int4}
    sources = dict.fromkeys([*statements, "ahead", "float16_gather", "int4_gather"], "made up")
    return Target(
        name="old", title="", float16_gather=False, int4_gather=False, ahead={}, sources=sources, **statements
    )


@pytest.mark.parametrize(
    ("int8", "int4", "dense", "allowed"),
    [
        ((PER_TENSOR,), (), "int4", "float32 or int8"),
        ((PER_TENSOR,), (PER_CHANNEL,), "int4", "float32 or int8"),
        ((), (PER_TENSOR,), "int8", "float32"),
    ],
)
def test_a_target_without_the_kernel_refuses(int8: Any, int4: Any, dense: str, allowed: str) -> None:
    words = rf"^dense format of recipe 'mine' is '{dense}'; allowed for target runtime 'old' is {allowed}\.$"
    with pytest.raises(UsageError, match=words):
        require_dense(dense, runtime_with(int8, int4), " of recipe 'mine'")
    require_dense("float32", runtime_with(int8, int4))
