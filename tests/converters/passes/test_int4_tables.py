"""Native int4 tables: runtimes that have them answer as with the portable form, and no other gets such a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ondevice.converters import flatbuffer, lint
from ondevice.converters import target as targets
from ondevice.converters.model_file import ModelFile
from ondevice.converters.passes import deduplicate, full_arrays, int4_tables, stamp
from ondevice.converters.placeholder import Placeholders
from ondevice.converters.tables import LayerTables, encoded_for
from ondevice.embeddings.method import Method, registry
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.errors import OnDeviceError
from ondevice.quantize import recipe as recipes
from ondevice.quantize.encode import EncodedEmbedding
from ondevice.quantize.scheme import INT4
from tests.converters.look_ups import asked, facts_of, file_of, looked_up
from tests.samples import METHODS, SIZE, sample_tables

OLD, NEW = "tflite-2.14", "litert-2.3"
GATHERING = [name for name in targets.names() if targets.load(name).int4_gather]
FULL = registry.load("full")


def native(method: Method, seed: int = 0, recipe: str = "int4", target: str = NEW) -> EncodedEmbedding:
    chosen = recipes.load(recipe) if recipe in recipes.names() else recipes.single(recipe)
    return encoded_for(LayerTables(None, method, sample_tables(method, seed), 0), chosen, target)


def every(ids: int) -> np.ndarray:
    return np.arange(ids, dtype=np.int32)[None, None]


def test_every_id_by_every_method_is_exact_on_litert(tmp_path: Path) -> None:
    embeddings = {name.replace(" ", "_"): native(method, seed) for seed, (name, method) in enumerate(METHODS.items())}
    stored = {entry.storage for each in embeddings.values() for entry in each.tables.values()}
    assert stored == {"", INT4}
    file = looked_up(embeddings, SIZE)
    int4_tables.apply(file, facts_of(embeddings))
    stamp.apply(file, facts_of(embeddings))
    outcome = asked(file.write(), every(SIZE), "litert", tmp_path)
    expected = {name: each.lookup(np.arange(SIZE, dtype=np.int32)) for name, each in embeddings.items()}
    assert set(outcome.outputs) == set(expected)
    assert [name for name, rows in expected.items() if not np.array_equal(outcome.outputs[name][0, 0], rows)] == []


def with_every_pass(encoded: EncodedEmbedding, ids: int) -> bytes:
    """Return the finished file of a look-up, made of placeholders."""
    placeholders = Placeholders()
    embeddings = {"vectors": placeholders.embedding("vectors", encoded)}
    facts, file = facts_of(embeddings, placeholders.made.get("vectors", [])), looked_up(embeddings, ids)
    for each in (int4_tables, stamp, full_arrays, deduplicate):
        each.apply(file, facts)
    return file.write()


@pytest.mark.parametrize("shape", [(41, 2), (41, 6), (500, 10), (9_000, 16)], ids=str)
def test_a_table_of_even_width_is_looked_up_as_its_portable_form(shape: tuple[int, int], tmp_path: Path) -> None:
    portable, encoded = (native(FULL(*shape), 1, "int4_row", target) for target in (OLD, NEW))
    assert encoded.payload_bytes == portable.payload_bytes
    made = [with_every_pass(encoded, shape[0]) for _ in range(2)]
    assert made[0] == made[1]
    summary = flatbuffer.read(made[0])
    [table] = [tensor for tensor in summary.constants if tensor.dtype == INT4]
    assert (table.shape, table.buffer_bytes) == (shape, shape[0] * shape[1] // 2)
    stored = flatbuffer.buffer_of(made[0], table)
    np.testing.assert_array_equal(stored, encoded.tables["table"].arrays[INT4].reshape(-1).view(np.uint8))
    names = {operator.name: operator.version for operator in summary.operators}
    assert names == {"GATHER": 7, "CAST": 6, "MUL": 1}
    assert summary.minimum_runtime == lint.minimum_runtime(summary) == "2.15.0"
    outcome = asked(made[0], every(shape[0]), "litert", tmp_path)
    expected = portable.lookup(np.arange(shape[0], dtype=np.int32))
    assert outcome.outputs["vectors"].tobytes() == expected.tobytes()
    refused = asked(made[0], every(shape[0]), OLD, tmp_path, works=False)
    assert "Didn't find op for builtin opcode" in refused.measurement.message


def test_lint_lets_such_a_file_pass_for_the_runtimes_that_have_it_alone() -> None:
    embeddings = {"vectors": native(FULL(40, 8))}
    file = looked_up(embeddings, 40)
    int4_tables.apply(file, facts_of(embeddings))
    unstamped = file.write()
    assert "its operations need 2.15.0" in " ".join(lint.check(flatbuffer.read(unstamped), NEW))
    problems = " ".join(lint.check(flatbuffer.read(unstamped), OLD))
    assert "CAST of int4 " in problems
    assert "is stamped version 3 but needs version 6" in problems
    stamp.apply(file, facts_of(embeddings))
    summary = flatbuffer.read(file.write())
    assert {name: lint.check(summary, name) for name in GATHERING} == dict.fromkeys(GATHERING, ())
    refused = " ".join(lint.check(summary, OLD))
    for reason in ("GATHER version 7 came with", "CAST version 6 came with", "has no kernel for it"):
        assert reason in refused


def test_equal_tables_are_packed_both() -> None:
    embeddings = {name: native(FULL(40, 8), 3, "int4_row") for name in ("one", "two")}
    file = looked_up(embeddings, 40)
    int4_tables.apply(file, facts_of(embeddings))
    summary = flatbuffer.read(file.write())
    assert {tensor.dtype for tensor in summary.constants if tensor.shape == (40, 8)} == {INT4}


def test_a_file_without_int4_tables_is_left_as_it_is() -> None:
    embeddings = {"vectors": native(FULL(40, 8), target=OLD)}
    file = looked_up(embeddings, 40)
    content = file.write()
    file = ModelFile(content)
    int4_tables.apply(file, facts_of(embeddings))
    assert file.write() == content


def test_a_table_that_the_file_lacks_or_reads_otherwise_is_an_error() -> None:
    encoded = native(FULL(40, 8))
    file = looked_up({"vectors": encoded}, 40)
    with pytest.raises(OnDeviceError, match="does not hold int4 table 'vectors/table' as it was given"):
        int4_tables.apply(file, facts_of({"vectors": native(FULL(40, 8), seed=1)}))

    def uncast(ids: Any) -> dict[str, Any]:
        rows = TensorFlowOps().gather_int4(encoded.tables["table"].arrays[INT4], ids)
        return {"vectors": tf.reshape(rows, [-1])}

    with pytest.raises(OnDeviceError, match=r"operation RESHAPE reads int4 table 'vectors/table'; allowed is CAST"):
        int4_tables.apply(file_of(uncast, 40), facts_of({"vectors": encoded}))
