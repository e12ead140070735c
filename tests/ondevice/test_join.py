"""Joined sweeps: the same report as one sweep of all seeds, and nothing joined that is not comparable."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from ondevice import records
from ondevice.cli.main import main
from ondevice.errors import OnDeviceError, UsageError
from ondevice.pipeline.join import join
from ondevice.reporting.sweep.record import Sweep
from ondevice.reporting.sweep.users import USERS_FILE, read_users, write_users
from ondevice.versions import all_of
from tests.tiny_runs import sweep_of, tiny_interactions, write_user_items

SETTINGS = {
    "width": 16, "history_length": 48, "sample_length": 24, "batch_size": 50, "epochs": 1, "patience": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> tuple[Path, Sweep]:
    """A sweep of two seeds, and beside it in `0` and `1` the same trainings as sweeps of one seed each."""
    root = tmp_path_factory.mktemp("join")
    write_user_items(tiny_interactions(), root / "data")
    for name in ("0", "1"):
        request = {"methods": ["hashing"], "ratios": [4.0], "orders": ["random"], "settings": SETTINGS}
        sweep_of(root / "data", seeds=[int(name)], out=root / name, command=f"part {name}", **request)
    shutil.copytree(root / "0", root / "both")
    for run in root.glob("1/*/*/*/seed-1"):
        shutil.copytree(run, root / "both" / run.relative_to(root / "1"))
    (root / "both" / "sweep-plan.json").unlink()
    plan = (root / "0" / "sweep-plan.json").read_text().replace('"seeds": [\n    0\n  ]', '"seeds": [0, 1]')
    (root / "both" / "sweep-plan.json").write_text(plan)
    whole = sweep_of(root / "data", seeds=[0, 1], out=root / "both", **request)
    return root, whole


def test_what_a_report_holds_is_not_trained_again_where_its_run_folders_are_gone(parts, tmp_path) -> None:
    root, _ = parts
    out = tmp_path / "moved"
    out.mkdir()
    for path in root.glob("0/sweep*"):
        shutil.copy(path, out)
    first = records.read(Sweep, out / "sweep.json", "sweep")
    change(out, machine={**first.machine, "processor": "another one"})
    request = {"methods": ["hashing"], "ratios": [4.0], "orders": ["random"], "settings": SETTINGS, "seeds": [0]}
    told: list[tuple[int, int, str]] = []
    again = sweep_of(root / "data", out=out, on_done=lambda *each: told.append(each), **request)
    assert (told, again.trials, again.comparisons) == ([(2, 2, "")], first.trials, first.comparisons)
    assert again.machine["processor"] == f"{first.machine['processor']} / another one"

    shutil.copy(root / "1" / USERS_FILE, out)
    with pytest.raises(OnDeviceError, match=r"in the report\. Without both files a sweep is reported anew"):
        sweep_of(root / "data", out=out, **request)
    shutil.copy(root / "0" / USERS_FILE, out)

    # What it does not hold is trained, and nothing else.
    change(out, trials=first.trials[:1])
    again = sweep_of(root / "data", out=out, on_done=lambda *each: told.append(each), **request)
    assert told[1:] == [(1, 2, ""), (2, 2, "hashing@random at 4x, seed 0")]
    assert [trial.test for trial in again.trials] == [trial.test for trial in first.trials]


def test_a_value_of_several_records_is_named_once() -> None:
    one, other = {"processor": "A", "cores": "2"}, {"processor": "B", "cores": "2"}
    both = {"processor": "A / B", "cores": "2"}
    assert all_of([one, other]) == both
    assert all_of([one, both, other, both]) == both


@pytest.fixture
def copies(parts, tmp_path) -> list[Path]:
    """Reports of both parts, to be changed."""
    root, _ = parts
    for name in ("0", "1"):
        (tmp_path / name).mkdir()
        for path in root.glob(f"{name}/sweep*"):
            shutil.copy(path, tmp_path / name)
    return [tmp_path / "0", tmp_path / "1"]


def change(folder: Path, **fields: object) -> None:
    path = folder / "sweep.json"
    records.write(path, dataclasses.replace(records.read(Sweep, path, "sweep"), **fields))


def test_a_joined_report_is_that_of_one_sweep_of_all_seeds(parts, tmp_path) -> None:
    root, whole = parts
    joined = join([root / "0", root / "1"], tmp_path / "out", command="joined")
    assert whole.missing == 0
    assert sorted(map(repr, joined.trials)) == sorted(map(repr, whole.trials))
    assert joined.comparisons == whole.comparisons
    assert [compared.seeds for compared in joined.comparisons] == [2]
    assert joined.command == "part 0; part 1; joined"
    assert (joined.machine, joined.versions) == (whole.machine, whole.versions)
    assert records.read(Sweep, tmp_path / "out" / "sweep.json", "sweep") == joined
    assert "hashing@random" in (tmp_path / "out" / "sweep.md").read_text()
    values = read_users(tmp_path / "out", joined)
    assert values.shape == (4, joined.comparisons[0].users)
    assert np.allclose(values.mean(axis=1), [trial.test["ndcg@20"] for trial in joined.trials])


def test_settings_that_each_sweep_chose_are_all_named(copies, tmp_path) -> None:
    for place, rate in zip(copies, (0.01, 0.02), strict=True):
        part = records.read(Sweep, place / "sweep.json", "sweep")
        trials = tuple(dataclasses.replace(each, setting={"learning_rate": rate}) for each in part.trials)
        write_users(trials, read_users(place, part), place)
        change(place, trials=trials)
    joined = join(copies, tmp_path / "out")
    assert joined.protocol[-1] == "Each of 2 sweeps that were joined chose settings with a first seed of its own."
    assert "| 0.01 / 0.02 |" in (tmp_path / "out" / "sweep.md").read_text()


def test_a_model_has_the_seeds_that_it_was_trained_with(copies, tmp_path) -> None:
    part = records.read(Sweep, copies[1] / "sweep.json", "sweep")
    change(copies[1], trials=part.trials[:1], missing=1)
    joined = join(copies, tmp_path / "out")
    assert (joined.missing, [compared.seeds for compared in joined.comparisons]) == (1, [1])
    assert joined.comparisons == records.read(Sweep, copies[0] / "sweep.json", "sweep").comparisons


def test_different_machines_are_all_named(copies, tmp_path) -> None:
    one = records.read(Sweep, copies[0] / "sweep.json", "sweep").machine
    change(copies[1], machine={**one, "processor": "another one"})
    joined = join(copies, tmp_path / "out")
    assert joined.machine == {**one, "processor": f"{one['processor']} / another one"}


@pytest.mark.parametrize(
    ("field", "value"), [("dataset_summary", "fewer users"), ("protocol", ("longer",)), ("metric", "recall@20")]
)
def test_sweeps_that_differ_in_more_than_seeds_are_refused(copies, tmp_path, field, value) -> None:
    change(copies[1], **{field: value})
    with pytest.raises(UsageError, match=f"has another {field} than"):
        join(copies, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_seed_counts_once(copies, tmp_path) -> None:
    with pytest.raises(UsageError, match=r"seed 0 is in sweep '.*0' and in '.*0'"):
        join([copies[0], copies[0]], tmp_path / "out")
    with pytest.raises(UsageError, match="sweeps has 1; allowed are two or more"):
        join(copies[:1], tmp_path / "out")


def test_values_of_users_that_are_not_the_reports_are_refused(copies, tmp_path) -> None:
    path = copies[1] / USERS_FILE
    shutil.copy(copies[0] / USERS_FILE, path)
    with pytest.raises(OnDeviceError, match=r"are not those of full@as_given at 1x, seed 1 in the report"):
        join(copies, tmp_path / "out")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(OnDeviceError, match="can't be read"):
        join(copies, tmp_path / "out")
    path.unlink()
    with pytest.raises(UsageError, match="do not exist"):
        join(copies, tmp_path / "out")


def test_the_command_joins_and_overwrites_nothing(parts, tmp_path, capsys) -> None:
    root, _ = parts
    command = ["join", str(root / "0"), str(root / "1"), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "hashing@random" in said
    assert said.endswith(f"Report: {tmp_path / 'out' / 'sweep.html'} (also sweep.md and sweep.json)\n")
    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err
