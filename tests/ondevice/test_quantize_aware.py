"""Training that knows of the encoding: rows are those the file will hold, and gradients pass through the rounding."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import registry as methods
from ondevice.embeddings.ops import NumpyOps
from ondevice.errors import UsageError
from ondevice.pipeline.train import train
from ondevice.quantize.scheme import Scheme, registry
from ondevice.training.fit import fit
from ondevice.training.quantize_aware import rounded_tables
from tests.tiny_runs import tiny_config, tiny_interactions

ROUNDED = [name for name in registry.names() if registry.load(name).rounded is not Scheme.rounded]


def test_encodings_of_rows_in_four_bits_and_less_are_trained_for() -> None:
    assert ROUNDED == ["int2_row", "int4_row"]


@pytest.mark.parametrize("name", ROUNDED)
@pytest.mark.parametrize("width", [1, 7, 64])
def test_training_sees_what_decoding_gives(name: str, width: int) -> None:
    scheme = registry.load(name)()
    rows = np.random.default_rng(width).standard_normal((300, width)).astype(np.float32)
    rows[3] = 0
    arrays = scheme.encode(rows, folds=True)
    decoded = scheme.decode(arrays, np.arange(300, dtype=np.int32), NumpyOps(), width)
    assert np.abs(scheme.rounded(tf.constant(rows)).numpy() - decoded).max() < 1e-5


def test_gradients_pass_as_if_nothing_were_rounded() -> None:
    method = methods.load("full")(50, 8)
    layer = CompressedEmbedding.of(method)
    ids = np.array([[3, 4, 3]], np.int32)
    layer(ids)
    gradients = []
    for rounded in ({}, rounded_tables(method, "int4")):
        layer.rounded = rounded
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(layer(ids) * tf.range(24.0).numpy().reshape(1, 3, 8))
        gradients.append(tf.convert_to_tensor(tape.gradient(total, layer.tables["table"].value)).numpy())
    assert gradients[0].any()
    assert np.array_equal(*gradients)


def test_a_run_is_trained_for_the_encoding_and_saved_without_it(tmp_path) -> None:
    plain = tiny_config("memcom block", epochs=2)
    runs = [
        fit(config, tiny_interactions(), tmp_path / str(number), lambda done, total, share: None)
        for number, config in enumerate((plain, dataclasses.replace(plain, quantize_aware="int4")))
    ]
    losses = [run.result.history[-1].loss for run in runs]
    assert losses[0] != losses[1]
    network = keras.saving.load_model(runs[1].folder / "model.keras", compile=False)
    layer = network.get_layer("embedding")
    table = layer.table_values()["shared"]
    assert not np.array_equal(registry.load("int4_row")().rounded(tf.constant(table)).numpy(), table)
    assert np.array_equal(layer.rows()("shared", np.arange(len(table))), table)


@pytest.mark.parametrize(
    ("recipe", "problem"),
    [("int8", "rounds a table's rows to 4 bits or less"), ("mixed", "chooses by the trained tables"), ("int5", "int4")],
)
def test_a_recipe_that_training_can_not_see_is_refused(tmp_path, recipe: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        train(teaching={"quantize_aware": recipe}, out=tmp_path / "run", split_data=tiny_interactions())
    assert not (tmp_path / "run").exists()
