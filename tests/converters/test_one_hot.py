"""The one-hot baseline on the device: its matrix is really multiplied, and stays as it was trained."""

from __future__ import annotations

import numpy as np
import pytest

from ondevice.converters import flatbuffer
from ondevice.converters.convert import convert
from ondevice.embeddings.method import registry
from ondevice.feature import Feature
from ondevice.head import top_k
from ondevice.models.network import pooled_network
from ondevice.quantize import recipe as recipes
from tests.samples import sample_tables

SIZE, WIDTH, ROWS, LENGTH = 60, 8, 11, 24


@pytest.mark.parametrize("signed", [False, True])
def test_the_matrix_is_multiplied_and_not_quantized(signed: bool) -> None:
    """The converter turns one-hot vectors times a matrix into EMBEDDING_LOOKUP where it can, and says nothing."""
    method = registry.load("one_hot_hashing")(SIZE, WIDTH, ROWS, signed)
    values = sample_tables(method, 0)
    network = pooled_network(method, (8,), 0.0)
    network.get_layer("embedding").write_tables(values)
    # The converter leaves a bias of zeros out.
    network.get_layer("scores").assign({"bias": np.linspace(-1, 1, SIZE, dtype=np.float32)})
    ids = Feature("ids", "ids", (1, LENGTH), "int32", SIZE, 1, 0, 2)
    converted = convert(network, [ids], top_k(5, "ids", 2), recipes.load("int8"), "tflite-2.14")
    model, summary = converted.content, converted.summary

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
