"""The best quality: every model but the full table starts from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondevice.embeddings.method import registry
from ondevice.pipeline.quality import BEST, DEFAULT, teaching
from ondevice.pipeline.run import Step, run
from ondevice.training.run_folder import open_run
from tests.tiny_runs import tiny_interactions, write_user_items

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


def test_the_full_table_comes_first(folder) -> None:
    _, steps = folder
    trained = [step for step in steps if step.startswith("train")]
    assert trained == [
        f"train {variant}, seed {seed}" for seed in (0, 1) for variant in ("full@as_given", "memcom@semantic")
    ]
    assert Step(1, 2, trained[0]).what == steps[0]


def test_the_default_has_no_teacher_nor_has_the_full_table() -> None:
    full, memcom = registry.load("full")(50, 8), registry.load("memcom")(50, 8, 5)
    assert teaching(DEFAULT, Path("full"), memcom) == {}
    assert teaching(BEST, Path("full"), full) == {}


def test_a_model_of_another_width_is_trained_by_itself() -> None:
    narrow = registry.load("reduced_width")(50, 8, 3)
    assert teaching(BEST, Path("full"), narrow) == {}
