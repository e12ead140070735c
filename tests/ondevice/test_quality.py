"""The best quality: every model but the full table starts from it, and learns from its scores where that is better."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ondevice import records
from ondevice.embeddings.method import registry
from ondevice.pipeline.quality import BEST, DEFAULT, told, train_best, ways_to_train
from ondevice.pipeline.run import run
from ondevice.training.run_folder import CONFIG_FILE, RESULT_FILE, SCHEMA_VERSION, Epoch, TrainResult, open_run
from tests.tiny_runs import tiny_config, tiny_interactions, write_user_items

SETTINGS = {
    "width": 16, "history_length": 48, "sample_length": 24, "batch_size": 50, "epochs": 2, "patience": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> tuple[Path, list[str]]:
    root = tmp_path_factory.mktemp("quality")
    write_user_items(tiny_interactions(), root / "data")
    steps: list[str] = []
    run(
        "user-items", root / "data", variants=["memcom@semantic", "full@as_given"], ratio=8.0, seeds=[0, 1],
        recipes=["float32"], devices=["host"], users=20, settings=SETTINGS, quality=BEST, out=root / "out",
        on_step=lambda step: steps.append(step.what),
    )  # fmt: skip
    return root / "out", steps


def test_the_others_start_from_the_full_table_of_their_seed(folder) -> None:
    out, _ = folder
    for seed in (0, 1):
        taught = open_run(out / "memcom@semantic" / f"seed-{seed}" / "run").config
        assert taught.warm_start
        teacher = open_run(Path(taught.teacher)).config
        assert (teacher.method, teacher.seed, teacher.teacher) == ("full", seed, "")


def validation(folder: Path) -> float:
    return open_run(folder).result.best_validation


def test_the_full_table_comes_first_and_teaches_where_it_is_better(folder) -> None:
    out, steps = folder
    expected = []
    for seed in (0, 1):
        place, full = (out / variant / f"seed-{seed}" for variant in ("memcom@semantic", "full@as_given"))
        expected += [f"train full@as_given, seed {seed}", f"train memcom@semantic, seed {seed}, warm start"]
        others = [path for path in place.glob("run-*") if path.is_dir()]
        assert len(others) <= 1
        kept = open_run(place / "run")
        if others or kept.config.distillation:
            expected.append(f"train memcom@semantic, seed {seed}, distillation")
            assert kept.result.best_validation >= validation(others[0])
            # The one that was trained first, by a start alone, had lost against the full table.
            assert validation(others[0] if kept.config.distillation else place / "run") < validation(full / "run")
        else:
            assert kept.result.best_validation >= validation(full / "run")
    assert [step for step in steps if step.startswith("train")] == expected
    assert steps[0] == expected[0]


def test_the_report_says_who_learned_from_whom(folder) -> None:
    out, _ = folder
    text = (out / "report.md").read_text()
    assert "Started from the full table of their seed: memcom@semantic (seed 0), memcom@semantic (seed 1);" in text


def test_the_default_has_no_teacher_nor_has_the_full_table() -> None:
    full, memcom = registry.load("full")(50, 8), registry.load("memcom")(50, 8, 5)
    assert ways_to_train(DEFAULT, Path("full"), memcom) == {"": {}}
    assert ways_to_train(BEST, Path("full"), full) == {"": {}}
    assert told(DEFAULT, {}) == []


def test_a_model_of_another_width_is_trained_by_itself() -> None:
    narrow = registry.load("reduced_width")(50, 8, 3)
    assert ways_to_train(BEST, Path("full"), narrow) == {"": {}}


class Trainer:
    """Leaves runs behind that reached a given validation metric, and remembers them."""

    def __init__(self, folder: Path, teacher: float, **reached: float) -> None:
        self.reached, self.trained = reached, []
        self.run = folder / "run"
        self.write(folder / "full", teacher)
        self.ways = ways_to_train(BEST, folder / "full", registry.load("memcom")(50, 8, 5))

    def write(self, folder: Path, metric: float, **teaching: Any) -> None:
        records.write(folder / CONFIG_FILE, tiny_config("memcom", **teaching))
        # The second epoch was worse and not kept.
        history = (Epoch(1.0, metric, 0.1), Epoch(1.0, 0.0, 0.1))
        records.write(
            folder / RESULT_FILE, TrainResult(SCHEMA_VERSION, {}, "tiny", 8_000, 0, history, {"users": 1.0}, {})
        )

    def train(self, way: str, teaching: Mapping[str, Any], out: Path) -> None:
        self.trained.append(way)
        self.write(out, self.reached[way.replace(" ", "_")], **teaching)

    def best(self) -> float:
        train_best(self.ways, self.run, self.train)
        return validation(self.run)


def test_scores_of_a_better_teacher_are_learned_from_and_the_better_model_is_kept(tmp_path) -> None:
    trainer = Trainer(tmp_path, 0.5, warm_start=0.4, distillation=0.45)
    assert trainer.best() == 0.45
    assert open_run(trainer.run).config.distillation == 0.5
    assert validation(tmp_path / "run-warm-start") == 0.4
    assert not (tmp_path / "run-distillation").exists()
    assert told(BEST, {"a": trainer.run})[0].endswith("better on the validation data: a.")


def test_a_model_that_lost_by_the_scores_is_not_kept(tmp_path) -> None:
    trainer = Trainer(tmp_path, 0.5, warm_start=0.4, distillation=0.35)
    assert trainer.best() == 0.4
    assert trainer.trained == ["warm start", "distillation"]
    assert open_run(trainer.run).config.distillation == 0
    assert told(BEST, {"a": trainer.run})[0].endswith("Started from the full table of their seed: a; learned from its "
        "scores, too, which was better on the validation data: none.")  # fmt: skip


@pytest.mark.parametrize("teacher", [0.4, 0.3])
def test_a_teacher_that_is_no_better_is_not_learned_from(tmp_path, teacher: float) -> None:
    trainer = Trainer(tmp_path, teacher, warm_start=0.4)
    assert trainer.best() == 0.4
    assert trainer.trained == ["warm start"]


def test_what_is_trained_already_is_not_trained_again(tmp_path) -> None:
    trainer = Trainer(tmp_path, 0.5, warm_start=0.4, distillation=0.45)
    trainer.train("warm start", trainer.ways["warm start"], tmp_path / "run-warm-start")
    assert trainer.best() == 0.45
    assert trainer.best() == 0.45
    assert trainer.trained == ["warm start", "distillation"]
