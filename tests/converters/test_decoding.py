"""Every table encoding on the device: rows decoded by both runtimes equal NumPy's, and tables are stored encoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ondevice.converters import flatbuffer, lint
from ondevice.converters.tflite import SIGNATURE
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.embeddings.method import registry as methods
from ondevice.embeddings.ops import NumpyOps
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.quantize import recipe as recipes
from ondevice.quantize.encode import EncodedEmbedding, encode
from ondevice.quantize.scheme import CODES, Arrays, registry
from tests.converters.look_ups import file_of
from tests.samples import sample_tables

SHAPES = [(41, 1), (41, 2), (41, 3), (41, 5), (500, 1), (500, 6), (500, 7)]
"""Widths that fill bytes and such that do not, tables with scales as float32 and, of 500 rows, as bytes."""
IDS = 500


class Decoding:
    """One function that decodes a row of every table: `ids` to `SCHEME_ROWS_WIDTH`."""

    def __init__(self, schemes: list[str]) -> None:
        rng = np.random.default_rng(0)
        self.tables: dict[str, tuple[str, Arrays, tuple[int, int]]] = {}
        for scheme in schemes:
            for rows, width in SHAPES:
                values = (rng.standard_normal((rows, width)) * rng.lognormal(0, 1, (rows, 1))).astype(np.float32)
                values[3] = 0
                arrays = registry.load(scheme)().encode(values)
                self.tables[f"{scheme}_{rows}_{width}"] = scheme, arrays, (rows, width)

    def decode(self, ids: Any) -> dict[str, Any]:
        return self._rows(ids, TensorFlowOps())

    def expected(self, ids: np.ndarray) -> dict[str, np.ndarray]:
        return self._rows(ids, NumpyOps())

    def _rows(self, ids: Any, xp: Any) -> dict[str, Any]:
        # Tables of fewer rows are asked for their last row again.
        return {
            name: registry.load(scheme)().decode(arrays, xp.minimum(ids, shape[0] - 1), xp, shape[1])
            for name, (scheme, arrays, shape) in self.tables.items()
        }


@pytest.fixture(scope="module")
def decoding(tmp_path_factory: pytest.TempPathFactory) -> tuple[Decoding, Path]:
    module, path = Decoding(registry.names()), tmp_path_factory.mktemp("decoding") / "model.tflite"
    path.write_bytes(file_of(module.decode, IDS).write())
    return module, path


@pytest.mark.parametrize("runtime", ["tflite-2.14", "litert"])
def test_runtimes_decode_as_numpy(decoding: tuple[Decoding, Path], runtime: str) -> None:
    module, path = decoding
    ids = np.random.default_rng(1).permutation(IDS).astype(np.int32)[None, :]
    outcome = Host().run(Job(path, runtime, SIGNATURE, {"ids": ids[None]}, warmups=0))
    assert outcome.measurement.ok, outcome.measurement.message
    expected = module.expected(ids)
    assert set(outcome.outputs) == set(expected)
    assert [name for name, rows in expected.items() if not np.array_equal(outcome.outputs[name][0], rows)] == []


def test_tables_are_stored_as_encoded_and_nothing_is_expanded(decoding: tuple[Decoding, Path]) -> None:
    module, path = decoding
    model, summary = path.read_bytes(), flatbuffer.read(path)
    assert lint.check(summary, "tflite-2.14") == ()
    found = [(tensor.dtype, flatbuffer.buffer_of(model, tensor).ravel()) for tensor in summary.constants]
    arrays = [array for _, stored, _ in module.tables.values() for array in stored.values()]
    for array in arrays:
        assert any(dtype == array.dtype.name and np.array_equal(stored, array.ravel()) for dtype, stored in found)
    # Beside the tables there are the numbers that the arithmetic needs, each a few bytes, and places of slices.
    assert summary.weight_bytes - sum(array.nbytes for array in arrays) < 200


METHODS = {
    **{name: methods.load(name).for_ratio(IDS, 16, 2.5) for name in methods.names() if name != "full"},
    "full": methods.load("full")(IDS, 7),
    "memcom_block": methods.load("memcom")(IDS, 7, 20, "block"),
    "memcom_bias_block": methods.load("memcom")(IDS, 6, 20, "block", bias=True),
    "path_based_three": methods.load("path_based").for_ratio(IDS, 16, 1.5, hidden=1, partitions=3),
    "quotient_remainder_odd": methods.load("quotient_remainder")(IDS, 9, 20, 26),
}


class LookUps:
    """One function that looks ids up by every method with every scheme and recipe: `ids` to `METHOD_ENCODING`."""

    def __init__(self) -> None:
        encodings = [*map(recipes.single, registry.names()), *map(recipes.load, ("int4", "mixed"))]
        self.encoded: dict[str, EncodedEmbedding] = {
            f"{name}_{recipe.name}": encode(method, sample_tables(method, 0), recipe)
            for name, method in METHODS.items()
            for recipe in encodings
        }

    def look_up(self, ids: Any) -> dict[str, Any]:
        xp = TensorFlowOps()
        return {name: each.method.lookup(ids, each.rows(xp), xp) for name, each in self.encoded.items()}


@pytest.fixture(scope="module")
def look_ups(tmp_path_factory: pytest.TempPathFactory) -> tuple[LookUps, Path]:
    module, path = LookUps(), tmp_path_factory.mktemp("look_ups") / "model.tflite"
    path.write_bytes(file_of(module.look_up, IDS).write())
    return module, path


@pytest.mark.parametrize("runtime", ["tflite-2.14", "litert"])
def test_look_ups_are_exact_for_every_id(look_ups: tuple[LookUps, Path], runtime: str) -> None:
    module, path = look_ups
    ids = np.arange(IDS, dtype=np.int32)
    outcome = Host().run(Job(path, runtime, SIGNATURE, {"ids": ids[None, None]}, warmups=0))
    assert outcome.measurement.ok, outcome.measurement.message
    expected = {name: encoded.lookup(ids) for name, encoded in module.encoded.items()}
    assert set(outcome.outputs) == set(expected)
    assert [name for name, rows in expected.items() if not np.array_equal(outcome.outputs[name][0, 0], rows)] == []


def test_every_scheme_is_really_used() -> None:
    used = {table.scheme for encoded in LookUps().encoded.values() for table in encoded.tables.values()}
    assert used - {CODES} == set(registry.names())
    narrow = {
        table.scheme
        for encoded in LookUps().encoded.values()
        for table in encoded.tables.values()
        if table.table.width == 1 and table.table.per_id
    }
    assert narrow == {"float32", "float16_rows", "int8_table", "int8_column", "uint8_block", "codebook8", "codebook4"}
