"""The whole path in one call, on files, interrupted and resumed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from ondevice import records
from ondevice.data.readers.synthetic import Synthetic
from ondevice.errors import OnDeviceError, UsageError
from ondevice.pipeline.plan import Plan, claim
from ondevice.pipeline.run import run
from ondevice.pipeline.train import configure
from ondevice.reporting.record import Report
from ondevice.training.config import TrainConfig
from tests.phones import require_phone
from tests.tiny_runs import tiny_interactions, write_user_items

SETTINGS = {
    "width": 16, "history_length": 48, "sample_length": 24, "batch_size": 50, "epochs": 3, "patience": 3,
}  # fmt: skip
REQUEST = {
    "variants": ["full@frequency", "memcom@semantic"],
    "seeds": [0],
    "recipes": ["float32", "int8"],
    "devices": ["host"],
}


def settings(data: Path, **changed) -> TrainConfig:
    return configure("user-items", data, **{"ratio": 8.0, **SETTINGS, **changed})


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path, list[str]]:
    """A run that was interrupted twice: before an export and in the middle of a training."""
    root = tmp_path_factory.mktemp("whole")
    write_user_items(tiny_interactions(), root / "data")
    steps: list[str] = []

    def stop_before_export(number: int, total: int, what: str) -> None:
        steps.append(what)
        if what.startswith("export full") and what.endswith("int8"):
            raise KeyboardInterrupt

    def stop_in_second_epoch(done: int, total: int, share: float) -> None:
        if done == 1 and share > 0:
            raise KeyboardInterrupt

    def attempt(**how) -> None:
        run(Plan(settings(root / "data"), **REQUEST), out=str(root / "out"), **how)

    with pytest.raises(KeyboardInterrupt):
        attempt(on_step=stop_before_export)
    with pytest.raises(KeyboardInterrupt):
        attempt(progress=stop_in_second_epoch)
    attempt(on_step=lambda number, total, what: steps.append(what))
    return root / "data", root / "out", steps


def test_report_shows_every_model_on_both_runtimes(folders) -> None:
    _, out, _ = folders
    report = records.read(Report, out / "report.json", "report")
    shown = {(model.variant, model.manifest.recipe) for model in report.models}
    assert shown == {(variant, recipe) for variant in REQUEST["variants"] for recipe in REQUEST["recipes"]}
    for model in report.models:
        assert [result.measurement.status for result in model.results] == ["ok", "ok"]
        assert all(result.quality is not None for result in model.results)
    assert report.baseline == "full@frequency"
    assert report.metric in (out / "report.md").read_text()
    assert (out / "report.html").read_text().startswith("<!DOCTYPE html>")


def small_plan(tmp_path: Path) -> Plan:
    """One small file of one model, wherever the run thinks right."""
    write_user_items(tiny_interactions(), tmp_path / "data")
    return Plan(settings(tmp_path / "data", epochs=1), ["full@frequency"], recipes=["int8"])


def test_without_devices_the_emulated_phone_is_one_of_them(tmp_path: Path) -> None:
    require_phone()
    report, folder = run(small_plan(tmp_path), out=tmp_path / "out")
    [model] = report.models
    assert [validation.device for validation in model.validations] == ["host", "entry-2018"]
    assert model.valid, [result.failures for result in model.results]
    assert [result.measurement.clock for result in model.results] == ["time", "time", "instructions", "instructions"]
    assert report.remarks == ()
    text = (folder / "report.md").read_text()
    assert "emulated arm64" in text
    assert "not phone milliseconds" in text


def test_without_an_emulated_phone_the_report_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    report, folder = run(small_plan(tmp_path), out=tmp_path / "out")
    assert [validation.device for model in report.models for validation in model.validations] == ["host"]
    [remark] = report.remarks
    assert remark.startswith("The files did not run on an emulated phone: ")
    assert remark.removesuffix(".") in (folder / "report.md").read_text().replace("\\", "")


def test_a_phone_that_is_asked_for_and_not_there_is_an_error_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    with pytest.raises(OnDeviceError, match=r"device 'entry-2018' can't be used: .*run: "):
        run(dataclasses.replace(small_plan(tmp_path), devices=["entry-2018"]), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_keeps_its_budget_and_goes_on_where_it_was(tmp_path: Path) -> None:
    def stop(number: int, total: int, what: str) -> None:
        if what.startswith("export hashing"):
            raise KeyboardInterrupt

    write_user_items(tiny_interactions(), tmp_path / "data")
    size = {"ratio": None, "budget_bytes": 2_000}

    def plan(**size) -> Plan:
        config = settings(tmp_path / "data", epochs=1, **size)
        return Plan(config, ["full@frequency", "hashing@random"], recipes=["int8"], devices=["host"])

    with pytest.raises(KeyboardInterrupt):
        run(plan(**size), out=tmp_path / "out", on_step=stop)
    for other in ({**size, "budget_bytes": 1_990}, {"ratio": 3.0}):
        with pytest.raises(UsageError, match="unfinished run of another request"):
            run(plan(**other), out=tmp_path / "out")
    steps: list[str] = []
    report, folder = run(plan(**size), out=tmp_path / "out", on_step=lambda number, total, what: steps.append(what))
    assert json.loads((folder / "plan.json").read_text())["config"]["budget_bytes"] == 2_000
    sizes = {m.variant: sum(t.payload_bytes for t in m.manifest.tables.values()) for m in report.models}
    # 100 rows of 16 bytes and a scale each; the full table keeps its 302 rows.
    assert sizes == {"full@frequency": 302 * 20, "hashing@random": 100 * 20}
    assert report.remarks[0].endswith("a budget of 2.00 kB as int8, of which it uses: hashing@random 100.0%.")


def test_interrupted_runs_leave_no_trace(folders) -> None:
    _, out, _ = folders
    assert not [path for path in out.rglob("*") if path.name.startswith(".") or path.name == "checkpoints"]
    for result in out.rglob("result.json"):
        assert len(json.loads(result.read_text())["history"]) == 3, "resumed, not started again"


def test_a_finished_run_is_not_overwritten(folders) -> None:
    data, out, _ = folders
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with pytest.raises(UsageError, match="exists already"):
        run(Plan(settings(data), **REQUEST), out=out)
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*")}


def test_without_a_folder_a_run_finds_its_own_unfinished_one_again(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = Synthetic(users=4, items=80).read("synthetic", None)
    plan = Plan(configure(), ("full@as_given",), (0,), ("int8",), "any", ("host",))
    other = dataclasses.replace(plan, config=configure(ratio=8.0))
    texts = dataclasses.replace(plan, config=configure("synthetic-texts"))
    first = claim(None, plan, data)
    assert [claim(None, each, data).name for each in (texts, texts, other)] == ["synthetic-texts-1"] * 2 + [
        "synthetic-2"
    ]
    assert claim(None, plan, data) == first
    (first / "report.json").touch()
    assert [claim(None, each, data).name for each in (plan, other)] == ["synthetic-3", "synthetic-2"]
    # One that another version of ondevice has left.
    (tmp_path / "ondevice-runs" / "synthetic-3" / "plan.json").write_text('{"dataset": "synthetic"}')
    assert claim(None, plan, data).name == "synthetic-4"


def test_an_unfinished_run_of_another_request_is_refused(folders, tmp_path) -> None:
    data, _, _ = folders

    def stop(number: int, total: int, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Plan(settings(data), **REQUEST), out=tmp_path / "out", on_step=stop)
    with pytest.raises(UsageError, match="unfinished run of another request"):
        run(Plan(settings(data, ratio=7.0), **REQUEST), out=tmp_path / "out")
