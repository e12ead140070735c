"""Look-ups are found by their layers: ids and vectors have their names, and the outputs they came by are gone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ondevice.converters import flatbuffer
from ondevice.converters.model_file import ModelFile
from ondevice.converters.passes import Facts, lookups
from ondevice.converters.passes.lookups import INSIDE, output_names
from ondevice.errors import OnDeviceError
from ondevice.manifest import LookupCall
from tests.converters.look_ups import file_of
from tests.converters.tiny_models import LENGTH, TABLE, WIDTH

OTHER = TABLE[::-1].copy()
KERNEL = np.linspace(-1, 1, WIDTH * WIDTH, dtype=np.float32).reshape(WIDTH, WIDTH)


def traced(ids: Any, *vectors: Any) -> dict[str, Any]:
    """Return look-ups as the signature gives them out."""
    found: dict[str, Any] = {}
    for number, each in enumerate(vectors):
        found |= dict(zip(output_names(number), (ids, each), strict=True))
    return found


def three(ids: Any) -> dict[str, Any]:
    """Look up in two tables of equal shape, in the first of them twice, once with a product inside."""
    ids = tf.where(ids < len(TABLE), ids, 1)
    product = tf.reshape(tf.matmul(tf.reshape(tf.gather(TABLE, ids), [-1, WIDTH]), KERNEL), [1, LENGTH, WIDTH])
    vectors = tf.gather(TABLE, ids), tf.gather(OTHER, ids), product
    scores = tf.matmul(tf.reduce_sum(tf.add_n(vectors), axis=1), KERNEL * 2)
    return {"scores": scores, **traced(ids, *vectors)}


def test_ids_vectors_and_inner_layers_have_their_names() -> None:
    file, facts = file_of(three, LENGTH), Facts({}, ("one", "other", "one"))
    lookups.apply(file, facts)
    shape = (1, LENGTH)
    # The ids of all three are one tensor, which is named once.
    assert facts.calls == {
        "one": [LookupCall("one/ids", "one/vectors", shape), LookupCall("one/ids", "one/vectors_1", shape)],
        "other": [LookupCall("one/ids", "other/vectors", shape)],
    }
    content = file.write()
    summary = flatbuffer.read(content)
    [signature] = summary.signatures
    assert [output.name for output in signature.outputs] == ["scores"]
    assert len(file.graph.outputs) == 1
    made = {summary.tensors[output].name: each for each in summary.operators for output in each.outputs}
    for name, table in (("one/vectors", TABLE), ("other/vectors", OTHER)):
        assert made[name].name == "GATHER"
        np.testing.assert_array_equal(flatbuffer.buffer_of(content, summary.tensors[made[name].inputs[0]]), table)
        assert summary.tensors[made[name].inputs[1]].name == "one/ids"
    dense = [name for name, each in made.items() if each.name == "FULLY_CONNECTED"]
    assert len(dense) == 2
    assert [name.startswith(INSIDE) for name in dense] == [True, False], "that of the scores is no part of a look-up"


def test_vectors_that_need_another_input_are_refused() -> None:
    def shifted(ids: Any) -> dict[str, Any]:
        own = tf.maximum(ids, 1)
        vectors = tf.gather(TABLE, own) + tf.cast(ids[0, 0], tf.float32)
        return {"scores": tf.reduce_sum(vectors), **traced(own, vectors)}

    with pytest.raises(OnDeviceError, match=r"what is cut out also depends on .*ids"):
        lookups.apply(file_of(shifted, LENGTH), Facts({}, ("one",)))


def test_vectors_that_became_a_constant_are_refused() -> None:
    def constant(ids: Any) -> dict[str, Any]:
        return {"scores": ids + 1, **traced(ids, tf.gather(TABLE, [[1, 2]]))}

    with pytest.raises(OnDeviceError, match="the look-up of layer 'one' became a constant of the file"):
        lookups.apply(file_of(constant, LENGTH), Facts({}, ("one",)))


def test_a_model_without_look_ups_is_left_as_it_is() -> None:
    file = file_of(lambda ids: {"scores": ids + 1}, LENGTH)
    content = file.write()
    lookups.apply(file, Facts({}, ()))
    assert file.write() == content == ModelFile(content).write()
