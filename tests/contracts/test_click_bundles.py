"""What a model of a click log does on its whole way."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ondevice import bundle as bundles
from ondevice import records
from ondevice.bundle import Bundle
from ondevice.converters import flatbuffer
from ondevice.converters.convert import convert
from ondevice.data.vocabulary import Vocabulary
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.devices.runtimes import DEFAULT_TARGET
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import registry as methods
from ondevice.errors import UsageError
from ondevice.feature import Feature
from ondevice.head import values
from ondevice.models.network import load_network
from ondevice.models.output import registry as outputs
from ondevice.models.pooling import JoinedFields
from ondevice.pipeline.export_run import export_run
from ondevice.pipeline.validate import validate_run
from ondevice.quantize import recipe as recipes
from ondevice.tokenizer import FIELDS, Tokenizer
from ondevice.training.choose import choose_output
from ondevice.training.run_folder import Run
from tests.contracts.task_bundles import Exporting, copied, exporter, failed_checks
from tests.contracts.test_exports import BUILTINS
from tests.known_bad.good_bundles import reseal, reseal_input
from tests.samples import METHODS, SIZE
from tests.tiny_runs import CLICK_VARIANTS, tiny_clicks, tiny_config

EXPORTED = [("clicks full", "float32"), ("clicks memcom", "int8"), ("clicks mixed_dimension", "int4")]
NAMED = ("user", "ad", "site", "position")
NAMES = methods.names()
FIELDS_OF_A_LINE = len(NAMED)


@pytest.fixture(scope="module")
def exporting(tiny_run, tmp_path_factory) -> Exporting:
    return exporter(tiny_run, tmp_path_factory.mktemp("bundles"))


@pytest.fixture(params=EXPORTED, ids="-".join)
def exported(request: pytest.FixtureRequest, exporting) -> tuple[Run, Bundle]:
    return exporting(*request.param)


@pytest.fixture
def good(exporting) -> tuple[Run, Bundle]:
    return exporting(*EXPORTED[1])


def test_a_click_bundle_is_as_it_was_agreed(exported: tuple[Run, Bundle]) -> None:
    _, bundle = exported
    manifest = bundle.manifest
    tokenizer = Tokenizer(FIELDS, lowercase=False, fields=NAMED)
    assert (manifest.task, manifest.head.labels, manifest.inputs[0].tokenizer) == ("clicks", ("click",), tokenizer)
    assert (manifest.signature, manifest.inputs[0].shape, manifest.head.k) == ("score", (1, 4), 1)
    summary = flatbuffer.read(bundle.model)
    [signature] = summary.signatures
    assert [(each.name, each.shape, each.dtype) for each in signature.inputs] == [("ids", (1, 4), "int32")]
    assert {(each.name, each.shape, each.dtype) for each in signature.outputs} == {
        ("labels", (1, 1), "int32"), ("scores", (1, 1), "float32"),
    }  # fmt: skip
    assert set(summary.op_histogram) <= BUILTINS
    for vector in bundle.vectors.vectors:
        assert (vector.outputs["labels"], vector.keys, vector.ranges) == ((0,), ("click",), {"scores": 1})
        assert 0 < vector.outputs["scores"][0] < 1
    assert {"auc", "log loss", "calibration", "lines"} == set(manifest.training.quality)


def test_lines_become_ids_by_the_values_of_the_vocabulary(exported: tuple[Run, Bundle]) -> None:
    """Written without the product's own way from lines to ids."""
    _, bundle = exported
    keys = (bundle.folder / "vocab.txt").read_text().split("\n")[:-1]
    seen: set[int] = set()
    for each in bundle.vectors.texts:
        lines = [line.strip(" \t\r") for line in each.text.split("\n")]
        ids = []
        for field in NAMED:
            own = [line for line in lines if line[: len(field) + 1] == field + "="] or [field + "="]
            ids.append(keys.index(own[-1]) if own[-1] in keys else 1)
        assert list(each.ids) == ids
        seen.update(ids)
    assert 1 in seen
    assert {keys[number].partition("=")[0] for number in seen if number > 1} == set(NAMED)


def test_the_file_answers_as_the_model_on_every_runtime(exported: tuple[Run, Bundle]) -> None:
    run, bundle = exported
    verdict = validate_run(bundle.folder, run.folder)
    assert verdict.valid
    assert [result.measurement.runtime for result in verdict.results] == ["tflite-2.14", "litert"]
    clicked, evaluation = tiny_clicks().test.labels, run.evaluation()
    area = roc_auc_score(clicked, evaluation.scores[:, 0])
    assert run.result.test["auc"] == pytest.approx(area)
    assert area > 0.65, "planted tastes are learned"
    assert 0.8 < run.result.test["calibration"] < 1.25
    for result in verdict.results:
        assert (result.quality.metric, result.quality.users) == ("auc", len(clicked))
        assert result.quality.reference == pytest.approx(area)
        low, high = result.quality.interval
        assert low <= result.quality.relative_change <= high


def test_a_single_line_is_scored_the_way_an_app_asks(good: tuple[Run, Bundle]) -> None:
    run, bundle = good
    manifest, data = bundle.manifest, tiny_clicks()
    lines = ["\n".join(data.item_keys[value] for value in line if value >= 0) for line in data.test.keys]
    vocabulary = Vocabulary.read(bundle.folder / "vocab.txt")
    [feature] = manifest.inputs
    ids = vocabulary.text_ids(lines, feature.tokenizer, feature.length)
    outcome = Host().run(Job(bundle.model, "litert", "score", {"ids": ids[:, None]}, warmups=0))
    scores = outcome.outputs["scores"][:, 0, 0]
    assert (outcome.outputs["labels"] == 0).all()
    known = (data.test.keys.values >= 0).reshape(len(lines), -1).all(axis=1)
    assert known.mean() > 0.9
    # Tables of 8 bits: the probabilities are not the float model's, but near.
    np.testing.assert_allclose(scores[known], run.evaluation().scores[known, 0], atol=0.02)


def test_the_place_of_a_value_counts(good: tuple[Run, Bundle]) -> None:
    """The same ids in other fields are another line, which an average would not notice."""
    run, _ = good
    model = load_network(run.model)
    ids = np.array([[5, 6, 7, 8], [8, 7, 6, 5], [5, 6, 7, 0]], np.int32)
    scores = model.predict(ids, verbose=0)[:, 0]
    assert len(set(scores.tolist())) == 3


def test_fields_in_another_order_are_caught(good: tuple[Run, Bundle], tmp_path: Path) -> None:
    _, bundle = good
    folder = copied(bundle, tmp_path)
    reseal_input(folder, tokenizer=Tokenizer(FIELDS, lowercase=False, fields=NAMED[::-1]))
    assert failed_checks(folder) == {"vocabulary"}


@pytest.mark.parametrize("broken", ["turned round", "without the logistic function", "of two fields exchanged"])
def test_a_file_that_answers_with_something_else_is_caught(
    good: tuple[Run, Bundle], tmp_path: Path, broken: str
) -> None:
    from tests.known_bad.model_edits import edited

    _, bundle = good
    folder = copied(bundle, tmp_path)
    with edited(folder / bundles.MODEL_FILE) as graph:
        if broken == "turned round":
            one = graph.add_constant("one", np.array([[1]], np.float32))
            changed = graph.add_tensor("changed", [1, 1], "float32")
            graph.add_operator("SUB", 1, [one, graph.output("scores").tensorIndex], changed, before=None)
            graph.redirect_output("scores", changed)
        elif broken == "without the logistic function":
            [logistic] = [
                each for each in graph.graph.operators if each.outputs[0] == graph.output("scores").tensorIndex
            ]
            graph.redirect_output("scores", int(logistic.inputs[0]))
        else:
            [signature] = graph.model.signatureDefs
            ids = signature.inputs[0].tensorIndex
            order = graph.add_constant("order", np.array([1, 0, 2, 3], np.int32))
            picked = graph.add_tensor("picked", [1, 4], "int32")
            for operator in graph.graph.operators:
                operator.inputs = [picked if tensor == ids else tensor for tensor in operator.inputs]
            gather = graph.add_operator("GATHER", 1, [ids, order], picked, graph.graph.operators[0])
            graph.set_options(gather, "GatherOptions", axis=1, batchDims=0)
    reseal(folder)
    verdict = validate_run(folder)
    assert {failure.check for result in verdict.results for failure in result.failures} >= {"values"}


def test_every_method_has_its_vectors_in_the_file() -> None:
    """Several look-ups end with a reshape, which must not become one with that of the fields."""
    methods_of = {name: next(each for sample, each in METHODS.items() if sample.split()[0] == name) for name in NAMES}
    ids = keras.Input((FIELDS_OF_A_LINE,), dtype="int32", name="ids")
    joined = [JoinedFields()(CompressedEmbedding.of(method, name=name)(ids)) for name, method in methods_of.items()]
    model = keras.Model(ids, {name: keras.layers.Dense(1)(each) for name, each in zip(NAMES, joined, strict=True)})
    features = [Feature("ids", "ids", (1, FIELDS_OF_A_LINE), "int32", SIZE, 1, 0, 2)]
    converted = convert(model, features, values(), recipes.load("int8"), DEFAULT_TARGET)
    assert sorted(converted.layers) == sorted(NAMES)
    summary = converted.summary
    shapes = {tensor.name: tensor.shape for tensor in summary.tensors}
    for name, layer in converted.layers.items():
        [call] = layer.calls
        # What joins the fields takes it as it is, so that it is not a tensor before the last one.
        assert shapes[call.vectors] == (1, FIELDS_OF_A_LINE, methods_of[name].output_width)
        [found] = [tensor.index for tensor in summary.tensors if tensor.name == call.vectors]
        assert [each.name for each in summary.operators if found in each.inputs] in (["GATHER"], ["RESHAPE"])


@pytest.mark.parametrize("name", outputs.names())
def test_one_score_takes_no_output_layer_but_a_dense_one(name: str, tiny_run) -> None:
    run = tiny_run("clicks memcom")
    config = tiny_config("clicks memcom", output=name)
    if name == "dense":
        output = choose_output(config, run.method(), "clicks", ("click",))
        assert (output.vocabulary_size, output.width) == (1, 16)
        # Without a hidden layer the vectors of all fields come before it.
        output = choose_output(dataclasses.replace(config, hidden=()), run.method(), "clicks", ("click",))
        assert (output.vocabulary_size, output.width) == (1, 64)
        config = dataclasses.replace(config, output_ratio=4.0)
    with pytest.raises(UsageError, match=r"output is .*; allowed is 'dense' at 1 for lines, which have 1 label only"):
        choose_output(config, run.method(), "clicks", ("click",))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"k": 2}, "top_k is 2; allowed is 1, since every answer has all labels"),
        ({"exclude_history": True}, "exclude_history is True; allowed is False for a clicks model"),
    ],
)
def test_an_export_that_clicks_do_not_have_is_refused(options: dict, says: str, tiny_run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says):
        export_run(tiny_run("clicks memcom").folder, tmp_path / "bundle", **options)
    assert not (tmp_path / "bundle").exists()


def test_test_lines_without_their_ids_are_caught(good: tuple[Run, Bundle], tmp_path: Path) -> None:
    _, bundle = good
    folder = copied(bundle, tmp_path)
    records.write(folder / bundles.TEST_VECTORS_FILE, dataclasses.replace(bundle.vectors, texts=()))
    reseal(folder)
    assert failed_checks(folder) == {"vocabulary"}


def test_variants_are_all_used() -> None:
    assert {variant for variant, _ in EXPORTED} == set(CLICK_VARIANTS)
