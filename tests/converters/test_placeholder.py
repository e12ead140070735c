"""Placeholders: what the converter makes of a few rows is what it makes of the table, and the file holds the table."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ondevice.converters import convert as door
from ondevice.converters import flatbuffer
from ondevice.converters.dense import quantize_dense
from ondevice.converters.model_file import ModelFile
from ondevice.converters.passes import full_arrays
from ondevice.converters.placeholder import PLACEHOLDER_BYTES, Placeholders
from ondevice.converters.tflite import SIGNATURE
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.devices.runtimes import DEFAULT_TARGET
from ondevice.embeddings.method import registry
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.feature import Feature
from ondevice.head import top_k
from ondevice.models.network import pooled_network
from ondevice.models.output import registry as outputs
from ondevice.quantize import recipe as recipes
from ondevice.quantize.encode import EncodedEmbedding
from tests.converters.look_ups import asked, facts_of, file_of
from tests.converters.passes.test_full_arrays import SIZE, WIDTH, encoded_sample, short

LENGTH = 50


def test_what_is_read_as_a_whole_or_small_has_no_placeholder() -> None:
    encoded = encoded_sample("mixed_dimension", 4)
    given, placeholders = short(encoded)
    for name, entry in encoded.tables.items():
        for part, array in entry.arrays.items():
            replaced = given.tables[name].arrays[part] is not array
            assert replaced == (not entry.table.whole and array.nbytes > PLACEHOLDER_BYTES + array[:1].nbytes)
    assert len({each.rows.tobytes() for each in placeholders}) == len(placeholders)


def test_no_two_embeddings_of_a_file_have_one_placeholder() -> None:
    placeholders = Placeholders()
    for number in range(3):
        placeholders.embedding(f"layer_{number}", encoded_sample("memcom", 8))
    made = [each for of_layer in placeholders.made.values() for each in of_layer]
    assert len({each.rows.tobytes() for each in made}) == len(made) > 3


def test_a_file_of_the_dense_quantizer_keeps_its_constants(tmp_path) -> None:
    """That quantizer writes all constants behind the graph, in another form than the converter."""
    encoded = encoded_sample("full", 1)
    given, placeholders = short(encoded)
    kernel = np.random.default_rng(1).normal(size=(WIDTH, 70)).astype(np.float32)

    def scored(embedding: EncodedEmbedding) -> ModelFile:
        def answer(ids: Any) -> dict[str, Any]:
            vectors = embedding.in_graph(ids, TensorFlowOps())
            return {"vectors": vectors, "scores": tf.matmul(tf.reduce_mean(vectors, axis=1), kernel)}

        return quantize_dense(file_of(answer, LENGTH), "int8", "tflite-2.14")

    whole, small = scored(encoded), scored(given)
    full_arrays.apply(small, facts_of({"vectors": given}, placeholders))
    ids = np.arange(LENGTH, dtype=np.int32).reshape(1, 1, LENGTH)
    answers = []
    for content in (whole.write(), small.write()):
        for runtime in Host().installed():
            found = asked(content, ids, runtime, tmp_path).outputs
            np.testing.assert_array_equal(found["vectors"][0, 0], encoded.lookup(ids[0, 0]))
            answers.append(found["scores"])
    for one, other in zip(answers[:2], answers[2:], strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_array_equal(one, other)


class NoPlaceholders(Placeholders):
    """Gives the converter everything as it is."""

    def embedding(self, layer: str, encoded: EncodedEmbedding) -> EncodedEmbedding:
        return encoded

    def output(self, output: Any, encoded: EncodedEmbedding | None) -> Any:
        return output


@pytest.mark.parametrize("recipe", ["int8", "int8_small", "float32"])
@pytest.mark.parametrize(("own", "bias"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_tied_output_layer_ranks_as_without_placeholders(
    own: bool, bias: bool, recipe: str, tmp_path, monkeypatch
) -> None:
    method = registry.load("memcom").for_ratio(SIZE, WIDTH, 6, sharing="block")
    member = outputs.load("tied").for_ratio(method, WIDTH, 1, own_multipliers=own, bias=bias)
    rng = np.random.default_rng(0)

    def drawn(shape: tuple[int, ...], mean: float) -> np.ndarray:
        return rng.normal(mean, 0.1, shape).astype(np.float32)

    keras.utils.set_random_seed(0)
    model = pooled_network(method, (), 0.0, member)
    for table in method.tables():
        values = drawn((table.rows, table.width), table.initializer == "ones")
        model.get_layer("embedding").tables[table.name].assign(values)
    weights = {weight.name: drawn(weight.shape, weight.center) for weight in member.weights()}
    model.get_layer("scores").assign(weights)
    made: list[Placeholders] = []

    class Kept(Placeholders):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    files = {}
    features = [Feature("ids", "ids", (1, LENGTH), "int32", SIZE, 1, 0, 2)]
    for name, kind in (("whole", NoPlaceholders), ("short", Kept)):
        monkeypatch.setattr(door, "Placeholders", kind)
        converted = door.convert(model, features, top_k(10, "ids", 2), recipes.load(recipe), DEFAULT_TARGET)
        files[name] = tmp_path / f"{name}.tflite"
        files[name].write_bytes(converted.content)
    all_made = [each for of_layer in made[0].made.values() for each in of_layer]
    short_matrices = [each for each in all_made if each.array.shape[1] == member.layout.longest]
    assert len(short_matrices) >= own + bias
    assert any(each.array.shape[1] == WIDTH and not any(each.rows.strides) for each in all_made) == (
        recipe != "float32"
    ), "what the hidden vector is multiplied with is as long as ever, of equal numbers"
    one, other = map(flatbuffer.read, files.values())
    assert one.op_histogram == other.op_histogram
    assert abs(files["whole"].stat().st_size - files["short"].stat().st_size) < 1_000
    ids = rng.integers(0, SIZE, (100, 1, LENGTH)).astype(np.int32)
    for runtime in Host().installed():
        expected, found = Host().run_all([Job(path, runtime, SIGNATURE, {"ids": ids}) for path in files.values()])
        assert found.measurement.ok, found.measurement.message
        for name, array in expected.outputs.items():
            np.testing.assert_array_equal(found.outputs[name], array)
