"""Sweeps: what is trained, that nothing is trained twice, how settings are chosen and models compared."""

from __future__ import annotations

import dataclasses
import shutil
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

from ondevice import records
from ondevice.errors import OnDeviceError, UsageError
from ondevice.pipeline import sweep as sweeps
from ondevice.pipeline import sweep_plan as plans
from ondevice.pipeline.sweep_plan import FULL_CELL, Cell, SweepPlan
from ondevice.reporting.sweep.record import Sweep
from ondevice.reporting.sweep.users import read_users
from ondevice.training.run_folder import open_run
from tests.tiny_runs import sweep_of, tiny_interactions, write_user_items

Told = tuple[int, int, str]
"""How many trainings are done, how many there are, and which one has just been done."""

SETTINGS = {
    "width": 16, "history_length": 48, "sample_length": 24, "batch_size": 50, "epochs": 2, "patience": 2,
}  # fmt: skip
REQUEST = {
    "methods": ["reduced_width", "memcom"],
    "ratios": [4.0, 40.0],
    "orders": ["random"],
    "seeds": [0, 1],
    "warm": ["memcom"],
    "search": {"learning_rate": [0.0001, 0.02]},
    "settings": SETTINGS,
}


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> tuple[Path, Sweep, list[Told], list[Told]]:
    """A sweep, stopped after the third training and started again, and what it told before and after."""
    root = tmp_path_factory.mktemp("sweep")
    write_user_items(tiny_interactions(), root / "data")
    before: list[Told] = []
    after: list[Told] = []

    def stop_after_three(*told: Any) -> None:
        before.append(told)
        # The first is told at the start, before any training.
        if len(before) == 1 + 3:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        # More trainings than one process gets.
        patched.setattr(sweeps, "MODELS_PER_PROCESS", 5)
        with pytest.raises(KeyboardInterrupt):
            sweep_of(root / "data", out=root / "out", on_done=stop_after_three, **REQUEST)
        shutil.copytree(root / "out", root / "stopped")
        request = {**REQUEST, "on_done": lambda *told: after.append(told)}
        found = sweep_of(root / "data", out=root / "out", **request)
    return root / "out", found, before, after


def test_nothing_is_trained_twice_and_nothing_is_left_out(swept) -> None:
    _, found, before, after = swept
    # Full, reduced_width, memcom cold and warm: two settings with the first seed, the better one with the other.
    assert len(found.trials) == 4 * 3
    assert found.missing == 0
    first, second = ({what for _, _, what in told if what} for told in (before, after))
    assert not first & second
    # One may have become done when the sweep was stopped, without anybody being told.
    assert 12 - 3 - 1 <= len(second) <= 12 - 3


def test_every_training_that_is_done_is_told_with_how_many_there_are(swept) -> None:
    folder, _, before, after = swept
    stopped = records.read(Sweep, folder.parent / "stopped" / "sweep.json", "sweep")
    assert (before[0], after[0]) == ((0, 12, ""), (len(stopped.trials), 12, ""))
    for told in (before, after):
        counts = [done for done, _, _ in told]
        assert counts == sorted(counts)
    assert after[-1][:2] == (12, 12)


def test_an_interrupted_sweep_reports_what_is_done(swept) -> None:
    folder, found, before, _ = swept
    stopped = records.read(Sweep, folder.parent / "stopped" / "sweep.json", "sweep")
    assert len(before) - 1 <= len(stopped.trials) == len(found.trials) - stopped.missing
    assert read_users(folder.parent / "stopped", stopped).shape == (len(stopped.trials), tiny_interactions().users)


def test_a_sweep_in_which_a_training_fails_says_which_and_reports_the_others(tmp_path) -> None:
    write_user_items(tiny_interactions(), tmp_path / "data")
    request = {**REQUEST, "methods": ["hashing"], "ratios": [4.0], "warm": [], "search": {}, "seeds": [0]}
    settings = {**SETTINGS, "epochs": 1}
    done: list[str] = []

    def spoil(*told: Any) -> None:
        done.append(told[-1])
        # Where the next training would write.
        place = plans.place(tmp_path / "out", Cell("hashing", "random", 4.0), {}, 0)
        if not place.exists():
            place.mkdir(parents=True)
            (place / "stranger").touch()

    with pytest.raises(OnDeviceError, match=r"training 'hashing@random at 4x, seed 0' failed: .* exists already"):
        sweep_of(tmp_path / "data", out=tmp_path / "out", on_done=spoil, **{**request, "settings": settings})
    found = records.read(Sweep, tmp_path / "out" / "sweep.json", "sweep")
    assert [trial.variant for trial in found.trials] == [FULL_CELL.variant]
    assert found.missing == 1


def test_a_process_that_is_ended_from_outside_is_told(tmp_path, monkeypatch) -> None:
    class Broken(Future):
        def result(self, timeout: float | None = None) -> None:
            raise BrokenProcessPool("terminated abruptly")

    class Pool:
        def __enter__(self) -> Pool:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def submit(self, *call: object) -> Broken:
            broken = Broken()
            broken.set_result(None)
            return broken

        def shutdown(self, wait: bool, cancel_futures: bool) -> None:
            pass

    write_user_items(tiny_interactions(), tmp_path / "data")
    request = {**REQUEST, "methods": ["hashing"], "warm": [], "search": {}, "seeds": [0]}
    monkeypatch.setattr(sweeps, "_pool", lambda jobs: Pool())
    with pytest.raises(OnDeviceError, match=r"ended from outside.*; the same command goes on .* fewer --jobs"):
        sweep_of(tmp_path / "data", out=tmp_path / "out", **request)
    assert records.read(Sweep, tmp_path / "out" / "sweep.json", "sweep").missing == 3


def test_a_history_that_leaves_too_few_items_is_refused_before_any_training(tmp_path) -> None:
    write_user_items(tiny_interactions(), tmp_path / "data")
    request = {**REQUEST, "search": {"history_length": [48, 281]}}
    with pytest.raises(UsageError, match="history_length is 281; allowed is at most 280"):
        sweep_of(tmp_path / "data", out=tmp_path / "out", **request)
    assert not (tmp_path / "out").exists()


def test_a_sweep_that_is_interrupted_at_once_can_be_resumed(tmp_path, monkeypatch) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    write_user_items(tiny_interactions(), tmp_path / "data")
    request = {**REQUEST, "methods": ["hashing"], "warm": [], "search": {}, "seeds": [0]}
    with monkeypatch.context() as patched:
        patched.setattr(sweeps, "_train_all", interrupt)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                sweep_of(tmp_path / "data", out=tmp_path / "out", **request)
    assert records.read(Sweep, tmp_path / "out" / "sweep.json", "sweep").missing == 3


def test_the_setting_is_chosen_by_the_validation_metric_of_the_first_seed(swept) -> None:
    _, found, _, _ = swept
    for variant in {trial.variant for trial in found.trials}:
        first = [trial for trial in found.trials if trial.variant == variant and trial.seed == 0]
        assert len(first) == 2
        best = max(first, key=lambda trial: trial.validation)
        assert best.validation > min(trial.validation for trial in first)
        kept = [trial.setting for trial in found.trials if trial.variant == variant and trial.chosen]
        assert kept == [best.setting] * 2


def test_a_ratio_out_of_reach_is_listed_with_its_reason(swept) -> None:
    _, found, _, _ = swept
    assert {(each.method, each.ratio) for each in found.refused} == {("memcom", 40.0), ("reduced_width", 40.0)}
    assert all("out of reach" in each.reason for each in found.refused)


def test_a_warm_start_begins_with_the_full_table_of_its_seed(swept) -> None:
    folder, found, _, _ = swept
    setting = next(trial.setting for trial in found.trials if trial.variant == "memcom@random+warm" and trial.chosen)
    for seed in (0, 1):
        run = open_run(plans.place(folder, Cell("memcom", "random", 4.0, warm=True), setting, seed))
        assert run.config.warm_start
        teacher = open_run(Path(run.config.teacher))
        assert (teacher.config.method, teacher.config.seed) == ("full", seed)


def test_models_are_compared_over_users_with_their_metric_averaged_over_seeds(swept) -> None:
    _, found, _, _ = swept
    for compared in found.comparisons:
        means = {}
        for variant in (compared.variant, found.baseline):
            kept = [trial for trial in found.trials if trial.variant == variant and trial.chosen]
            means[variant] = np.mean([trial.test["ndcg@20"] for trial in kept])
        assert compared.seeds == 2
        assert compared.change == pytest.approx(means[compared.variant] / means[found.baseline] - 1, rel=1e-6)
        assert compared.low < compared.change < compared.high
        # The interval leaves zero out exactly where the test finds a difference at 5 %.
        assert (compared.low <= 0 <= compared.high) == (compared.p_value >= 0.05)
        quantile = scipy.stats.t.ppf(0.975, compared.users - 1)
        t_value = compared.change / ((compared.high - compared.low) / 2 / quantile)
        assert compared.p_value == pytest.approx(2 * scipy.stats.t.sf(abs(t_value), compared.users - 1), rel=1e-6)


def test_the_report_holds_every_model(swept) -> None:
    folder, found, _, _ = swept
    assert records.read(Sweep, folder / "sweep.json", "sweep") == found
    for name in ("sweep.md", "sweep.html"):
        text = (folder / name).read_text()
        assert all(compared.variant in text for compared in found.comparisons)
        assert "out of reach" in text


def test_the_report_holds_the_metric_by_how_often_items_occur(swept) -> None:
    folder, found, _, _ = swept
    table = (folder / "sweep.md").read_text().partition("## Models")[2].splitlines()
    header, baseline = (line.split(" | ") for line in (table[2], table[4]))
    full = [trial for trial in found.trials if trial.variant == found.baseline and trial.chosen]
    for name in ("head", "torso", "tail"):
        value = np.mean([trial.by_popularity[name]["ndcg@20"] for trial in full])
        assert baseline[header.index(name)] == f"{value:.4f}"


def test_a_sweep_goes_on_from_its_report_alone_wherever_the_data_are(swept, tmp_path) -> None:
    folder, found, _, _ = swept
    shutil.copytree(folder.parent / "data", tmp_path / "elsewhere")
    for name in ("sweep.json", "sweep-users.npz", "sweep.md"):
        (tmp_path / "out").mkdir(exist_ok=True)
        shutil.copy(folder / name, tmp_path / "out")
    told: list[Told] = []
    # What a warm start begins with is no figure.
    request = {**REQUEST, "warm": [], "on_done": lambda *what: told.append(what)}
    again = sweep_of(tmp_path / "elsewhere", out=tmp_path / "out", **request)
    assert told == [(9, 9, "")]
    assert again.trials == tuple(trial for trial in found.trials if not trial.variant.endswith("+warm"))


@pytest.mark.parametrize("changed", [{"settings": {**SETTINGS, "epochs": 3}}, {"search": {"learning_rate": [0.02]}}])
def test_a_report_of_another_protocol_is_refused(swept, tmp_path, changed: dict[str, Any]) -> None:
    folder, _, _, _ = swept
    for name in ("sweep.json", "sweep-users.npz"):
        shutil.copy(folder / name, tmp_path)
    with pytest.raises(UsageError, match="exists already"):
        sweep_of(folder.parent / "data", out=tmp_path, **{**REQUEST, **changed})
    assert not (tmp_path / "sweep-plan.json").exists()


def test_a_folder_of_another_sweep_is_refused(swept) -> None:
    folder, _, _, _ = swept
    with pytest.raises(UsageError, match="another request"):
        sweep_of(folder.parent / "data", out=folder, **{**REQUEST, "seeds": [0]})


PLAN = SweepPlan("synthetic", "", ("hashing",), (4.0,), ("random", "semantic"), (0,))


def variants(**changed: object) -> list[str]:
    found, _ = plans.cells(dataclasses.replace(PLAN, **changed), tiny_interactions())
    return [cell.variant for cell in found]


def test_a_method_is_trained_in_every_order_that_makes_a_difference() -> None:
    assert variants() == ["full@as_given", "hashing@random", "hashing@semantic"]
    assert variants(methods=("reduced_width",)) == ["full@as_given", "reduced_width@as_given"]
    assert variants(methods=("truncate_rare",)) == ["full@as_given", "truncate_rare@frequency"]


@pytest.mark.parametrize("method", ["hashing:width=128", "quotient_remainder:operation=features"])
def test_what_can_not_start_warm_is_listed_with_its_reason_before_any_training(method: str) -> None:
    plan = dataclasses.replace(PLAN, methods=(method, "hashing"), warm=(method, "hashing"))
    found, refused = plans.cells(plan, tiny_interactions())
    assert [cell.variant for cell in found if cell.warm] == ["hashing@random+warm", "hashing@semantic+warm"]
    assert [(each.method, each.reason) for each in refused] == [
        (f"{method}+warm", "vectors of width 128 can't start from those of the full table, 64."),
    ]


def test_a_width_of_its_own_keeps_the_bytes_of_the_ratio() -> None:
    wide = plans.config_of(PLAN, Cell("memcom:width=128", "random", 4.0), {}, 0)
    usual = plans.config_of(PLAN, Cell("memcom", "random", 4.0), {}, 0)
    assert (wide.width, wide.ratio / usual.ratio) == (128, 128 / usual.width)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"methods": ()}, "methods is"),
        ({"methods": ("full",)}, "trained in any case"),
        ({"methods": ("nonsense",)}, "nonsense"),
        ({"methods": ("hashing:width=wide",)}, "whole number"),
        ({"ratios": (4.0, 4.0)}, "each once"),
        ({"ratios": (0.5,)}, "ratio"),
        ({"orders": ("sorted",)}, "sorted"),
        ({"seeds": ()}, "seeds is"),
        ({"warm": ("memcom",)}, "warm start is asked for 'memcom'"),
        ({"warm": ("hashing",), "search": {"width": (16, 32)}}, "width is to be searched"),
        ({"search": {"colour": (1.0,)}}, "colour"),
        ({"search": {"optimizer": ("sgdd",)}}, "sgdd"),
        ({"search": {"learning_rate": (0.1, 0.1)}}, "each once"),
    ],
)
def test_a_senseless_plan_is_refused(changed: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plans.check(dataclasses.replace(PLAN, **changed))


def test_a_setting_may_be_a_word() -> None:
    plan = dataclasses.replace(PLAN, search={"optimizer": ("adamw", "amsgrad"), "epochs": (3,)})
    settings = plan.candidates()
    assert [plans.place(Path(), FULL_CELL, setting, 0).parts[2] for setting in settings] == [
        "optimizer=adamw,epochs=3",
        "optimizer=amsgrad,epochs=3",
    ]
    assert [plans.config_of(plan, FULL_CELL, setting, 0).optimizer for setting in settings] == [
        "adamw", "amsgrad",
    ]  # fmt: skip
    assert records.from_json(SweepPlan, records.to_json(plan), "plan") == plan


def test_the_full_table_has_as_many_candidates_as_any_other() -> None:
    plan = dataclasses.replace(PLAN, search={"learning_rate": (0.01, 0.02), "dropout": (0.3, 0.5)})
    assert len(plan.candidates()) == 4
    for cell in (FULL_CELL, Cell("hashing", "random", 4.0)):
        configs = [plans.config_of(plan, cell, setting, 0) for setting in plan.candidates()]
        assert len({(config.learning_rate, config.dropout) for config in configs}) == 4
