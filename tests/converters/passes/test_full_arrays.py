"""Whole arrays in place of their placeholders: the file holds what it would if the converter had been given them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ondevice.converters import flatbuffer, model_file
from ondevice.converters.flatbuffer import buffer_of
from ondevice.converters.model_file import ALIGNMENT, ModelFile
from ondevice.converters.passes import deduplicate, full_arrays
from ondevice.converters.placeholder import PLACEHOLDER_BYTES, Placeholder, Placeholders
from ondevice.devices.kinds.host import Host
from ondevice.embeddings.method import Method, registry
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.errors import OnDeviceError
from ondevice.quantize.encode import EncodedEmbedding, encode
from tests.converters.look_ups import asked, facts_of, file_of, looked_up

SIZE, WIDTH, LENGTH = 5_000, 16, 50


def encoded_sample(name: str, ratio: float, scheme: str = "int8_row") -> EncodedEmbedding:
    method: Method = registry.load(name).for_ratio(SIZE, WIDTH, ratio)
    rng = np.random.default_rng(0)
    values = {table.name: rng.normal(1, 0.5, (table.rows, table.width)).astype(np.float32) for table in method.tables()}
    return encode(method, values, scheme)


def short(encoded: EncodedEmbedding) -> tuple[EncodedEmbedding, list[Placeholder]]:
    """Return what the converter is given of an embedding, and what stands for what."""
    placeholders = Placeholders()
    given = placeholders.embedding("vectors", encoded)
    return given, placeholders.made.get("vectors", [])


def filled(file: ModelFile, encoded: EncodedEmbedding, placeholders: Sequence[Placeholder]) -> bytes:
    facts = facts_of({"vectors": encoded}, placeholders)
    full_arrays.apply(file, facts)
    deduplicate.apply(file, facts)
    return file.write()


def made_of(encoded: EncodedEmbedding) -> bytes:
    given, placeholders = short(encoded)
    return filled(looked_up({"vectors": given}, LENGTH), given, placeholders)


@pytest.mark.parametrize(
    ("name", "ratio", "scheme"),
    [("full", 1, "float32"), ("full", 1, "int8_row"), ("memcom", 8, "int8_row"), ("mixed_dimension", 4, "int8_row")],
)
def test_the_file_looks_every_id_up_as_the_reference_does(name, ratio, scheme, tmp_path) -> None:
    encoded = encoded_sample(name, ratio, scheme)
    _, placeholders = short(encoded)
    assert placeholders
    for placeholder in placeholders:
        assert PLACEHOLDER_BYTES <= placeholder.rows.nbytes < placeholder.array.nbytes
    content, plain = made_of(encoded), filled(looked_up({"vectors": encoded}, LENGTH), encoded, [])
    one, other = flatbuffer.read(content), flatbuffer.read(plain)
    assert one.op_histogram == other.op_histogram
    assert sorted((t.shape, t.dtype, t.buffer_bytes) for t in one.constants) == sorted(
        (t.shape, t.dtype, t.buffer_bytes) for t in other.constants
    )
    assert abs(len(content) - len(plain)) < 2_000
    assert not any(t.buffer_offset % ALIGNMENT for t in one.constants if t.buffer_bytes >= model_file.SMALLEST)
    ids = np.arange(SIZE, dtype=np.int32).reshape(-1, 1, LENGTH)
    expected = encoded.lookup(ids.reshape(-1))
    for runtime in Host().installed():
        found = asked(content, ids, runtime, tmp_path).outputs["vectors"]
        np.testing.assert_array_equal(found.reshape(SIZE, -1), expected)


def test_the_same_file_every_time() -> None:
    encoded = encoded_sample("memcom", 8)
    assert made_of(encoded) == made_of(encoded)


def test_a_constant_that_equals_a_whole_table_is_stored_once() -> None:
    encoded = encoded_sample("full", 1, "float32")
    given, [placeholder] = short(encoded)
    table = encoded.tables["table"].arrays["values"]

    def both(ids: Any) -> dict[str, Any]:
        vectors = given.in_graph(ids, TensorFlowOps())
        return {"vectors": vectors, "scores": tf.reduce_sum(vectors[0, :1] * table, axis=1)}

    content = filled(file_of(both, LENGTH), given, [placeholder])
    assert table.nbytes < len(content) < 1.1 * table.nbytes
    summary = flatbuffer.read(content)
    found = [tensor for tensor in summary.constants if tensor.buffer_bytes == table.nbytes]
    assert len(found) == 2
    np.testing.assert_array_equal(buffer_of(content, found[0]), table)


def test_a_placeholder_that_the_file_lacks_is_an_error() -> None:
    given, placeholders = short(encoded_sample("full", 1))
    other = replace(placeholders[0], rows=placeholders[0].rows + np.int8(1))
    with pytest.raises(OnDeviceError, match=r"table of shape \[5000, 16\] \(int8\) as it was given"):
        full_arrays.apply(looked_up({"vectors": given}, LENGTH), facts_of({"vectors": given}, [other]))


def test_a_file_beyond_the_format_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(model_file, "LARGEST_FILE", 60_000)
    with pytest.raises(OnDeviceError, match=r"the file would have 10\d kB, the format reaches 60.0 kB"):
        made_of(encoded_sample("full", 1))
