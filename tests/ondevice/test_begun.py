"""Going on with other data is noticed, and nothing is written before."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ondevice.data.begun import DATA_FILE
from ondevice.data.interactions import Interactions
from ondevice.data.lists import Lists
from ondevice.errors import UsageError
from ondevice.pipeline.plan import Plan
from ondevice.pipeline.plan import claim as claim_plan
from ondevice.pipeline.train import configure
from ondevice.training.run_folder import CHECKPOINTS, claim

ONE, OTHER = Lists.of([[0, 1], [1, 2]]), Lists.of([[1, 0], [1, 2]])
NOTHING = Lists.of([[], []])
DATA = Interactions("small", tuple("abc"), ONE, NOTHING, NOTHING, ordered=True)
CHANGED = {
    "order": dataclasses.replace(DATA, train=OTHER),
    "split": dataclasses.replace(DATA, train=NOTHING, test=ONE),
    "users": dataclasses.replace(DATA, train=Lists.of([[0], [1, 1, 2]])),
    "keys": dataclasses.replace(DATA, item_keys=("a", "b", "bc")),
    "kind": dataclasses.replace(DATA, ordered=False),
}


def claim_run(folder: Path, data: Interactions) -> None:
    claim(folder, configure(), data)


def claim_grid(folder: Path, data: Interactions) -> None:
    claim_plan(folder, Plan(configure()), data)


def contents(folder: Path) -> dict[str, Any]:
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("begin", [claim_run, claim_grid])
def test_other_data_are_refused_before_anything_is_written(
    begin: Callable[[Path, Interactions], None], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    begin(folder, DATA)
    before = contents(folder)
    assert DATA_FILE in before
    for what, changed in CHANGED.items():
        with pytest.raises(UsageError, match="was begun with other data than 'small' has now"):
            begin(folder, changed)
        assert contents(folder) == before, what
    begin(folder, dataclasses.replace(DATA, notes=("told otherwise",)))


def test_a_run_that_does_not_say_what_it_was_trained_on_is_refused(tmp_path: Path) -> None:
    claim_run(tmp_path / "out", DATA)
    (tmp_path / "out" / DATA_FILE).unlink()
    claim_run(tmp_path / "out", DATA)
    (tmp_path / "out" / DATA_FILE).unlink()
    (tmp_path / "out" / CHECKPOINTS).mkdir()
    with pytest.raises(UsageError, match="does not say what data it was begun with"):
        claim_run(tmp_path / "out", DATA)
