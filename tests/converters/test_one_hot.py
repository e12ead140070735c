"""The one-hot baseline on the device: its matrix is really multiplied, and stays as it was trained."""

from __future__ import annotations

import numpy as np
import pytest

from converters import flatbuffer
from converters.dense import quantize_dense
from converters.lower import lower
from converters.signatures.ranking import Recommend
from converters.tflite import convert
from ondevice.embeddings.method import registry
from ondevice.models.network import pooled_network
from ondevice.quantize.encode import encode
from tests.samples import sample_tables

SIZE, WIDTH, ROWS, LENGTH = 60, 8, 11, 24


@pytest.mark.parametrize("signed", [False, True])
def test_the_matrix_is_multiplied_and_not_quantized(signed: bool) -> None:
    """The converter turns one-hot vectors times a matrix into EMBEDDING_LOOKUP where it can, and says nothing."""
    method = registry.load("one_hot_hashing")(SIZE, WIDTH, ROWS, signed)
    values = sample_tables(method, 0)
    network = lower(pooled_network(method, (8,), 0.0), encode(method, values, "int8_row"))
    module = Recommend(network, SIZE, LENGTH, 5, "unknown", True)
    model = quantize_dense(convert(module), "int8", "tflite-2.14")
    summary = flatbuffer.read(model)

    assert summary.op_histogram["ONE_HOT"] == 1
    assert not {"GATHER", "EMBEDDING_LOOKUP"} & set(summary.op_histogram)
    [one_hot] = [operator for operator in summary.operators if operator.name == "ONE_HOT"]
    assert summary.tensors[one_hot.outputs[0]].shape == (1, LENGTH, ROWS + 2), "a float32 number per id and row"
    dense = [operator for operator in summary.operators if operator.name == "FULLY_CONNECTED"]
    [product] = [operator for operator in dense if operator.inputs[0] == one_hot.outputs[0]]
    weights = summary.tensors[product.inputs[1]]
    np.testing.assert_array_equal(flatbuffer.buffer_of(model, weights).reshape(weights.shape).T, values["matrix"])
    # The layers after the look-up are what the recipe is for.
    others = [summary.tensors[operator.inputs[1]].dtype for operator in dense if operator is not product]
    assert others == ["int8", "int8"]
