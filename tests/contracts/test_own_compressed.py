"""What `compress` must do to every model of `tests/own_models`: in place, saved, loaded, and out as a proven file."""

from __future__ import annotations

import atexit
import functools
import pickle
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import ondevice
from ondevice.compression.report import CompressionReport
from tests import own_case
from tests.own_case import Case

CONFIGS: dict[str, dict[str, Any]] = {
    "bst": {"movie_.*": {"method": "hashing"}, "user_.*": {"method": "quotient_remainder", "order": "as_given"}},
    "dcn": {".*": "hashing", "user_.*": {"method": "quotient_remainder", "options": {"operation": "add"}}},
    "deep_recommender": {"user_embedding": "compositional", "title_.*": {"method": "hashing", "order": "frequency"}},
    "dlrm": {"table_0": "hash_embedding", "table_1": "hashing", "table_2": {"method": "factorized"}},
    "gru": {".*": {"method": "hashing", "order": "semantic"}},
    "intents": {".*": {"method": "factorized"}},
    "interest": {".*item": "quotient_remainder", ".*user": {"method": "truncate_rare"}},
    "rating": {"user_embedding": "double_hashing", "movie_embedding": {"method": "full", "scheme": "int4_row"}},
    "sas_rec": {"item_embedding": {"method": "factorized"}},
    "static_text": {".*": {"method": "robe"}},
    "two_towers": {"candidate_.*": {"method": "factorized"}, "user_embedding": "keep"},
    "wide_deep": {".*": "hashing"},
}
"""Patterns for each model, so that many methods, orders and a scheme are among them."""

MATRIX = [(name, 4) for name in own_case.names()] + [(name, 16) for name in own_case.names()[::2]]
"""Every second model at 16x, too: each of these takes a quarter of a minute."""
RECIPE = {4: "int8", 16: "int4"}
MAX_LOSS = {4: 0.01, 16: 0.05}
"""Largest relative loss of a file's metric; at 16x sixteen ids share each row of four bits."""

FRESH = """
import pickle, sys
import keras, numpy, ondevice
from tests import own_case
for name in own_case.names():
    __import__(f"{own_case.PACKAGE}.{name}")
for folder in sys.argv[1:]:
    with open(f"{folder}/x", "rb") as file:
        x = pickle.load(file)
    model = keras.saving.load_model(f"{folder}/small.keras")
    answers = model(keras.tree.map_structure(own_case.tensor, x), training=False)
    numpy.savez(f"{folder}/y.npz", *[numpy.asarray(each) for each in keras.tree.flatten(answers)])
    layers = [each for each in model._flatten_layers() if isinstance(each, ondevice.CompressedEmbedding)]
    print(*sorted(layer.name for layer in layers))
"""
"""Loads models and answers with them, in a process that knows nothing but their classes and this package."""


@dataclass(frozen=True, eq=False)
class Small:
    """A compressed model, as it was saved before it was fitted on.

    Args:
        case: the model, and what belongs to it.
        report: what compressing told.
        folder: holds the saved model and its inputs.
        answers: its answers when it was saved.
    """

    case: Case
    report: CompressionReport
    folder: Path
    answers: list[np.ndarray]


@functools.cache
def compressed(name: str, ratio: float) -> Small:
    """Load a model that is fitted with ordinary tables, compress it by its patterns, and save it."""
    case = own_case.load(name, False)
    x, y = own_case.TRAINING.get(case.model, (case.x, None))
    tables = {layer.name for layer in case.model._flatten_layers() if isinstance(layer, keras.layers.Embedding)}
    small = {"wide_.*": "keep"} if any(table.startswith("wide_") for table in tables) else {}
    report = ondevice.compress(
        case.model,
        ratio,
        data=(x, y),
        config={
            pattern: what if what == "keep" else {"method": what} if isinstance(what, str) else what
            for pattern, what in {**CONFIGS[name], **small}.items()
        }
        if ratio == 4
        else {".*": {"order": "as_given"}, **small},
        method="memcom" if ratio == 4 else "hashing",
        vocabularies=case.vocabularies or None,
        skip_below=2_000,
        verbose=False,
    )
    folder = Path(tempfile.mkdtemp(prefix="ondevice-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    case.model.save(folder / "small.keras")
    (folder / "x").write_bytes(pickle.dumps(case.x))
    return Small(case, report, folder, answers(case))


def answers(case: Case) -> list[np.ndarray]:
    found = case.model(keras.tree.map_structure(own_case.tensor, case.x), training=False)
    return [np.asarray(each) for each in keras.tree.flatten(found)]


@pytest.mark.parametrize(("name", "ratio"), MATRIX, ids=[f"{name} {ratio}x" for name, ratio in MATRIX])
def test_a_compressed_model_is_fitted_on_and_goes_out_proven(name: str, ratio: int, tmp_path: Path) -> None:
    small = compressed(name, ratio)
    case, report = small.case, small.report
    changed = [table for table in report.tables if table.method != "keep"]
    assert changed
    assert report.after < report.before
    for table in changed:
        assert table.error is not None
        assert 0 <= table.error <= 1
    if case.model in own_case.TRAINING:
        x, y = own_case.TRAINING[case.model]
        before = answers(case)
        # Compiled anew by nobody: the model is fitted on as it is.
        case.model.fit(keras.tree.map_structure(own_case.tensor, x), y, batch_size=128, epochs=1, verbose=0)
        assert any(not np.array_equal(one, other) for one, other in zip(before, answers(case), strict=True))
    if hasattr(case.model, "index"):
        case.model.index()
    kind, arguments = case.head
    bundle = ondevice.export(
        case.model,
        tmp_path / "bundle",
        sample=case.sample,
        vocabularies=case.vocabularies or None,
        head=getattr(ondevice, kind)(**arguments),
        recipe=RECIPE[ratio],
    )
    found = {each.layer: each for each in bundle.manifest.embeddings}
    for table in changed:
        if table.name in found:
            assert found[table.name].method == table.method
            assert (found[table.name].order == "") == (table.order == "")
        else:
            assert table.name in bundle.manifest.skipped
    result = ondevice.validate(bundle, case.model, (case.x, case.y), metric=case.metric, max_loss=MAX_LOSS[ratio])
    assert result.valid, [failure for each in result.results for failure in each.failures]


def test_compressed_models_are_loaded_in_a_fresh_process(tmp_path: Path) -> None:
    """A model of a class of its own makes ordinary tables there, which become what they were when it was saved."""
    found = [compressed(name, 4) for name in own_case.names()]
    (tmp_path / "load.py").write_text(FRESH)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "load.py"), *(str(each.folder) for each in found)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "", "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for small, loaded in zip(found, done.stdout.splitlines(), strict=True):
        assert loaded.split() == sorted(table.name for table in small.report.tables if table.method != "keep")
        with np.load(small.folder / "y.npz") as stored:
            for one, other in zip(small.answers, stored.values(), strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
