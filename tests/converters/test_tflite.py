"""Conversion refuses what no runtime for builtin operations could run, and says what it is."""

from __future__ import annotations

import pytest
import tensorflow as tf

from converters.tflite import convert
from ondevice.errors import OnDeviceError


class Gamma(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([1, 4], tf.float32, name="ids")])
    def function(self, ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": tf.math.igamma(ids, ids)}


def test_an_operation_that_is_not_builtin_is_named() -> None:
    with pytest.raises(OnDeviceError, match=r"to builtin operations: there is none for tf\.Igamma\.$"):
        convert(Gamma())
