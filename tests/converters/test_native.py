"""Native int4 tables: runtimes that have them answer as with the portable form, and no other gets such a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from converters import flatbuffer, lint
from converters import target as targets
from converters.lower import EncodedLookup
from converters.native import pack_int4, with_native_tables
from converters.sharing import share_constants
from converters.stamp import stamped
from converters.stand_ins import with_stand_ins
from converters.tflite import SIGNATURE, convert
from ondevice.devices.device import Job, Outcome
from ondevice.devices.kinds.host import Host
from ondevice.embeddings.method import Method, registry
from ondevice.errors import OnDeviceError
from ondevice.quantize import recipe as recipes
from ondevice.quantize.encode import EncodedEmbedding, EncodedTable, encode
from ondevice.quantize.scheme import INT4
from tests.samples import METHODS, SIZE, sample_tables

OLD, NEW = "tflite-2.14", "litert-2.3"
GATHERING = [name for name in targets.names() if targets.load(name).int4_gather]
FULL = registry.load("full")


class Vectors(tf.Module):
    """The look-up of every id of some embeddings: `ids` to one output per embedding."""

    def __init__(self, embeddings: dict[str, EncodedEmbedding], ids: int) -> None:
        super().__init__()
        self.layers = {name: EncodedLookup(encoded, name="embedding") for name, encoded in embeddings.items()}
        self.function = tf.function(self.answer, input_signature=[tf.TensorSpec([1, ids], tf.int32, name="ids")])

    def answer(self, ids: Any) -> dict[str, Any]:
        return {name: layer(ids) for name, layer in self.layers.items()}


def native(method: Method, seed: int = 0, recipe: str = "int4", target: str = NEW) -> EncodedEmbedding:
    return with_native_tables(encode(method, sample_tables(method, seed), recipes.load(recipe)), target)


def joined(embeddings: dict[str, EncodedEmbedding]) -> EncodedEmbedding:
    """Return one embedding with the tables of all, which is all that packing asks for."""
    tables: dict[str, EncodedTable] = {
        f"{name} {table}": entry for name, each in embeddings.items() for table, entry in each.tables.items()
    }
    return EncodedEmbedding(next(iter(embeddings.values())).method, tables)


def asked(content: bytes, ids: int, runtime: str, folder: Path) -> Outcome:
    (folder / "model.tflite").write_bytes(content)
    every = np.arange(ids, dtype=np.int32)[None, None]
    return Host().run(Job(folder / "model.tflite", runtime, SIGNATURE, {"ids": every}, warmups=0))


def test_every_id_by_every_method_is_exact_on_litert(tmp_path: Path) -> None:
    embeddings = {name.replace(" ", "_"): native(method, seed) for seed, (name, method) in enumerate(METHODS.items())}
    stored = {entry.storage for each in embeddings.values() for entry in each.tables.values()}
    assert stored == {"", INT4}
    content = stamped(pack_int4(convert(Vectors(embeddings, SIZE)), joined(embeddings)))
    outcome = asked(content, SIZE, "litert", tmp_path)
    assert outcome.measurement.ok, outcome.measurement.message
    ids = np.arange(SIZE, dtype=np.int32)
    expected = {name: each.lookup(ids) for name, each in embeddings.items()}
    assert set(outcome.outputs) == set(expected)
    assert [name for name, rows in expected.items() if not np.array_equal(outcome.outputs[name][0, 0], rows)] == []


@pytest.mark.parametrize("shape", [(41, 2), (41, 6), (500, 10), (9_000, 16)], ids=str)
def test_a_table_of_even_width_is_looked_up_as_its_portable_form(shape: tuple[int, int], tmp_path: Path) -> None:
    portable = encode(FULL(*shape), sample_tables(FULL(*shape), 1), "int4_row")
    encoded = with_native_tables(portable, NEW)
    assert encoded.payload_bytes == portable.payload_bytes
    short, stand_ins = with_stand_ins(encoded)
    made = [
        share_constants(stamped(pack_int4(convert(Vectors({"vectors": short}, shape[0])), short)), stand_ins)
        for _ in range(2)
    ]
    assert made[0] == made[1]
    summary = flatbuffer.read(made[0])
    [table] = [tensor for tensor in summary.constants if tensor.dtype == INT4]
    assert (table.shape, table.buffer_bytes) == (shape, shape[0] * shape[1] // 2)
    stored = flatbuffer.buffer_of(made[0], table)
    np.testing.assert_array_equal(stored, encoded.tables["table"].arrays[INT4].reshape(-1).view(np.uint8))
    names = {operator.name: operator.version for operator in summary.operators}
    assert names == {"GATHER": 7, "CAST": 6, "MUL": 1}
    assert summary.minimum_runtime == lint.minimum_runtime(summary) == "2.15.0"
    outcome = asked(made[0], shape[0], "litert", tmp_path)
    assert outcome.measurement.ok, outcome.measurement.message
    expected = portable.lookup(np.arange(shape[0], dtype=np.int32))
    assert outcome.outputs["vectors"].tobytes() == expected.tobytes()
    assert "Didn't find op for builtin opcode" in asked(made[0], shape[0], OLD, tmp_path).measurement.message


def test_lint_lets_such_a_file_pass_for_the_runtimes_that_have_it_alone() -> None:
    encoded = native(FULL(40, 8))
    unstamped = pack_int4(convert(Vectors({"vectors": encoded}, 40)), encoded)
    problems = " ".join(lint.check(flatbuffer.read(unstamped), NEW))
    assert "CAST of the int4 tensor " in problems
    assert "is stamped version 3 but needs version 6" in problems
    summary = flatbuffer.read(stamped(unstamped))
    assert {name: lint.check(summary, name) for name in GATHERING} == dict.fromkeys(GATHERING, ())
    refused = " ".join(lint.check(summary, OLD))
    for reason in ("GATHER version 7 came with", "CAST version 6 came with", "has no kernel for it"):
        assert reason in refused


def test_elsewhere_the_portable_form_stays_with_the_reason() -> None:
    method = METHODS["memcom block"]
    portable = encode(method, sample_tables(method, 2), "int4_row")
    old, new = (with_native_tables(portable, name) for name in (OLD, NEW))
    assert (new.tables["shared"].storage, new.tables["shared"].portable) == (INT4, "")
    assert (old.tables["shared"].storage, old.tables["shared"].portable) == (
        "",
        "tflite-2.14 does not gather rows of an int4 table",
    )
    assert old.tables["shared"].arrays is portable.tables["shared"].arrays
    odd = native(FULL(40, 7)).tables["table"]
    assert (odd.scheme, odd.storage, odd.portable) == (
        "int4_row",
        "",
        "rows of 7 do not fill whole bytes, so that runtimes would read wrong ones",
    )
    plain = native(FULL(40, 8), recipe="int8").tables["table"]
    assert (plain.storage, plain.portable) == ("", "")


def test_equal_tables_are_packed_both() -> None:
    values = sample_tables(FULL(40, 8), 3)
    embeddings = {name: with_native_tables(encode(FULL(40, 8), values, "int4_row"), NEW) for name in ("one", "two")}
    summary = flatbuffer.read(pack_int4(convert(Vectors(embeddings, 40)), joined(embeddings)))
    assert {tensor.dtype for tensor in summary.constants if tensor.shape == (40, 8)} == {INT4}


def test_a_file_without_int4_tables_is_left_as_it_is() -> None:
    content = convert(Vectors({"vectors": native(FULL(40, 8), target=OLD)}, 40))
    assert pack_int4(content, native(FULL(40, 8), target=OLD)) is content


def test_a_table_that_the_file_lacks_or_reads_otherwise_is_an_error() -> None:
    encoded = native(FULL(40, 8))
    content = convert(Vectors({"vectors": encoded}, 40))
    with pytest.raises(OnDeviceError, match="does not hold int4 table 'table' as it was given"):
        pack_int4(content, native(FULL(40, 8), seed=1))

    class Uncast(Vectors):
        def answer(self, ids: Any) -> dict[str, Any]:
            from ondevice.embeddings.tensorflow_ops import TensorFlowOps

            rows = TensorFlowOps().gather_int4(encoded.tables["table"].arrays[INT4], ids)
            return {"vectors": tf.reshape(rows, [-1])}

    with pytest.raises(OnDeviceError, match=r"operation RESHAPE reads int4 table 'table'; allowed is CAST"):
        pack_int4(convert(Uncast({}, 40)), encoded)
