"""A file of look-ups alone gives exactly their vectors, on every runtime, and holds nothing else."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from ondevice.converters import flatbuffer, lint
from ondevice.converters.model_file import ModelFile
from ondevice.converters.passes import Facts, lookups
from ondevice.converters.passes.extract import extract
from ondevice.converters.tflite import SIGNATURE, convert
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.errors import OnDeviceError
from ondevice.manifest import LookupCall
from tests.converters.passes.test_lookups import traced
from tests.converters.tiny_models import LENGTH, ROWS, TABLE, WIDTH, edited

EVERY_ID = np.arange(ROWS, dtype=np.int32).reshape(-1, 1, LENGTH)
OTHER = TABLE[::-1].copy()
LARGE = np.linspace(-1, 1, 200 * WIDTH, dtype=np.float32).reshape(200, WIDTH)
KERNEL = np.linspace(-1, 1, WIDTH * 256, dtype=np.float32).reshape(WIDTH, 256)
SPECS = [tf.TensorSpec([1, LENGTH], tf.int32, name=name) for name in ("ids", "more")]


def named(answer: Any, layers: tuple[str, ...], **settings: Any) -> tuple[bytes, dict[str, list[LookupCall]]]:
    """Return the file of a function that gives look-ups out, and where they are."""
    facts = Facts({}, layers)
    file = ModelFile(convert(tf.function(answer, input_signature=SPECS, autograph=False), SPECS, **settings))
    lookups.apply(file, facts)
    return file.write(), facts.calls


def three(ids: Any, more: Any) -> dict[str, Any]:
    """Two look-ups of the same ids, one of others, and scores that are made of all with a kernel of their own."""
    ids, more = (tf.clip_by_value(each, 0, ROWS - 1) for each in (ids, more))
    rows = tf.gather(TABLE, ids)
    product = tf.nn.relu(rows * tf.gather(OTHER, ids))
    last = tf.gather(LARGE, more)
    found = {"scores": tf.matmul(tf.reduce_sum(rows + product + last, axis=1), KERNEL)}
    for number, (given, vectors) in enumerate(((ids, rows), (ids, product), (more, last))):
        one = traced(given, vectors)
        found |= dict(zip(lookups.output_names(number), one.values(), strict=True))
    return found


@functools.cache
def whole() -> tuple[bytes, dict[str, LookupCall]]:
    content, calls = named(three, ("rows", "product", "last"))
    return content, {layer: call for layer, [call] in calls.items()}


def part(*layers: str) -> bytes:
    content, calls = whole()
    return extract(content, SIGNATURE, [calls[layer] for layer in layers])


def vectors_of(content: bytes, runtime: str, folder: Path, inputs: int = 1) -> list[np.ndarray]:
    """Run an extracted file for every id and return float32 `[ROWS, WIDTH]` of each look-up."""
    path = folder / "part.tflite"
    path.write_bytes(content)
    outcome = Host().run(Job(path, runtime, SIGNATURE, {f"ids_{place}": EVERY_ID for place in range(inputs)}))
    assert outcome.measurement.ok, outcome.measurement.message
    assert sorted(outcome.outputs) == [f"vectors_{place}" for place in range(len(outcome.outputs))]
    return [outcome.outputs[name].reshape(ROWS, WIDTH) for name in sorted(outcome.outputs)]


@pytest.mark.parametrize("runtime", Host().installed())
def test_vectors_are_the_same_on_every_runtime(runtime: str, tmp_path: Path) -> None:
    [rows] = vectors_of(part("rows"), runtime, tmp_path)
    np.testing.assert_array_equal(rows, TABLE)
    found = vectors_of(part("product", "last", "rows"), runtime, tmp_path, 2)
    for vectors, expected in zip(found, (np.maximum(TABLE * OTHER, 0), LARGE[:ROWS], TABLE), strict=True):
        np.testing.assert_array_equal(vectors, expected)


def test_nothing_is_left_that_the_vectors_do_not_need() -> None:
    content = part("product")
    summary = flatbuffer.read(content)
    assert summary.op_histogram == {"GATHER": 2, "MUL": 1}
    assert 2 * TABLE.nbytes <= summary.weight_bytes <= 2 * TABLE.nbytes + 8, "tables and the axis"
    assert len(whole()[0]) - len(content) > KERNEL.nbytes + LARGE.nbytes, "kernel and other tables are gone"
    used = {index for operator in summary.operators for index in operator.inputs}
    assert {constant.index for constant in summary.constants} <= used
    assert summary.minimum_runtime == ""
    assert schema.Model.GetRootAs(content).OperatorCodesLength() == 2


def test_signature_keeps_its_name_and_has_an_input_for_all_that_read_the_same_ids() -> None:
    [signature] = flatbuffer.read(part("rows", "last", "product")).signatures
    assert signature.name == SIGNATURE
    assert {(each.name, each.shape, each.dtype) for each in signature.inputs} == {
        (name, (1, LENGTH), "int32") for name in ("ids_0", "ids_1")
    }
    assert {(each.name, each.shape, each.dtype) for each in signature.outputs} == {
        (f"vectors_{place}", (1, LENGTH, WIDTH), "float32") for place in range(3)
    }


def half(ids: Any, more: Any) -> dict[str, Any]:
    """A look-up in a table that the stock converter quantizes, and a kernel that old runtimes refuse then."""
    given = tf.clip_by_value(ids + more, 0, ROWS - 1)
    vectors = tf.gather(LARGE, given)
    return {"scores": tf.matmul(tf.reduce_mean(vectors, axis=1), KERNEL), **traced(given, vectors)}


def test_versions_are_kept_and_a_runtime_that_refuses_the_rest_runs_the_part(tmp_path: Path) -> None:
    content, calls = named(half, ("large",), dynamic_range=True)
    assert "FULLY_CONNECTED version 12" in " ".join(lint.check(flatbuffer.read(content), "tflite-2.14"))
    alone = extract(content, SIGNATURE, calls["large"])
    versions = [(operator.name, operator.version) for operator in flatbuffer.read(alone).operators]
    assert versions == [("GATHER", 2), ("DEQUANTIZE", 2)]
    [old], [new] = (vectors_of(alone, runtime, tmp_path) for runtime in Host().installed())
    np.testing.assert_array_equal(old, new)
    np.testing.assert_allclose(old, LARGE[:ROWS], atol=0.01)


def test_same_file_gives_same_bytes() -> None:
    assert part("rows", "last") == part("rows", "last")


def test_a_signature_or_tensor_that_is_not_there_is_named() -> None:
    content, calls = whole()
    with pytest.raises(OnDeviceError, match=r"signatures are \['serving_default'\]; expected is \['serve'\]\.$"):
        extract(content, "serve", [calls["rows"]])
    for change in ({"vectors": "nowhere"}, {"ids": "nowhere"}):
        with pytest.raises(OnDeviceError, match="'nowhere' must be the name of one computed tensor, it is that of 0"):
            extract(content, SIGNATURE, [calls["rows"], replace(calls["last"], **change)])


def test_vectors_of_other_ids_than_the_call_says_are_refused() -> None:
    content, calls = whole()
    with pytest.raises(OnDeviceError, match="what is cut out also depends on "):
        extract(content, SIGNATURE, [replace(calls["last"], ids=calls["rows"].ids)])


def test_a_name_that_several_tensors_have_is_refused() -> None:
    content, calls = whole()

    def rename(model: Any) -> None:
        for tensor in model.subgraphs[0].tensors:
            tensor.name = b"rows/vectors" if tensor.name.endswith(b"/vectors") else tensor.name

    with pytest.raises(OnDeviceError, match=r"tensor 'rows/vectors' must be .* it is that of 3\.$"):
        extract(edited(content, rename), SIGNATURE, [calls["rows"]])


def test_a_look_up_that_needs_several_graphs_is_refused() -> None:
    def wrapped(ids: Any, more: Any) -> dict[str, Any]:
        given = tf.maximum(ids + more, 0)
        [inner] = tf.while_loop(lambda i: tf.reduce_any(i >= ROWS), lambda i: [i - ROWS], [given])
        vectors = tf.gather(TABLE, inner)
        return {"scores": tf.reduce_sum(vectors), **traced(given, vectors)}

    with pytest.raises(OnDeviceError, match="the tensor is computed in several graphs"):
        named(wrapped, ("rows",))


def test_every_truncated_file_is_refused() -> None:
    content, calls = whole()
    for size in range(0, len(content), 211):
        with pytest.raises(OnDeviceError):
            extract(content[:size], SIGNATURE, [calls["rows"]])


def test_damaged_files_end_in_the_one_error() -> None:
    """Some bits do not matter; whatever does must not end in another exception."""
    content, calls = whole()
    graph, rng = len(content) - KERNEL.nbytes - LARGE.nbytes, np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, graph, 300):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        try:
            extract(bytes(damaged), SIGNATURE, [calls["rows"]])
        except OnDeviceError:
            refused += 1
    assert refused
