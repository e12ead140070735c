"""What every task must satisfy, and what a model of texts does on its whole way."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from ondevice import bundle as bundles
from ondevice import records
from ondevice import task as tasks
from ondevice import tasks as members
from ondevice.bundle import Bundle, TestVectors
from ondevice.converters import flatbuffer
from ondevice.data.reader import registry as readers
from ondevice.data.split_data import SplitData
from ondevice.data.vocabulary import Vocabulary
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.errors import UsageError
from ondevice.models.output import registry as outputs
from ondevice.pipeline.export_run import export_run
from ondevice.pipeline.validate import validate_run
from ondevice.tokenizer import Tokenizer
from ondevice.training.choose import choose_output
from ondevice.training.metrics import NAMES as METRICS
from ondevice.training.metrics import cut_off
from ondevice.training.run_folder import Run
from tests.contracts.task_bundles import Exporting, copied, exporter, failed_checks
from tests.contracts.test_exports import BUILTINS
from tests.known_bad.good_bundles import reseal, reseal_input
from tests.tiny_runs import TEXT_VARIANTS, tiny_config, tiny_texts

NAMES = tasks.names()
EXPORTED = [("text full", "float32"), ("text memcom", "int8"), ("text quotient_remainder", "mixed")]


NEW_TASK = """
from ondevice.tasks.ranking import Ranking


class Tracks(Ranking):
    item, example, top_k = "track", "listener", 50
"""


def test_a_file_is_a_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tracks.py").write_text(NEW_TASK)
    monkeypatch.setattr("ondevice.tasks.__path__", [*members.__path__, str(tmp_path)])
    monkeypatch.setattr(tasks.registry, "loaded", dict(tasks.registry.loaded))
    assert tasks.names() == sorted([*NAMES, "tracks"])
    task = tasks.registry.load("tracks")()
    assert (task.name, task.items, task.examples, task.answer) == ("tracks", "tracks", "listeners", "item")
    with pytest.raises(UsageError, match="history_length is 60; allowed is at most 50"):
        task.require_length(60, 100)


def test_every_task_has_data_of_its_kind() -> None:
    for name in readers.names():
        readers.load(name)

    def kinds(base: type[SplitData]) -> set[str]:
        own = {base.task} if "task" in vars(base) else set()
        return own.union(*map(kinds, base.__subclasses__()))

    assert kinds(SplitData) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_facts_of_a_task_fit_together(name: str) -> None:
    task = tasks.load(name)
    assert task.title
    assert set(task.metrics) <= set(METRICS)
    assert (task.top_k == 0) or all(cut_off(metric) <= task.top_k for metric in task.metrics)
    assert task.require_metric(None) == task.metric == task.metrics[0]
    with pytest.raises(UsageError, match="unknown metric 'speed'"):
        task.require_metric("speed")
    assert task.name == name
    assert len({task.signature, f"{task.answer}s", "ids", "scores"}) == 4
    assert tasks.load(name) is task


@pytest.fixture(scope="module")
def exporting(tiny_run, tmp_path_factory) -> Exporting:
    return exporter(tiny_run, tmp_path_factory.mktemp("bundles"))


@pytest.fixture(params=EXPORTED, ids="-".join)
def exported(request: pytest.FixtureRequest, exporting) -> tuple[Run, Bundle]:
    return exporting(*request.param)


def test_a_text_bundle_is_as_it_was_agreed(exported: tuple[Run, Bundle]) -> None:
    _, bundle = exported
    manifest = bundle.manifest
    assert (manifest.task, manifest.head.labels, manifest.inputs[0].tokenizer) == ("text", ("bad", "good"), Tokenizer())
    assert (manifest.signature, manifest.head.k, manifest.head.exclude) == ("classify", 2, "")
    summary = flatbuffer.read(bundle.model)
    [signature] = summary.signatures
    assert [(each.name, each.shape, each.dtype) for each in signature.inputs] == [("ids", (1, 48), "int32")]
    assert {(each.name, each.shape, each.dtype) for each in signature.outputs} == {
        ("labels", (1, 2), "int32"), ("scores", (1, 2), "float32"),
    }  # fmt: skip
    assert set(summary.op_histogram) <= BUILTINS
    # Every label is answered, with probabilities that are one together.
    for vector in bundle.vectors.vectors:
        labels, scores = vector.outputs["labels"], vector.outputs["scores"]
        assert sorted(labels) == [0, 1]
        assert list(vector.keys) == [manifest.head.labels[int(label)] for label in labels]
        assert sum(scores) == pytest.approx(1, abs=1e-5)
    written = json.loads((bundle.folder / "test_vectors.json").read_text())
    assert set(written) == {"schema_version", "vectors", "texts"}
    assert set(written["texts"][0]) == {"feature", "text", "ids"}


def test_texts_become_ids_by_the_words_of_the_vocabulary(exported: tuple[Run, Bundle]) -> None:
    """Written without the product's own way from texts to ids."""
    _, bundle = exported
    lines = (bundle.folder / "vocab.txt").read_text().split("\n")[:-1]
    seen: set[int] = set()
    for each in bundle.vectors.texts:
        kept = "".join(c.lower() if c.isascii() else c for c in each.text)
        cut = "".join(c if ord(c) > 127 or c.isalnum() or c == "'" else " " for c in kept).split(" ")
        ids = [lines.index(word) if word in lines else 1 for word in cut if word][-48:]
        assert list(each.ids) == ids + [0] * (48 - len(ids))
        seen.update(ids)
    assert {1, 2, len(lines) - 1} <= seen
    assert len(seen) > min(400, len(lines)) * 0.9, "words of the whole vocabulary"
    assert max(len(each.text.split()) for each in bundle.vectors.texts) > 48


def test_the_file_answers_as_the_model_on_every_runtime(exported: tuple[Run, Bundle]) -> None:
    run, bundle = exported
    verdict = validate_run(bundle.folder, run.folder)
    assert verdict.valid
    assert [result.measurement.runtime for result in verdict.results] == ["tflite-2.14", "litert"]
    evaluation = run.evaluation()
    right = np.mean(evaluation.items[:, 0] == evaluation.relevant.values)
    assert right == pytest.approx(run.result.test["accuracy"])
    assert right > 0.75, "planted sentiment is learned"
    for result in verdict.results:
        assert (result.quality.metric, result.quality.users) == ("accuracy", len(evaluation))
        assert result.quality.reference == pytest.approx(right)


def test_a_single_text_is_answered_the_way_an_app_asks(exported: tuple[Run, Bundle]) -> None:
    _, bundle = exported
    manifest, data = bundle.manifest, tiny_texts()
    texts = [" ".join(data.item_keys[number] for number in text if number >= 0) for text in data.test.keys]
    vocabulary = Vocabulary.read(bundle.folder / "vocab.txt")
    [feature] = manifest.inputs
    ids = vocabulary.text_ids(texts, feature.tokenizer, feature.length)
    outcome = Host().run(Job(bundle.model, "litert", "classify", {"ids": ids[:, None]}, warmups=0))
    named = np.array(manifest.head.labels)[outcome.outputs["labels"][:, 0, 0]]
    expected = np.array(data.labels)[data.test.labels]
    assert np.mean(named == expected) > 0.7


@pytest.fixture
def good(exporting) -> tuple[Run, Bundle]:
    return exporting(*EXPORTED[1])


def test_labels_in_another_order_are_caught(good: tuple[Run, Bundle], tmp_path: Path) -> None:
    run, bundle = good
    folder = copied(bundle, tmp_path)
    head = bundle.manifest.head
    reseal(folder, head=dataclasses.replace(head, labels=head.labels[::-1]))
    assert failed_checks(folder) == {"labels"}
    # Test vectors that agree with the wrong order: only the run knows better.
    vectors = tuple(dataclasses.replace(each, keys=each.keys[::-1]) for each in bundle.vectors.vectors)
    records.write(folder / bundles.TEST_VECTORS_FILE, dataclasses.replace(bundle.vectors, vectors=vectors))
    reseal(folder)
    assert failed_checks(folder) == set()
    verdict = validate_run(folder, run.folder, users=1)
    assert {failure.check for result in verdict.results for failure in result.failures} == {"labels"}


def test_a_file_whose_labels_are_swapped_is_caught(good: tuple[Run, Bundle], tmp_path: Path) -> None:
    from tests.known_bad.model_edits import edited

    _, bundle = good
    folder = copied(bundle, tmp_path)
    with edited(folder / bundles.MODEL_FILE) as graph:
        index = graph.add_constant("order", np.array([1, 0], np.int32))
        picked = graph.add_tensor("picked", [1, 2], "int32")
        gather = graph.add_operator("GATHER", 1, [graph.output("labels").tensorIndex, index], picked, before=None)
        graph.set_options(gather, "GatherOptions", axis=1, batchDims=0)
        graph.redirect_output("labels", picked)
    reseal(folder)
    verdict = validate_run(folder)
    assert {failure.check for result in verdict.results for failure in result.failures} == {"values", "edge ids"}


def test_a_vocabulary_of_another_size_or_order_and_another_tokenizer_are_caught(
    good: tuple[Run, Bundle], tmp_path: Path
) -> None:
    _, bundle = good
    folder = copied(bundle, tmp_path)
    path = folder / bundles.VOCABULARY_FILE
    lines = path.read_text().splitlines()
    for wrong in (lines[:-1], [*lines, "more"], [*lines[:2], *lines[:1:-1]]):
        path.write_text("".join(f"{line}\n" for line in wrong))
        reseal(folder)
        assert failed_checks(folder) == {"vocabulary"}
    path.write_text("".join(f"{line}\n" for line in lines))
    reseal_input(folder, tokenizer=Tokenizer(lowercase=False))
    assert failed_checks(folder) == {"vocabulary"}
    reseal_input(folder, tokenizer=Tokenizer())
    records.write(folder / bundles.TEST_VECTORS_FILE, TestVectors(bundles.SCHEMA_VERSION, bundle.vectors.vectors))
    reseal(folder)
    assert failed_checks(folder) == {"vocabulary"}


@pytest.mark.parametrize("name", outputs.names())
def test_few_labels_take_no_output_layer_but_a_dense_one(name: str, tiny_run) -> None:
    run = tiny_run("text memcom")
    config = tiny_config("text memcom", output=name)
    if name == "dense":
        output = choose_output(config, run.method(), "text", ("a", "b", "c"))
        assert (output.vocabulary_size, output.width) == (3, 16)
        config = dataclasses.replace(config, output_ratio=4.0)
    with pytest.raises(UsageError, match=r"output is .*; allowed is 'dense' at 1 for texts, which have 3 labels only"):
        choose_output(config, run.method(), "text", ("a", "b", "c"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"k": 1}, "top_k is 1; allowed is 2, since every answer has all labels"),
        ({"exclude_history": True}, "exclude_history is True; allowed is False for a text model"),
    ],
)
def test_an_export_that_texts_do_not_have_is_refused(options: dict, says: str, tiny_run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says):
        export_run(tiny_run("text memcom").folder, tmp_path / "bundle", **options)
    assert not (tmp_path / "bundle").exists()


def test_a_metric_of_another_task_is_refused(good: tuple[Run, Bundle]) -> None:
    run, bundle = good
    with pytest.raises(UsageError, match=r"unknown metric 'ndcg@20' of the task 'text'\. Choose one of: accuracy"):
        validate_run(bundle.folder, run.folder, metric="ndcg@20")


def test_variants_are_all_used() -> None:
    assert {variant for variant, _ in EXPORTED} == set(TEXT_VARIANTS)
