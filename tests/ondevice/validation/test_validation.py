"""Validation must accept a good bundle and reject every broken one, naming what is broken."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest

from ondevice import bundle as bundles
from ondevice.bundle import open_bundle
from ondevice.data.lists import Lists
from ondevice.devices.kinds.host import Host
from ondevice.errors import OnDeviceError, UsageError
from ondevice.pipeline.export_run import export_run
from ondevice.pipeline.validate import validate_run, validation_path
from ondevice.training.evaluation import Evaluation
from ondevice.validation.lookups import LookupFile
from ondevice.validation.quality import TaskExamples, choose_users, compare
from ondevice.validation.record import Failure, read_validation
from ondevice.validation.validate import validate_bundle
from tests.ondevice.validation.bundle_edits import edit_model, failures_of, reseal


def test_a_good_bundle_is_valid_on_both_runtimes(good) -> None:
    bundle, run = good
    validation = validate_run(bundle.folder, run.folder)
    assert validation.valid, [result.failures for result in validation.results]
    assert [result.measurement.runtime for result in validation.results] == ["tflite-2.14", "litert"]
    for result in validation.results:
        assert result.quality is not None
        assert result.quality.users == len(run.evaluation())
        assert result.quality.top_k_overlap > 0.9
        assert 0 <= result.quality.users_changed <= 1
        assert (result.quality.users_changed == 0) == (result.quality.top_k_overlap == 1)
        assert len(result.measurement.run_ns) == 200
        assert len(result.measurement.warmup_ns) == 10
    assert validation.device == "host"
    assert validation.machine == Host().machine()
    assert validation_path(bundle.folder).name == "bundle.host.validation.json"
    assert read_validation(validation_path(bundle.folder)) == validation


def test_reference_metric_is_that_of_the_run(good) -> None:
    bundle, run = good
    [result] = validate_run(bundle.folder, run.folder, runtimes=["litert"]).results
    assert result.quality.reference == pytest.approx(run.result.test["ndcg@20"], rel=1e-6)


def test_histories_longer_than_the_file_takes_cost_nothing_against_the_reference(tmp_path) -> None:
    from ondevice.training.fit import fit
    from tests.tiny_runs import tiny_config, tiny_interactions

    config = tiny_config("full", history_length=10, epochs=3)
    run = fit(config, tiny_interactions(), tmp_path / "run", lambda done, total, share: None)
    bundle = export_run(run.folder, tmp_path / "bundle", recipe="float32")
    for result in validate_run(bundle.folder, run.folder).results:
        assert result.quality.relative_change == pytest.approx(0, abs=1e-3)
        assert result.quality.reference < run.result.test["ndcg@20"], "known items take places in the answer"


def test_another_training_of_the_same_data_is_not_the_reference(good, tmp_path) -> None:
    """Same seed, method, order and vocabulary: nothing but what it was measured to do tells it apart."""
    bundle, run = good
    shutil.copytree(run.folder, tmp_path / "run")
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    result["test"]["ndcg@10"] += 1e-6
    (tmp_path / "run" / "result.json").write_text(json.dumps(result))
    with pytest.raises(UsageError, match=r"has test metrics .*, the bundle was exported from a run with test metrics"):
        validate_run(bundle.folder, tmp_path / "run", out=tmp_path / "verdict.json")


def test_a_file_that_keeps_the_history_loses_nothing_by_that(good, tmp_path) -> None:
    _, run = good
    bundle = export_run(run.folder, tmp_path / "bundle", recipe="float32", exclude_history=False)
    for result in validate_run(bundle.folder, run.folder).results:
        assert result.quality.relative_change == pytest.approx(0, abs=1e-3)
        assert result.quality.top_k_overlap > 0.99
        assert not result.failures


def test_without_a_metric_one_is_measured_that_the_file_returns_enough_for(good, tmp_path) -> None:
    _, run = good
    bundle = export_run(run.folder, tmp_path / "bundle", k=10)
    [result] = validate_run(bundle.folder, run.folder, runtimes=["litert"]).results
    assert result.quality.metric == "ndcg@10"


def test_without_a_run_the_metric_is_not_invented(good, tmp_path) -> None:
    validation = validate_run(good[0].folder, runtimes=["litert"], out=tmp_path / "verdict.json")
    assert validation.valid
    assert validation.results[0].quality is None


def test_a_changed_file_is_refused(copy) -> None:
    path = copy / bundles.MODEL_FILE
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(OnDeviceError, match="was changed since export"):
        open_bundle(copy)


def test_a_truncated_file_fails_on_every_runtime_that_looks(copy) -> None:
    path = copy / bundles.MODEL_FILE
    path.write_bytes(path.read_bytes()[:2000])
    reseal(copy)
    validation = validate_run(copy)
    assert all(result.failures for result in validation.results)
    for result in validation.results:
        assert [failure.check for failure in result.failures] == ["runtime", "look-ups"]
        assert "is not a readable TFLite file" in result.failures[1].message


def test_swapped_outputs_are_a_failure_of_types(copy) -> None:
    def swap(model) -> None:
        outputs = model.signatureDefs[0].outputs
        outputs[0].tensorIndex, outputs[1].tensorIndex = outputs[1].tensorIndex, outputs[0].tensorIndex

    edit_model(copy, swap)
    reseal(copy)
    assert failures_of(copy) == {"types"}


def test_renamed_output_is_a_failure_of_names(copy) -> None:
    def rename(model) -> None:
        for output in model.signatureDefs[0].outputs:
            output.name = output.name + b"_0"

    edit_model(copy, rename)
    reseal(copy)
    assert failures_of(copy) == {"names"}


def test_other_length_is_a_failure_of_shapes(copy) -> None:
    manifest = open_bundle(copy).manifest
    wrong = tuple(dataclasses.replace(tensor, shape=(1, 5)) for tensor in manifest.outputs)
    reseal(copy, outputs=wrong)
    assert failures_of(copy) == {"shapes"}


def test_constant_answers_are_a_failure_of_values(copy, good) -> None:
    """What a file gives whose dense layer answers zeros: right shapes, right types, no sense."""

    def zero(model) -> None:
        biggest = max((b for b in model.buffers if b.data is not None), key=lambda b: len(b.data))
        biggest.data = np.zeros(len(biggest.data), np.uint8)

    edit_model(copy, zero)
    reseal(copy)
    assert "values" in failures_of(copy)


def test_lost_quality_is_a_failure(good) -> None:
    """The reference is made perfect, so that the same file loses against it."""
    bundle, run = good
    evaluation = run.evaluation()
    k = bundle.manifest.head.k
    perfect = evaluation.items.copy()
    for row, relevant in zip(perfect, evaluation.relevant, strict=True):
        row[: min(len(relevant), k)] = relevant[:k]
    better = dataclasses.replace(evaluation, items=perfect)
    examples = TaskExamples(bundle.manifest, better, None, None)
    [result] = validate_bundle(bundle, Host(), ["litert"], examples, max_loss=0.01).results
    assert [failure.check for failure in result.failures] == ["values", "quality"]
    assert "falls by" in result.failures[1].message


def test_run_of_another_length_is_refused(good, tiny_run, tmp_path) -> None:
    from ondevice.training.fit import fit
    from tests.tiny_runs import tiny_config, tiny_interactions

    config = tiny_config("full", history_length=30, epochs=1)
    other = fit(config, tiny_interactions(), tmp_path / "run", lambda done, total, share: None)
    with pytest.raises(UsageError, match="have 30 ids, the bundle takes 48"):
        TaskExamples(good[0].manifest, other.evaluation(), None, None)


def hits(*users: int) -> Evaluation:
    """Users of whom some have a right answer in the first place."""
    items = np.tile(np.arange(2, 22, dtype=np.int32), (20, 1))
    relevant = Lists.of([[2] if user in users else [90] for user in range(20)])
    none = Lists.of([[]] * 20)
    return Evaluation(np.zeros((20, 1), np.int32), none, relevant, items, -items.astype(np.float32), np.ones(20))


def test_the_interval_of_few_right_answers_is_one_of_numbers() -> None:
    evaluation = hits(3)
    found = compare(evaluation, evaluation.items[:, ::-1], evaluation.scores, "ndcg@20")
    assert -1 < found.relative_change < 0
    assert np.isfinite(found.interval).all()


def test_no_right_answers_on_either_side_are_no_change() -> None:
    found = compare(hits(), hits().items, hits().scores, "ndcg@20")
    assert (found.reference, found.relative_change, found.interval) == (0.0, 0.0, (0.0, 0.0))


def test_a_reference_without_a_right_answer_is_no_reference() -> None:
    better = np.where(hits().items == 2, 90, hits().items)
    with pytest.raises(OnDeviceError, match="right for none of 20 users"):
        compare(hits(), better, hits().scores, "ndcg@20")


@pytest.mark.parametrize(("clicks", "users", "clicked"), [(1, 10, 1), (15, 10, 5), (19, 10, 9), (8, 2, 1), (8, 30, 8)])
def test_some_lines_with_a_click_and_some_without_are_chosen(clicks: int, users: int, clicked: int) -> None:
    evaluation = dataclasses.replace(hits(), relevant=Lists.of([[0] if line < clicks else [] for line in range(20)]))
    chosen = choose_users(evaluation, users, "auc")
    assert len(chosen) == min(users, 20)
    assert np.count_nonzero(np.diff(chosen.relevant.offsets)) == clicked


def test_one_line_has_no_area_under_the_curve() -> None:
    with pytest.raises(UsageError, match="users is 1; allowed is at least 2 for auc"):
        choose_users(hits(0), 1, "auc")


def test_failed_export_leaves_nothing(tiny_run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(LookupFile, "failures", lambda *arguments: [Failure("look-ups", "made to fail.")])
    with pytest.raises(OnDeviceError, match=r"nothing was written: .* made to fail"):
        export_run(tiny_run("full").folder, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_manifest_is_readable_json(good) -> None:
    manifest = json.loads((good[0].folder / bundles.MANIFEST_FILE).read_text())
    assert manifest["signature"] == "recommend"
    assert manifest["schema_version"] == 3
    assert manifest["inputs"] == [
        {
            "name": "ids",
            "kind": "ids",
            "shape": [1, 48],
            "dtype": "int32",
            "size": 302,
            "outside": 1,
            "padding": 0,
            "reserved": 2,
            "vocabulary": "vocab.txt",
            "tokenizer": None,
            "made_by": {},
            "titles": "",
        }
    ]
    assert manifest["outputs"] == [
        {"name": "items", "shape": [1, 20], "dtype": "int32"},
        {"name": "scores", "shape": [1, 20], "dtype": "float32"},
    ]
    assert manifest["head"] == {"kind": "top_k", "k": 20, "exclude": "ids", "never": 2, "labels": [], "logits": False}
    assert [(each["layer"], each["features"]) for each in manifest["embeddings"]] == [("embedding", ["ids"])]
