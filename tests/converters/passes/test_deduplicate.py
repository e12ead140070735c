"""Constants that a file holds twice are stored once, and nothing else changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ondevice.converters import flatbuffer, lint
from ondevice.converters.passes import deduplicate
from ondevice.devices.kinds.host import Host
from tests.converters.look_ups import asked
from tests.converters.tiny_models import TABLE, WIDTH, convert, edited, passed

IDS = tf.TensorSpec([1, 3], tf.int32, name="ids")


def used_twice(ids: tf.Tensor) -> dict[str, tf.Tensor]:
    """Gather from a table and multiply by the same numbers."""
    found = tf.gather(TABLE, ids)[0]
    return {"scores": found[:, :, None] * TABLE.reshape(1, WIDTH, -1)}


def with_copies(model: Any) -> None:
    """Give every constant that several tensors share a buffer for each of them."""
    taken = set()
    for tensor in model.subgraphs[0].tensors:
        if tensor.buffer in taken and model.buffers[tensor.buffer].data is not None:
            model.buffers.append(type(model.buffers[0])(model.buffers[tensor.buffer].data))
            tensor.buffer = len(model.buffers) - 1
        taken.add(tensor.buffer)


def test_equal_constants_share_their_bytes(tmp_path) -> None:
    before = edited(convert(used_twice, IDS), with_copies)
    after = passed(before, deduplicate)
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
    answers = [
        asked(content, ids, runtime, tmp_path).outputs["scores"]
        for content in (before, after)
        for runtime in Host().installed()
    ]
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])


def test_a_file_without_copies_is_left_as_it_is() -> None:
    content = passed(convert(lambda ids: {"rows": tf.gather(TABLE, ids)}, IDS))
    assert passed(content, deduplicate) == content


def test_constants_of_equal_length_that_differ_stay_apart() -> None:
    other = TABLE[::-1].copy()
    whole = convert(lambda ids: {"rows": tf.gather(TABLE, ids) * tf.gather(other, ids)}, IDS)
    content = passed(whole, deduplicate)
    found = [flatbuffer.buffer_of(content, each) for each in flatbuffer.read(content).constants]
    stored = [values for values in found if values.size == TABLE.size]
    assert len(stored) == 2
    assert any(np.array_equal(values, TABLE) for values in stored)
    assert any(np.array_equal(values, other) for values in stored)
