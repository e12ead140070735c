"""Click logs on the whole path: files, one run from them to the report, a sweep, and teachers."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from ondevice.data.clicks import ClickLog
from ondevice.data.labelled import NO_KEY, SPLITS
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
from tests.tiny_runs import tiny_clicks, tiny_config

SETTINGS = {"width": 16, "epochs": 6, "batch_size": 100}
HEADER = "click,user,ad\n"


def write_lines(data: ClickLog, folder: Path) -> Path:
    """Write a data set as the files of the data set profile `click-log`, the columns of each in another order."""
    folder.mkdir()
    for turn, split in enumerate(SPLITS):
        part = getattr(data, split)
        names = ["click", *data.fields]
        names = names[turn:] + names[:turn]
        with (folder / f"{split}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, names, quoting=csv.QUOTE_ALL)
            writer.writeheader()
            for click, line in zip(part.labels, part.keys, strict=True):
                keys = [data.item_keys[value].partition("=")[2] if value != NO_KEY else "rare" for value in line]
                writer.writerow({"click": click, **dict(zip(data.fields, keys, strict=True))})
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lines(tiny_clicks(), tmp_path_factory.mktemp("clicks") / "data")


@pytest.fixture(scope="module")
def done(files: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    plan = Plan(
        configure("click-log", files, ratio=4.0, **SETTINGS), ["full@as_given", "memcom@semantic"], recipes=["int8"],
        devices=["host"], users=300, quality=BEST,
    )  # fmt: skip
    return run(plan, out=files.parent / "out")


def test_written_lines_are_read_as_they_were(files: Path) -> None:
    written, read = tiny_clicks(), read_data(configure("click-log", files))
    assert isinstance(read, ClickLog)
    assert read.fields == written.fields
    assert set(read.item_keys) - set(written.item_keys) <= {f"{field}=rare" for field in read.fields}
    for split in SPLITS:
        one, other = getattr(written, split), getattr(read, split)
        np.testing.assert_array_equal(one.labels, other.labels)
        keys = np.array([*read.item_keys, ""], object)[other.keys.values]
        expected = np.array([*written.item_keys, ""], object)[one.keys.values]
        assert (keys[one.keys.values != NO_KEY] == expected[one.keys.values != NO_KEY]).all()


def test_a_run_of_clicks_reports_the_area_of_lines(done: tuple[Report, Path]) -> None:
    report, folder = done
    assert (report.metric, report.task.name) == ("auc", "clicks")
    assert all(model.valid for model in report.models)
    markdown, html = ((folder / f"report.{end}").read_text() for end in ("md", "html"))
    assert "auc of a converted file is measured on 300 lines, its reference on the same lines." in markdown
    assert "<dt>Answer of score</dt><dd>1 label (click)</dd>" in html
    assert "lines 1,200" in html
    for text in (markdown, html):
        assert not any(
            word in text.lower() for word in ("ndcg", " users", " items", "popularity", "top-k", "texts", "overlap")
        )


def test_the_compressed_model_starts_from_the_full_table(done: tuple[Report, Path]) -> None:
    _, folder = done
    taught = open_run(folder / "memcom@semantic" / "seed-0" / "run")
    assert taught.config.warm_start
    assert (taught.config.history_length, taught.config.sample_length) == (4, 4)
    assert taught.result.test["auc"] > 0.65
    assert taught.result.by_popularity == {}


def test_a_sweep_of_clicks_compares_the_area(tiny_run, tmp_path: Path) -> None:
    """From run folders alone, since the processes of a sweep take long to start."""
    cell = Cell("memcom", "semantic", 4.0)
    plan = SweepPlan("synthetic-clicks", "", ("memcom",), (4.0,), ("semantic",), (0,))
    for each, variant in ((FULL_CELL, "clicks full"), (cell, "clicks memcom")):
        shutil.copytree(tiny_run(variant).folder, place(tmp_path, each, {}, 0))
    found = Results(tmp_path, plan, tiny_clicks()).report("ondevice sweep")
    assert (found.metric, found.task, found.missing) == ("auc", "clicks", 0)
    # Every line has its part in the area, those without a click as well.
    assert [comparison.users for comparison in found.comparisons] == [1200]
    text = (tmp_path / "sweep.md").read_text()
    assert "from the spread over lines, each line's metric averaged over seeds" in text
    assert "users" not in text


def test_a_pupil_learns_from_the_probabilities_of_its_teacher(tiny_run, tmp_path: Path) -> None:
    from ondevice.training.fit import fit

    teacher = tiny_run("clicks full")
    config = tiny_config("clicks memcom", teacher=str(teacher.folder), distillation=1.0, history_length=64)
    pupil = fit(config, tiny_clicks(), tmp_path / "run", lambda done, total, share: None)
    # Whoever trains without knowing the data: these say how many ids there are.
    assert (pupil.config.history_length, pupil.config.sample_length) == (4, 4)
    # No click was seen, only the teacher's answers.
    assert pupil.result.test["auc"] > 0.65


def test_a_teacher_whose_fields_have_another_order_is_refused(tiny_run, tmp_path: Path) -> None:
    data = tiny_clicks()
    turned = dataclasses.replace(data, tokenizer=dataclasses.replace(data.tokenizer, fields=data.fields[::-1]))
    config = tiny_config("clicks memcom", teacher=str(tiny_run("clicks full").folder), distillation=1.0)
    with pytest.raises(UsageError, match=r"has the fields \[.*\] in this order, the data \[.*\]; name a run"):
        check_teacher(config, turned, choose_method(config, data.items + 2))
    check_teacher(config, data, choose_method(config, data.items + 2))


@pytest.mark.parametrize("name", methods.names())
def test_every_method_orders_values_as_it_needs_them(name: str) -> None:
    data = tiny_clicks()
    kind = methods.load(name)
    method = kind.for_ratio(data.items + 2, 16, 1.0 if name in ("full", "path_based") else 2.0)
    config = tiny_config("clicks full", method=name, order=method.needs_order or "semantic")
    output = choose_output(config, method, data.task, data.labels)
    assert set(arranged(config, data, method, output).keys[2:]) == set(data.item_keys)


@pytest.mark.parametrize("name", ["history_length", "sample_length"])
def test_the_fields_say_how_many_values_a_line_has(name: str, files: Path) -> None:
    says = f"setting {name} is given; of 'click-log' the number of fields says it"
    with pytest.raises(UsageError, match=says):
        configure("click-log", files, **{name: 3})
    with pytest.raises(UsageError, match=says):
        sweep(SweepPlan("click-log", str(files), search={name: (2, 3)}), files.parent / "none")
    assert not (files.parent / "none").exists()


def test_settings_of_texts_are_refused_for_clicks_and_of_both_for_others() -> None:
    with pytest.raises(UsageError, match="most_words is given; allowed is it only for texts, which 'synthetic-cli"):
        configure("synthetic-clicks", most_words=5)
    with pytest.raises(UsageError, match="minimum_count is given; allowed is it only for texts and click logs, which"):
        configure("synthetic", minimum_count=5)
    assert configure("synthetic-clicks", minimum_count=5).minimum_count == 5


def folder_of(folder: Path, **content: str | bytes) -> Path:
    folder.mkdir()
    lines = {"train": f"{HEADER}0,1,a\n1,1,a\n", "valid": f"{HEADER}0,1,a\n1,2,b\n", "test": f"{HEADER}1,1,a\n0,1,b\n"}
    for name, text in {**lines, **content}.items():
        (folder / f"{name}.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


@pytest.mark.parametrize(
    ("split", "content", "says"),
    [
        ("train", f"{HEADER}0,1,a\n\n1,1\n", r"train\.csv, line 4: 2 values; the header has 3"),
        ("train", f"{HEADER}0,1,a\nyes,1,a\n", r"train\.csv, line 3: click is 'yes'; allowed is 0 or 1"),
        ("train", "clicks,user\n0,1\n", r"train\.csv, line 1: there is no column 'click' in 'clicks, user'"),
        ("train", "", r"train\.csv, line 1: there is no column 'click' in ''"),
        ("train", "click,,ad\n0,1,1\n", r"train\.csv, line 1: column '' is not allowed; a field's name is one line"),
        ("train", "click\n0\n", r"train\.csv, line 1: there is no column beside 'click', so no field"),
        ("train", "click,ad,ad\n0,1,1\n", r"train\.csv, line 1: column 'ad' is there twice"),
        (
            "train",
            "click,a=b\n0,1\n",
            r"train\.csv, line 1: column 'a=b' is not allowed; a field's name is one line without =",
        ),
        ("train", f'{HEADER}0,1,"a\n', r"train\.csv, line 2: unexpected end of data"),
        ("valid", "click,user\n0,1\n", r"valid\.csv, line 1: the fields are \['user'\]; expected are \['user', 'ad'\]"),
        ("test", f"{HEADER}0,1,\xff\n".encode("latin-1"), r"test\.csv, line 2 is not text"),
        (
            "train",
            ",".join(["click", *map(str, range(100_000))]),
            r"train\.csv, line 1: 100,001 columns; allowed are 1,000 at most",
        ),
        ("train", HEADER, "has no value that occurs often enough; see minimum_count"),
        ("valid", HEADER, "has no validation lines; every split needs some"),
        ("test", f"{HEADER}0,1,a\n", "has no clicks among its test lines; every split needs lines with and without"),
        ("valid", f"{HEADER}1,1,a\n", "has only clicks among its validation lines; every split needs"),
    ],
)
def test_a_malformed_or_poor_file_is_named(split: str, content: str | bytes, says: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "data", **{split: content})
    with pytest.raises(OnDeviceError, match=says):
        train(configure("click-log", folder), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_values_keep_everything_but_the_blanks_around_them(tmp_path: Path) -> None:
    lines = (
        '1, a b ,"x,y"\r\n0,"a b","x,y"\r\n1,"say ""=""",\r\n0,"say ""=""",\r\n1,"two\nlines",1\r\n0,"two\nlines",2\r\n'
    )
    folder = folder_of(tmp_path / "data", train=f"\ufeff{HEADER}{lines}")
    for name in SPLITS:
        path = folder / f"{name}.csv"
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    data = read_data(configure("click-log", folder))
    # A value of two lines can't be a line of the vocabulary, so it counts as unknown.
    assert set(data.item_keys) == {"user=a b", "ad=x,y", 'user=say "="', "ad="}
    assert data.train.keys[4].tolist() == data.train.keys[5].tolist() == [NO_KEY, NO_KEY]
    assert (
        "10 lines (6 train, 2 validation, 2 test), 4 values (33.3% of those in training have no id)" in data.summary()
    )
    assert "2 fields, 50.0% clicks in training; no id: 1 value, since a key is one line" in data.summary()
    assert "; 2 empty values counted as values" in data.summary()


def test_fields_of_numbers_and_of_values_that_occur_once_are_told_of(tmp_path: Path) -> None:
    header = "click,row,price,ad\n"
    rows = "".join(f"{n % 2},{n},{n % 1_000 / 8},a{n % 1_000}\n" for n in range(2_000))
    few = f"{header}0,0,1.5,a1\n1,0,1.5,a1\n"
    data = read_data(configure("click-log", folder_of(tmp_path / "data", train=header + rows, valid=few, test=few)))
    assert data.notes == (
        "warning: 100.0% of the values of field 'row' in training have no id",
        "field 'price' has 1,000 ids for as many numbers",
    )


def test_the_splits_of_the_kdd_cup_are_the_same_for_everyone(tmp_path: Path) -> None:
    rows = "".join(f'"{n % 2}",{n},"s{n}"\n' for n in range(1000))
    (tmp_path / "Click_prediction_small.csv").write_text('"click","impression","site"\n' + rows)
    data = read_data(configure("kddcup2012", tmp_path, minimum_count=1))
    assert data.fields == ("site",)
    assert [len(part) for part in (data.train, data.valid, data.test)] == [800, 100, 100]
    # Neither in the order of the file nor without a part of it.
    assert set(data.item_keys) == {f"site=s{n}" for n in np.random.default_rng(0).permutation(1000)[:800]}
    (tmp_path / "Click_prediction_small.csv").write_text('"click","impression","site"\n')
    with pytest.raises(OnDeviceError, match="has 0 lines; every split needs some"):
        read_data(configure("kddcup2012", tmp_path))
