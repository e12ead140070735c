"""Conversion refuses what no runtime for builtin operations could run, and says what it is."""

from __future__ import annotations

import pytest
import tensorflow as tf

from ondevice.converters import flatbuffer
from ondevice.converters.tflite import SIGNATURE, convert
from ondevice.errors import OnDeviceError

SPECS = [tf.TensorSpec([1, 4], tf.float32, name="x"), tf.TensorSpec([1, 2], tf.int32, name="n")]


def test_an_operation_that_is_not_builtin_is_named() -> None:
    @tf.function(input_signature=SPECS)
    def gamma(x: tf.Tensor, n: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": tf.math.igamma(x, x)}

    with pytest.raises(OnDeviceError, match=r"to builtin operations: there is none for tf\.Igamma: compute that"):
        convert(gamma, SPECS)


@pytest.mark.parametrize("name", ["", "score"])
def test_inputs_outputs_and_the_signature_keep_their_names(name: str) -> None:
    weight = tf.Variable(3.0)

    @tf.function(input_signature=SPECS)
    def answer(x: tf.Tensor, n: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"z": n + 1, "a": x * weight}

    content = convert(answer, SPECS, signature=name) if name else convert(answer, SPECS)
    [signature] = flatbuffer.read(content).signatures
    assert signature.name == (name or SIGNATURE)
    assert {(each.name, each.shape, each.dtype) for each in signature.inputs} == {
        ("x", (1, 4), "float32"),
        ("n", (1, 2), "int32"),
    }
    assert {(each.name, each.dtype) for each in signature.outputs} == {("z", "int32"), ("a", "float32")}
    assert "READ_VARIABLE" not in flatbuffer.read(content).op_histogram
