"""Damaged files of a training run are refused with a sentence, or are a run that can be asked for everything."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ondevice import records
from ondevice.data.lists import Lists
from ondevice.data.vocabulary import RESERVED_KEYS
from ondevice.task import RANKING
from ondevice.tokenizer import Tokenizer
from ondevice.training import run_folder
from ondevice.training.config import TrainConfig
from ondevice.training.evaluation import Evaluation
from ondevice.training.run_folder import Epoch, TrainResult, open_run
from tests.fuzz.damage import CASES, damaged_bytes, damaged_json, require_told

CONFIG = records.to_json(TrainConfig("synthetic", options={"bias": True}))
RESULT = records.to_json(
    TrainResult(
        run_folder.SCHEMA_VERSION,
        {"vocabulary_size": 60, "width": 8, "rows": 9, "bias": True, "sharing": "block"},
        "summary",
        1_000,
        0,
        (Epoch(1.5, 0.25, 2.0), Epoch(1.25, 0.125, 2.0)),
        {"ndcg@20": 0.5, "users": 3.0},
        {"keras": "3"},
        {"head": {"ndcg@20": 0.5}},
        RANKING,
        ("no", "yes"),
        Tokenizer(),
    )
)
VOCABULARY = "".join(f"{key}\n" for key in (*RESERVED_KEYS, *range(58))).encode()


def _values() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(3.0))
    return file.getvalue()


def _evaluation() -> bytes:
    ids, lists = np.ones((3, 2), np.int32), Lists.of([[2], [3, 4], []])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, run_folder.EVALUATION_FILE)
        Evaluation(ids, lists, lists, ids, ids.astype(np.float32), np.ones(3, np.float32)).write(path)
        return path.read_bytes()


GOOD = {
    run_folder.CONFIG_FILE: json.dumps(CONFIG).encode(),
    run_folder.RESULT_FILE: json.dumps(RESULT).encode(),
    run_folder.VOCABULARY_FILE: VOCABULARY,
    run_folder.TEST_VALUES_FILE: _values(),
    run_folder.EVALUATION_FILE: _evaluation(),
}
JSON: dict[str, Any] = {run_folder.CONFIG_FILE: CONFIG, run_folder.RESULT_FILE: RESULT}


def cases(seed: int) -> Iterator[dict[str, bytes]]:
    """Give files of run folders, one of which is damaged, without end."""
    chosen = random.Random(seed)
    while True:
        name = chosen.choice((*GOOD, *JSON))
        damaged = damaged_json(JSON[name], chosen) if name in JSON else damaged_bytes(GOOD[name], chosen)
        yield {**GOOD, name: damaged}


def run(case: dict[str, bytes]) -> None:
    """Open a run and read all that it holds."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in case.items():
            Path(folder, name).write_bytes(content)
        found = open_run(Path(folder))
        _ = found.result.fields, found.result.best_validation, found.result.seconds
        _ = dataclasses.asdict(found.config), found.method().parameters()
        _ = found.vocabulary(), found.test_values(), len(found.evaluation())


def test_the_good_one_is_read() -> None:
    run(GOOD)


def test_damaged_ones_are_told() -> None:
    for case in itertools.islice(cases(0), CASES):
        require_told(run, case)
