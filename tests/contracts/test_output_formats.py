"""Every output layer in every format in a real file: scores near Keras' on both runtimes, and the best items exact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ondevice.converters import dense, flatbuffer, lint
from ondevice.converters.model_file import ModelFile
from ondevice.converters.output import LoweredOutput, lower_output, output_problems
from ondevice.converters.passes import deduplicate, stamp
from ondevice.converters.tflite import SIGNATURE
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.ids import RESERVED_IDS
from ondevice.models.output import Output
from ondevice.models.output_parts import FORMATS
from ondevice.models.scores import SCORES
from ondevice.quantize import recipe as recipes
from ondevice.quantize.encode import encode
from ondevice.topk.parts import FLOAT32, INT4, INT8
from tests.contracts.test_outputs import embedding_of, network
from tests.converters.look_ups import file_of
from tests.converters.tiny_models import passed
from tests.samples import OUTPUTS, SIZE

OLD, NEW = "tflite-2.14", "litert-2.3"
RECIPES = {FLOAT32: "float32", INT8: "int8", INT4: "int4_output"}
STEPS = {FLOAT32: 0.01, INT8: 3.0, INT4: 40.0}
"""Largest error of a score, in steps of 1/255 of the range of the reference scores, of layers with random weights."""
HISTORIES, TOP_K = 12, 9
EXCLUDED = (5, 17, 17, 0)


class Scored:
    """One function that scores with every output layer: `ids` to scores of all ids and the best items of each."""

    def __init__(self, number_format: str) -> None:
        self.lowered: dict[str, LoweredOutput] = {}
        self.hidden: dict[str, np.ndarray] = {}
        self.expected: dict[str, np.ndarray] = {}
        rng = np.random.default_rng(0)
        for name, member in OUTPUTS.items():
            model = network(member)
            values = model.get_layer("embedding").table_values()
            recipe = recipes.load(RECIPES[number_format])
            encoded = encode(embedding_of(member), values, recipe, member.reads_whole, member.layouts)
            layer = model.get_layer(SCORES)
            self.lowered[name] = lower_output(member, layer.values(), number_format, encoded, values)
            self.hidden[name] = np.tanh(rng.standard_normal((HISTORIES, member.width))).astype(np.float32)
            self.expected[name] = np.array(layer(self.hidden[name]))

    @tf.autograph.experimental.do_not_convert
    def answer(self, ids: Any) -> dict[str, Any]:
        found = {}
        place, excluded = tf.minimum(ids[:, 0], 0), tf.constant([EXCLUDED], tf.int32)
        for name, output in self.lowered.items():
            hidden = tf.gather(self.hidden[name], ids[:, 0])
            key = name.replace(" ", "_")
            found[f"{key}_all"] = output.member.scores(hidden, output.arrays, place)
            found[f"{key}_items"], found[f"{key}_scores"] = output.best(hidden, excluded, TOP_K, place)
        return found


@pytest.fixture(scope="module", params=FORMATS)
def scored(request: pytest.FixtureRequest) -> tuple[str, Scored, bytes]:
    module = Scored(request.param)
    return request.param, module, file_of(module.answer, 1).write()


@pytest.fixture(scope="module", params=[(OLD, "tflite-2.14"), (NEW, "litert")], ids="-".join)
def answered(
    scored: tuple[str, Scored, bytes], request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Scored, bytes, dict[str, np.ndarray]]:
    """Return a file and its answers; for a newer target, every row has a scale of its own where it may."""
    number_format, module, content = scored
    target, runtime = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense, "LONG_ROW", 1)
        quantized = dense.quantize_dense(ModelFile(content), number_format, target)
        content = passed(quantized.write(), stamp, deduplicate)
    assert lint.check(flatbuffer.read(content), target) == ()
    path: Path = tmp_path_factory.mktemp("scored") / "model.tflite"
    path.write_bytes(content)
    ids = np.arange(HISTORIES, dtype=np.int32).reshape(-1, 1, 1)
    outcome = Host().run(Job(path, runtime, SIGNATURE, {"ids": ids}, warmups=0))
    assert outcome.measurement.ok, outcome.measurement.message
    expected = "int8_per_channel" if target == NEW else "int8_per_tensor"
    assert number_format == FLOAT32 or expected in dense.dense_format(flatbuffer.read(content))
    return number_format, module, content, outcome.outputs


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_scores_are_those_of_keras(name: str, answered: tuple[str, Scored, bytes, dict[str, np.ndarray]]) -> None:
    number_format, module, _, outputs = answered
    expected = module.expected[name]
    error = np.abs(outputs[f"{name.replace(' ', '_')}_all"][:, 0] - expected)
    steps = 255 * error.max(axis=1) / np.ptp(expected, axis=1)
    assert steps.max() <= STEPS[number_format]


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_best_items_are_exact(name: str, answered: tuple[str, Scored, bytes, dict[str, np.ndarray]]) -> None:
    """Against the scores of the same file, of equal ones the smaller id first."""
    _, _, _, outputs = answered
    key = name.replace(" ", "_")
    for scores, items, values in zip(
        *(outputs[f"{key}_{part}"][:, 0] for part in ("all", "items", "scores")), strict=True
    ):
        order = np.lexsort((np.arange(SIZE), -scores))
        expected = [item for item in order if item >= RESERVED_IDS and item not in EXCLUDED][:TOP_K]
        assert items.tolist() == expected
        np.testing.assert_array_equal(values, scores[expected])


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_the_file_holds_what_is_declared(name: str, answered: tuple[str, Scored, bytes, dict[str, np.ndarray]]) -> None:
    number_format, module, content, _ = answered
    output, summary = module.lowered[name], flatbuffer.read(content)
    assert list(output_problems(content, summary, output)) == []
    parts = output.member.parts(number_format, output.arrays)
    for part in parts:
        found = [
            each for each in summary.constants if (each.dtype, each.buffer_bytes) == (part.dtype, part.payload_bytes)
        ]
        assert found, part
        if part.dtype == INT4:
            changed = output.arrays[part.name].copy()
            changed[2, 1] -= np.sign(changed[2, 1]) or 1
            wrong = replace(output, arrays={**output.arrays, part.name: changed})
            assert len(list(output_problems(content, summary, wrong))) == 1, "one number that is off by one is noticed"
    assert any(part.dtype == INT4 for part in parts) == (number_format == INT4 and packs(output.member))


def packs(member: Output) -> bool:
    """Tell whether a layer has matrices of its own that four bits suit."""
    return type(member).__name__ in ("Dense", "LowRank", "LocalLowRank")
