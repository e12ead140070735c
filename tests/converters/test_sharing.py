"""Constants that a file holds twice are stored once, and nothing else changes."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from converters import flatbuffer, lint
from converters.sharing import share_constants
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from tests.converters.tiny_models import TABLE, WIDTH, convert

IDS = tf.TensorSpec([1, 3], tf.int32, name="ids")


def used_twice(ids: tf.Tensor) -> dict[str, tf.Tensor]:
    """Gather from a table and multiply by the same numbers."""
    found = tf.gather(TABLE, ids)[0]
    return {"scores": found[:, :, None] * TABLE.reshape(1, WIDTH, -1)}


def with_copies(content: bytes) -> bytes:
    """Give every constant that several tensors share a buffer for each of them."""
    model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    taken = set()
    for tensor in model.subgraphs[0].tensors:
        if tensor.buffer in taken and model.buffers[tensor.buffer].data is not None:
            model.buffers.append(schema.BufferT(model.buffers[tensor.buffer].data))
            tensor.buffer = len(model.buffers) - 1
        taken.add(tensor.buffer)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), flatbuffer.IDENTIFIER)
    return bytes(builder.Output())


def test_equal_constants_share_their_bytes(tmp_path) -> None:
    before = with_copies(convert(used_twice, IDS))
    after = share_constants(before)
    one, other = (flatbuffer.read(content) for content in (before, after))
    assert other.weight_bytes == one.weight_bytes - TABLE.nbytes
    assert len(after) < len(before) - TABLE.nbytes * 0.9
    assert other.op_histogram == one.op_histogram
    assert [(t.name, t.shape, t.dtype, t.buffer_bytes) for t in other.constants] == [
        (t.name, t.shape, t.dtype, t.buffer_bytes) for t in one.constants
    ]
    assert (other.signatures, other.minimum_runtime) == (one.signatures, one.minimum_runtime)
    assert lint.minimum_runtime(other) == lint.minimum_runtime(one)
    ids = np.array([[[0, 7, 39]], [[1, 1, 2]]], np.int32)
    answers = []
    for number, content in enumerate((before, after)):
        path = tmp_path / f"{number}.tflite"
        path.write_bytes(content)
        for runtime in Host().installed():
            outcome = Host().run(Job(path, runtime, one.signatures[0].name, {"ids": ids}))
            assert outcome.measurement.ok, outcome.measurement.message
            answers.append(outcome.outputs["scores"])
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])


def test_a_file_without_copies_is_left_as_it_is() -> None:
    content = convert(lambda ids: {"rows": tf.gather(TABLE, ids)}, IDS)
    assert share_constants(content) == content
