"""Every way of every method in one model: exact for every id on every runtime, and with no operation too many."""

from __future__ import annotations

import functools
from pathlib import Path

import keras
import numpy as np
import pytest

from ondevice.converters.convert import convert
from ondevice.converters.converted import Converted
from ondevice.converters.model_file import ModelFile
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.devices.runtimes import DEFAULT_TARGET
from ondevice.embeddings.every_id import reference_lookup
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import Method
from ondevice.feature import Feature
from ondevice.head import values
from ondevice.quantize import recipe as recipes
from ondevice.training.choose import choose_method
from tests.conftest import GOLDEN_FOLDER
from tests.samples import sample_tables
from tests.tiny_runs import ITEMS, VARIANTS, tiny_config

OPERATIONS_FILE = "operations.md"
SIZE, LENGTH = ITEMS + 2, 48
NAMES = [variant for variant, settings in VARIANTS.items() if "output" not in settings]


@functools.cache
def method_of(variant: str) -> Method:
    return choose_method(tiny_config(variant), SIZE)


@functools.cache
def tables_of(variant: str) -> dict[str, np.ndarray]:
    return sample_tables(method_of(variant), NAMES.index(variant))


@functools.cache
def converted() -> Converted:
    """Return a file with a layer for each variant, all of which look up the same input."""
    ids = keras.Input((LENGTH,), dtype="int32", name="ids")
    layers = {variant: CompressedEmbedding.of(method_of(variant), name=variant.replace(" ", "_")) for variant in NAMES}
    model = keras.Model(ids, {layer.name: layer(ids) for layer in layers.values()})
    for variant, layer in layers.items():
        layer.write_tables(tables_of(variant))
    features = [Feature("ids", "ids", (1, LENGTH), "int32", SIZE, 1, 0, 2)]
    return convert(model, features, values(), recipes.load("float32"), DEFAULT_TARGET)


@pytest.mark.parametrize("runtime", Host().installed())
def test_every_id_is_looked_up_exactly(runtime: str, tmp_path: Path) -> None:
    """The expected vectors are computed from the tables by the reference, without anything of the conversion."""
    path = tmp_path / "model.tflite"
    path.write_bytes(converted().content)
    every = np.arange(SIZE, dtype=np.int32)
    ids = np.pad(every, (0, -SIZE % LENGTH)).reshape(-1, 1, LENGTH)
    outcome = Host().run(Job(path, runtime, converted().signature, {"ids": ids}, warmups=0))
    assert outcome.measurement.ok, outcome.measurement.message
    for variant in NAMES:
        expected = reference_lookup(method_of(variant), tables_of(variant), every)
        found = outcome.outputs[variant.replace(" ", "_")].reshape(-1, expected.shape[1])[:SIZE]
        np.testing.assert_array_equal(found, expected, variant)


def test_what_a_look_up_costs_is_documented() -> None:
    """And does not change unnoticed; there is no row too many."""
    rows = [operations_row(variant) for variant in NAMES]
    lines = (GOLDEN_FOLDER / OPERATIONS_FILE).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("| ")][2:] == rows


def operations_row(variant: str) -> str:
    """Return a row of the table: the operations from ids that were checked to their vectors."""
    file = ModelFile(converted().content)
    [call] = converted().layers[variant.replace(" ", "_")].calls
    places = {(tensor.name or b"").decode(): place for place, tensor in enumerate(file.graph.tensors)}
    names = [file.name_of(operator) for operator in file.between(places[call.ids], places[call.vectors])]
    counted = ", ".join(f"{names.count(name)} {name}" if names.count(name) > 1 else name for name in sorted(set(names)))
    return f"| {variant} | {len(names)} | {counted} |"
