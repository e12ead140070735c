"""Stand-ins: what the converter makes of a few rows is what it makes of the table, and the file holds the table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from converters import flatbuffer, sharing
from converters.dense import quantize_dense
from converters.flatbuffer import buffer_of
from converters.lower import EncodedLookup
from converters.output import lower_output
from converters.sharing import ALIGNMENT, share_constants
from converters.signatures.ranking import Recommend
from converters.stamp import stamped
from converters.stand_ins import STAND_IN_BYTES, StandIn, output_with_stand_ins, with_stand_ins
from converters.tflite import SIGNATURE, convert
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.devices.runtimes import DEFAULT_TARGET
from ondevice.embeddings.method import Method, registry
from ondevice.errors import OnDeviceError
from ondevice.models.output import registry as outputs
from ondevice.quantize import recipe as recipes
from ondevice.quantize.encode import EncodedEmbedding, encode

SIZE, WIDTH, LENGTH = 5_000, 16, 50


class Vectors(tf.Module):
    """The look-up alone."""

    def __init__(self, encoded: EncodedEmbedding) -> None:
        super().__init__()
        self.layer = EncodedLookup(encoded, name="embedding")
        self.function = tf.function(self.answer, input_signature=[tf.TensorSpec([1, LENGTH], tf.int32, name="ids")])

    def answer(self, ids: Any) -> dict[str, Any]:
        return {"vectors": self.layer(ids)}


def encoded_sample(name: str, ratio: float, scheme: str = "int8_row") -> EncodedEmbedding:
    method: Method = registry.load(name).for_ratio(SIZE, WIDTH, ratio)
    rng = np.random.default_rng(0)
    values = {table.name: rng.normal(1, 0.5, (table.rows, table.width)).astype(np.float32) for table in method.tables()}
    return encode(method, values, scheme)


@pytest.mark.parametrize(
    ("name", "ratio", "scheme"),
    [("full", 1, "float32"), ("full", 1, "int8_row"), ("memcom", 8, "int8_row"), ("mixed_dimension", 4, "int8_row")],
)
def test_the_file_looks_every_id_up_as_the_reference_does(name, ratio, scheme, tmp_path) -> None:
    encoded = encoded_sample(name, ratio, scheme)
    short, stand_ins = with_stand_ins(encoded)
    assert stand_ins
    for stand_in in stand_ins:
        assert STAND_IN_BYTES <= stand_in.rows.nbytes < stand_in.array.nbytes
    content = share_constants(convert(Vectors(short)), stand_ins)
    plain = share_constants(convert(Vectors(encoded)))
    one, other = flatbuffer.read(content), flatbuffer.read(plain)
    assert one.op_histogram == other.op_histogram
    assert sorted((t.shape, t.dtype, t.buffer_bytes) for t in one.constants) == sorted(
        (t.shape, t.dtype, t.buffer_bytes) for t in other.constants
    )
    assert abs(len(content) - len(plain)) < 2_000
    assert not any(t.buffer_offset % ALIGNMENT for t in one.constants if t.buffer_bytes >= sharing.SMALLEST)
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    ids = np.arange(SIZE, dtype=np.int32).reshape(-1, 1, LENGTH)
    expected = encoded.lookup(ids.reshape(-1))
    for runtime in Host().installed():
        outcome = Host().run(Job(path, runtime, SIGNATURE, {"ids": ids}, warmups=0))
        assert outcome.measurement.ok, outcome.measurement.message
        np.testing.assert_array_equal(outcome.outputs["vectors"].reshape(SIZE, -1), expected)


def test_what_is_read_as_a_whole_or_small_has_no_stand_in() -> None:
    encoded = encoded_sample("mixed_dimension", 4)
    short, stand_ins = with_stand_ins(encoded)
    for name, entry in encoded.tables.items():
        for part, array in entry.arrays.items():
            replaced = short.tables[name].arrays[part] is not array
            assert replaced == (not entry.table.whole and array.nbytes > STAND_IN_BYTES + array[:1].nbytes)
    assert len({stand_in.rows.tobytes() for stand_in in stand_ins}) == len(stand_ins)


def test_the_same_file_every_time() -> None:
    encoded = encoded_sample("memcom", 8)
    files = []
    for _ in range(2):
        short, stand_ins = with_stand_ins(encoded)
        files.append(share_constants(convert(Vectors(short)), stand_ins))
    assert files[0] == files[1]


def test_a_constant_that_equals_a_whole_table_is_stored_once() -> None:
    encoded = encoded_sample("full", 1, "float32")
    short, [stand_in] = with_stand_ins(encoded)
    table = encoded.tables["table"].arrays["values"]

    class Both(Vectors):
        def answer(self, ids: Any) -> dict[str, Any]:
            vectors = self.layer(ids)
            return {"vectors": vectors, "scores": tf.reduce_sum(vectors[0, :1] * table, axis=1)}

    content = share_constants(convert(Both(short)), [stand_in])
    assert table.nbytes < len(content) < 1.1 * table.nbytes
    summary = flatbuffer.read(content)
    found = [tensor for tensor in summary.constants if tensor.buffer_bytes == table.nbytes]
    assert len(found) == 2
    np.testing.assert_array_equal(buffer_of(content, found[0]), table)


def test_a_stand_in_that_the_file_lacks_is_an_error() -> None:
    encoded = encoded_sample("full", 1)
    short, stand_ins = with_stand_ins(encoded)
    other = StandIn(stand_ins[0].rows + np.int8(1), stand_ins[0].array)
    with pytest.raises(OnDeviceError, match=r"table of shape \[5000, 16\] \(int8\) as it was given"):
        share_constants(convert(Vectors(short)), [other])


def test_a_file_beyond_the_format_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(sharing, "LARGEST_FILE", 60_000)
    short, stand_ins = with_stand_ins(encoded_sample("full", 1))
    with pytest.raises(OnDeviceError, match=r"the file would have 10\d kB, the format reaches 60.0 kB"):
        share_constants(convert(Vectors(short)), stand_ins)


def test_a_file_of_the_dense_quantizer_keeps_its_constants(tmp_path) -> None:
    """That quantizer writes all constants behind the graph, in another form than the converter."""
    encoded = encoded_sample("full", 1)
    short, stand_ins = with_stand_ins(encoded)
    kernel = np.random.default_rng(1).normal(size=(WIDTH, 70)).astype(np.float32)

    class Scored(Vectors):
        def answer(self, ids: Any) -> dict[str, Any]:
            vectors = self.layer(ids)
            return {"vectors": vectors, "scores": tf.matmul(tf.reduce_mean(vectors, axis=1), kernel)}

    whole, small = (quantize_dense(convert(Scored(each)), "int8", "tflite-2.14") for each in (encoded, short))
    ids = np.arange(LENGTH, dtype=np.int32).reshape(1, 1, LENGTH)
    answers = []
    for number, content in enumerate((whole, share_constants(small, stand_ins))):
        path = tmp_path / f"{number}.tflite"
        path.write_bytes(content)
        for runtime in Host().installed():
            outcome = Host().run(Job(path, runtime, SIGNATURE, {"ids": ids}, warmups=0))
            assert outcome.measurement.ok, outcome.measurement.message
            np.testing.assert_array_equal(outcome.outputs["vectors"][0, 0], encoded.lookup(ids[0, 0]))
            answers.append(outcome.outputs["scores"])
    for one, other in zip(answers[:2], answers[2:], strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("recipe", ["int8", "int8_small", "float32"])
@pytest.mark.parametrize(("own", "bias"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_tied_output_layer_ranks_as_without_stand_ins(own: bool, bias: bool, recipe: str, tmp_path) -> None:
    method = registry.load("memcom").for_ratio(SIZE, WIDTH, 6, sharing="block")
    member, chosen = (
        outputs.load("tied").for_ratio(method, WIDTH, 1, own_multipliers=own, bias=bias),
        recipes.load(recipe),
    )
    rng = np.random.default_rng(0)

    def drawn(shape: tuple[int, ...], mean: float) -> np.ndarray:
        return rng.normal(mean, 0.1, shape).astype(np.float32)

    values = {table.name: drawn((table.rows, table.width), table.initializer == "ones") for table in method.tables()}
    weights = {weight.name: drawn(weight.shape, weight.center) for weight in member.weights()}
    encoded = encode(method, values, chosen, member.reads_whole, member.layouts)
    whole = lower_output(member, weights | values, encoded, values, chosen.dense)
    short, stand_ins = output_with_stand_ins(whole, encoded)
    assert [each.array.shape[1] for each in stand_ins if each.array.shape[1] != WIDTH] == [member.layout.longest] * (
        own + bias
    )
    assert len(stand_ins) == own + bias + (recipe != "float32")
    files = {}
    for name, output, given in (("whole", whole, ()), ("short", short, stand_ins)):
        layer = EncodedLookup(encoded, name="embedding")
        module = Recommend(
            lambda ids, training, layer=layer: tf.reduce_mean(layer(ids), axis=1),
            SIZE,
            LENGTH,
            10,
            "unknown",
            True,
            output,
        )
        files[name] = tmp_path / f"{name}.tflite"
        files[name].write_bytes(
            share_constants(stamped(quantize_dense(convert(module), chosen.dense, DEFAULT_TARGET)), given)
        )
    one, other = map(flatbuffer.read, files.values())
    assert one.op_histogram == other.op_histogram
    assert abs(files["whole"].stat().st_size - files["short"].stat().st_size) < 1_000
    ids = rng.integers(0, SIZE, (100, 1, LENGTH)).astype(np.int32)
    for runtime in Host().installed():
        expected, found = Host().run_all([Job(path, runtime, SIGNATURE, {"ids": ids}) for path in files.values()])
        assert found.measurement.ok, found.measurement.message
        for name, array in expected.outputs.items():
            np.testing.assert_array_equal(found.outputs[name], array)
