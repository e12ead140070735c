"""Texts on the whole path: one run from files to the report, a sweep, and teachers."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from ondevice.data.labelled import NO_KEY, SPLITS
from ondevice.data.texts import LabelledTexts
from ondevice.embeddings.method import registry as methods
from ondevice.errors import OnDeviceError, UsageError
from ondevice.pipeline.plan import Plan
from ondevice.pipeline.quality import BEST
from ondevice.pipeline.run import run
from ondevice.pipeline.sweep import sweep
from ondevice.pipeline.sweep_plan import FULL_CELL, Cell, SweepPlan, place
from ondevice.pipeline.sweep_results import Results
from ondevice.pipeline.train import configure, read_data, train
from ondevice.reporting.record import Report
from ondevice.training.choose import check_teacher, choose_method, choose_output
from ondevice.training.run_folder import open_run
from ondevice.training.start import arranged
from tests.tiny_runs import tiny_config, tiny_texts

SETTINGS = {"width": 16, "epochs": 2, "history_length": 48, "sample_length": 48, "batch_size": 50, "minimum_count": 1}


def write_texts(data: LabelledTexts, folder: Path) -> Path:
    """Write a data set as the files of the data set profile `labelled-texts`."""
    folder.mkdir()
    for split in SPLITS:
        part = getattr(data, split)
        lines = (
            f"{data.labels[label]}\t{' '.join(data.item_keys[word] for word in text if word != NO_KEY)}\n"
            for label, text in zip(part.labels, part.keys, strict=True)
        )
        (folder / f"{split}.tsv").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texts(tiny_texts(), tmp_path_factory.mktemp("texts") / "data")


@pytest.fixture(scope="module")
def done(files: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    config = configure("labelled-texts", files, ratio=4.0, **SETTINGS)
    plan = Plan(
        config, ["full@as_given", "memcom@semantic"], recipes=["int8"],
        devices=["host"], users=100, quality=BEST,
    )  # fmt: skip
    return run(plan, out=files.parent / "out")


def test_written_texts_are_read_as_they_were(files: Path) -> None:
    written, read = tiny_texts(), read_data(configure("labelled-texts", files, minimum_count=1))
    assert (read.item_keys, read.labels) == (written.item_keys, written.labels)
    assert isinstance(read, LabelledTexts)
    np.testing.assert_array_equal(read.test.keys.values, written.test.keys.values[written.test.keys.values != NO_KEY])


def test_a_run_of_texts_reports_accuracy_of_texts(done: tuple[Report, Path]) -> None:
    report, folder = done
    assert (report.metric, report.task.name) == ("accuracy", "text")
    assert all(model.valid for model in report.models)
    markdown, html = ((folder / f"report.{end}").read_text() for end in ("md", "html"))
    assert "accuracy of a converted file is measured on 100 texts, its reference on the same texts." in markdown
    assert "| Change | p50 | p95 |" in markdown
    assert "| accuracy | Texts | Label overlap |" in markdown
    assert "<dt>Answer of classify</dt><dd>2 labels (bad, good)</dd>" in html
    assert "texts 180" in html
    for text in (markdown, html):
        assert not any(word in text.lower() for word in ("ndcg", " users", " items", "popularity", "top-k"))


def test_the_compressed_model_starts_from_the_full_table(done: tuple[Report, Path]) -> None:
    _, folder = done
    taught = open_run(folder / "memcom@semantic" / "seed-0" / "run")
    assert taught.config.warm_start
    assert taught.result.test["accuracy"] > 0.7
    assert taught.result.by_popularity == {}


def test_a_sweep_of_texts_compares_accuracy(tiny_run, tmp_path: Path) -> None:
    """From run folders alone, since the processes of a sweep take long to start."""
    cell = Cell("memcom", "semantic", 4.0)
    plan = SweepPlan("synthetic-texts", "", ("memcom",), (4.0,), ("semantic",), (0,))
    for each, variant in ((FULL_CELL, "text full"), (cell, "text memcom")):
        shutil.copytree(tiny_run(variant).folder, place(tmp_path, each, {}, 0))
    found = Results(tmp_path, plan, tiny_texts()).report("ondevice sweep")
    assert (found.metric, found.task, found.missing) == ("accuracy", "text", 0)
    assert [comparison.users for comparison in found.comparisons] == [180]
    text = (tmp_path / "sweep.md").read_text()
    assert "from the spread over texts, each text's metric averaged over seeds" in text
    assert "mean over seeds on the test texts" in text
    assert "users" not in text


def test_settings_that_decide_the_ids_are_not_searched(files: Path) -> None:
    with pytest.raises(UsageError, match="most_words is to be searched; allowed is one value for all models"):
        sweep(SweepPlan("labelled-texts", str(files), search={"most_words": (10, 20)}), files.parent / "none")


def test_a_teacher_of_another_task_or_other_labels_is_refused(tiny_run) -> None:
    texts, teacher = tiny_texts(), tiny_run("text full")
    config = tiny_config("text memcom", teacher=str(teacher.folder), warm_start=True)
    method = choose_method(config, texts.items + 2)
    check_teacher(config, texts, method)
    other = dataclasses.replace(texts, labels=("good", "bad"))
    with pytest.raises(UsageError, match="was trained for another task; name a run of the same data"):
        check_teacher(config, other, method)
    with pytest.raises(UsageError, match="was trained on other items"):
        check_teacher(dataclasses.replace(config, teacher=str(tiny_run("full").folder)), texts, method)


def test_a_pupil_learns_from_the_probabilities_of_its_teacher(tiny_run, tmp_path: Path) -> None:
    from ondevice.training.fit import fit

    teacher = tiny_run("text full")
    config = tiny_config("text quotient_remainder", teacher=str(teacher.folder), distillation=1.0)
    pupil = fit(config, tiny_texts(), tmp_path / "run", lambda done, total, share: None)
    # No label was seen, only the teacher's answers.
    assert pupil.result.test["accuracy"] > 0.7


@pytest.mark.parametrize("name", methods.names())
def test_every_method_orders_words_as_it_needs_them(name: str) -> None:
    data = tiny_texts()
    kind = methods.load(name)
    method = kind.for_ratio(data.items + 2, 16, 1.0 if name == "full" else 2.0)
    config = tiny_config("text full", method=name, order=method.needs_order or "semantic")
    output = choose_output(config, method, data.task, data.labels)
    assert set(arranged(config, data, method, output).keys[2:]) == set(data.item_keys)


@pytest.mark.parametrize(
    ("split", "content", "says"),
    [
        ("train", "good\ta a\ngood\ta\n", "has 1 label; at least 2 are needed to tell apart"),
        ("train", "good\ta\nbad\tb\n", "has no word that occurs often enough; see minimum_count"),
        ("valid", "", "has no validation texts; every split needs some"),
    ],
)
def test_data_that_teach_nothing_are_refused(split: str, content: str, says: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    texts = {"train": "good\ta a\nbad\tb\n", "valid": "good\ta\n", "test": "good\tb\n", split: content}
    for name, lines in texts.items():
        (folder / f"{name}.tsv").write_text(lines)
    with pytest.raises(OnDeviceError, match=says):
        train(configure("labelled-texts", folder), tmp_path / "run")
    assert not (tmp_path / "run").exists()
