"""What `compress` must do to every model of `tests/own_models`: in place, saved, loaded, and out as a proven file."""

from __future__ import annotations

import pickle
import subprocess
import sys
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

MATRIX = [(name, ratio) for name in own_case.names() for ratio in (4, 16)]
RECIPE = {4: "int8", 16: "int4"}
MAX_LOSS = {4: 0.01, 16: 0.05}
"""Largest relative loss of a file's metric; at 16x sixteen ids share each row of four bits."""

FRESH = """
import pickle, sys
import keras, numpy, ondevice
from tests import own_case
for name in own_case.names():
    __import__(f"{own_case.PACKAGE}.{name}")
with open(sys.argv[2], "rb") as file:
    x = pickle.load(file)
model = keras.saving.load_model(sys.argv[1])
answers = model(keras.tree.map_structure(own_case.tensor, x), training=False)
numpy.savez(sys.argv[3], *[numpy.asarray(each) for each in keras.tree.flatten(answers)])
print(*sorted(layer.name for layer in model._flatten_layers() if isinstance(layer, ondevice.CompressedEmbedding)))
"""


def compressed(name: str, ratio: float) -> tuple[Case, CompressionReport]:
    """Load a model that is fitted with ordinary tables, compress it by its patterns, and fit it on for an epoch."""
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
    return case, report


def answers(case: Case) -> list[np.ndarray]:
    found = case.model(keras.tree.map_structure(own_case.tensor, case.x), training=False)
    return [np.asarray(each) for each in keras.tree.flatten(found)]


@pytest.mark.parametrize(("name", "ratio"), MATRIX, ids=[f"{name} {ratio}x" for name, ratio in MATRIX])
def test_a_compressed_model_is_fitted_on_and_goes_out_proven(name: str, ratio: int, tmp_path: Path) -> None:
    case, report = compressed(name, ratio)
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


@pytest.mark.parametrize("name", own_case.names())
def test_a_compressed_model_is_loaded_in_a_fresh_process(name: str, tmp_path: Path) -> None:
    """A model of a class of its own makes ordinary tables there, which become what they were when it was saved."""
    case, report = compressed(name, 4)
    case.model.save(tmp_path / "small.keras")
    (tmp_path / "x").write_bytes(pickle.dumps(case.x))
    (tmp_path / "load.py").write_text(FRESH)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "load.py"), *(str(tmp_path / n) for n in ("small.keras", "x", "y.npz"))],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "", "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == sorted(table.name for table in report.tables if table.method != "keep")
    with np.load(tmp_path / "y.npz") as stored:
        for one, other in zip(answers(case), stored.values(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
