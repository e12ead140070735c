"""Every optimizer learns, and the lazy one moves exactly the rows that were used."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from ondevice.embeddings.layer import PER_ID_MARK, CompressedEmbedding
from ondevice.errors import UsageError
from ondevice.training.fit import fit
from ondevice.training.optimizer import OPTIMIZERS, compiled, make
from tests.samples import METHODS
from tests.tiny_runs import tiny_config, tiny_interactions


def test_members_found_are_pinned() -> None:
    assert sorted(OPTIMIZERS) == ["adagrad", "adamw", "amsgrad", "lazy_adamw"]
    assert [name for name in OPTIMIZERS if not compiled(name)] == ["lazy_adamw"]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_learns(name: str, tmp_path) -> None:
    run = fit(tiny_config("memcom block", optimizer=name, epochs=3), tiny_interactions(), tmp_path / "run", quiet)
    losses = [epoch.loss for epoch in run.result.history]
    assert losses[-1] < losses[0]
    assert run.config.optimizer == name


@pytest.mark.parametrize("size", [1.0, 1e-4])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_first_step_does_not_depend_on_how_large_gradients_are(name: str, size: float) -> None:
    """Those of a loss that is averaged over a batch are small."""
    variable = keras.Variable(np.zeros((4, 3), np.float32))
    make(name, 0.01, 0.0).apply([tf.fill([4, 3], size)], [variable])
    np.testing.assert_allclose(variable.numpy(), -0.01, rtol=0.05)


def quiet(done: int, total: int, share: float) -> None:
    pass


def test_an_unknown_optimizer_is_refused() -> None:
    with pytest.raises(UsageError, match="optimizer"):
        tiny_config("memcom block", optimizer="sgdd")


def after_step(name: str, gradient: object, decay: float, *, compile_step: bool = False) -> np.ndarray:
    """Return a table of six rows of ones after a step."""
    variable = keras.Variable(np.ones((6, 2), np.float32))
    made = make(name, 0.01, decay)
    made.build([variable])
    tf.function(lambda: made.apply([gradient], [variable]), jit_compile=compile_step)()
    return np.asarray(variable)


TWICE = tf.IndexedSlices(
    tf.constant([[1.0, 2.0], [3.0, -1.5], [0.5, 0.5]]), tf.constant([2, 2, 4]), tf.constant([6, 2])
)
SUMS = tf.constant([[0.0, 0.0], [0.0, 0.0], [4.0, 0.5], [0.0, 0.0], [0.5, 0.5], [0.0, 0.0]])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_row_used_twice_gets_the_step_of_its_whole_gradient(name: str) -> None:
    """Keras' own optimizers square the gradient of each use, and their first step already is another one."""
    for compile_step in {False, compiled(name)}:
        steps = [after_step(name, gradient, 0.0, compile_step=compile_step) for gradient in (TWICE, SUMS)]
        np.testing.assert_allclose(steps[0], steps[1], rtol=1e-6)
    assert sorted(np.flatnonzero((steps[0] != 1).any(axis=1))) == [2, 4]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weight_decay_shrinks_rows_that_are_not_used_unless_steps_are_lazy(name: str) -> None:
    decayed = after_step(name, TWICE, 0.5) / after_step(name, TWICE, 0.0)
    np.testing.assert_allclose(decayed[[0, 1, 3, 5]], 1.0 if name == "lazy_adamw" else 1 - 0.01 * 0.5, rtol=1e-6)
    assert (decayed[[2, 4]] < 1).all()


def train(method: str, optimizer: str, decay: float, batches: list[np.ndarray]) -> list[np.ndarray]:
    """Take one step per batch; return the first table before the first step and after each."""
    keras.utils.set_random_seed(4)
    layer, head = CompressedEmbedding.of(METHODS[method]), keras.layers.Dense(1)
    head(layer(batches[0]))
    made = make(optimizer, 0.01, decay)
    made.exclude_from_weight_decay(var_names=[PER_ID_MARK, "bias"])
    variables = [*layer.trainable_variables, *head.trainable_variables]
    first = METHODS[method].tables()[0].name
    values = [layer.table_values()[first].copy()]
    for batch in batches:
        with tf.GradientTape() as tape:
            targets = tf.linspace(-1.0, 2.0, len(batch))[:, None]
            loss = tf.reduce_mean(tf.square(head(tf.reduce_mean(layer(batch), axis=1)) - targets))
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        made.apply(gradients, variables)
        values.append(layer.table_values()[first].copy())
    return values


@pytest.mark.parametrize("method", ["full", "memcom mod", "hash_embedding 2 mod"])
@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_lazy_steps_equal_dense_ones_where_every_row_is_used(method: str, decay: float) -> None:
    """With every id in every batch, several times, nothing stands still, so both do the same."""
    every = np.arange(METHODS[method].vocabulary_size, dtype=np.int32)
    batches = [np.stack([every, every[::-1], np.roll(every, step)]) for step in range(4)]
    lazy = train(method, "lazy_adamw", decay, batches)
    expected = train(method, "adamw", decay, batches)
    for found, wanted in zip(lazy, expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
    assert not np.allclose(lazy[0], lazy[-1], atol=1e-3)


@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_a_lazy_step_leaves_rows_that_were_not_used_alone(decay: float) -> None:
    batches = [np.array([[3, 4, 4], [9, 3, 3]], np.int32), np.array([[7, 7, 7], [7, 9, 9]], np.int32)]
    before, middle, after = train("full", "lazy_adamw", decay, batches)
    assert sorted(np.flatnonzero((before != middle).any(axis=1))) == [3, 4, 9]
    assert sorted(np.flatnonzero((middle != after).any(axis=1))) == [7, 9]


@pytest.mark.parametrize("method", ["full", "memcom mod", "hash_embedding 2 mod"])
def test_a_lazy_step_reads_no_table_as_a_whole(method: str) -> None:
    """A single read makes a step as slow as the table is long: TensorFlow copies what is written to by rows."""
    layer = CompressedEmbedding.of(METHODS[method])
    ids = tf.constant([[3, 4, 4], [9, 3, 3]], tf.int32)
    layer(ids)
    made = make("lazy_adamw", 0.01, 0.2)
    made.build(layer.trainable_variables)

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(layer(ids, training=True)))
        gradients = tape.gradient(loss, [variable.value for variable in layer.trainable_variables])
        made.apply(gradients, layer.trainable_variables)

    operations = step.get_concrete_function().graph.get_operations()
    shapes = {tuple(variable.shape) for variable in layer.trainable_variables}
    reads = [one.name for one in operations if one.type == "ReadVariableOp" and tuple(one.outputs[0].shape) in shapes]
    assert reads == []
    assert "ResourceGather" in {one.type for one in operations}
