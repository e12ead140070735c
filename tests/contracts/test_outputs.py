"""What every output layer must satisfy, over the registry: formula, config, gradients, sizes, exact best items."""

from __future__ import annotations

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from ondevice.embeddings.method import Method
from ondevice.embeddings.method import registry as methods
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.models.network import load_network, pooled_network
from ondevice.models.output import Output, dense_bytes, output_config, output_from_config, registry
from ondevice.models.output_parts import FORMATS, Tables
from ondevice.models.outputs import tied
from ondevice.models.scores import SCORES
from ondevice.topk.parts import FLOAT32, INT8
from tests.samples import OUTPUTS, SIZE
from tests.tiny_runs import VARIANTS

NAMES = sorted(OUTPUTS)


def embedding_of(output: Output) -> Method:
    return getattr(output, "method", methods.load("full")(SIZE, 8))


def network(output: Output, seed: int = 0) -> keras.Model:
    """Return a network whose tables and output layer hold values as random as can be."""
    keras.utils.set_random_seed(seed)
    model = pooled_network(embedding_of(output), (output.width,), 0.0, output)
    rng = np.random.default_rng(seed)
    values = {}
    for weight in output.weights():
        if weight.trainable:
            values[weight.name] = rng.standard_normal(weight.shape).astype(np.float32)
        else:
            values[weight.name] = rng.integers(0, getattr(output, "codewords", 256), weight.shape).astype(np.uint8)
    model.get_layer(SCORES).assign(values)
    for table in model.get_layer("embedding").tables.values():
        table.assign(rng.standard_normal(table.shape))
    return model


def test_every_member_has_samples_and_is_exported() -> None:
    assert {type(output).__module__.rpartition(".")[2] for output in OUTPUTS.values()} == set(registry.names())
    assert {settings.get("output", "dense") for settings in VARIANTS.values()} == set(registry.names())


def test_members_found_are_pinned() -> None:
    assert registry.names() == ["dense", "local_low_rank", "low_rank", "product_codes", "tied"]


@pytest.mark.parametrize("name", NAMES)
def test_keras_equals_the_formula(name: str) -> None:
    output = OUTPUTS[name]
    layer = network(output).get_layer(SCORES)
    hidden = np.random.default_rng(1).standard_normal((4, output.width)).astype(np.float32)
    kernel, bias = output.as_dense(layer.values())
    assert (kernel.shape, bias.shape) == ((output.width, SIZE), (SIZE,))
    np.testing.assert_allclose(layer(hidden), hidden @ kernel + bias, rtol=1e-4, atol=1e-4)
    assert layer.compute_output_shape((None, output.width)) == (None, SIZE)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("tied")])
def test_a_kernel_too_large_to_compose_gives_the_same_scores(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = network(OUTPUTS[name]).get_layer(SCORES)
    hidden = np.random.default_rng(1).standard_normal((4, OUTPUTS[name].width)).astype(np.float32)
    composed = layer(hidden)
    monkeypatch.setattr(tied, "KERNEL_NUMBERS", 0)
    np.testing.assert_allclose(layer(hidden), composed, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_config_round_trip(name: str) -> None:
    output = OUTPUTS[name]
    assert output_from_config(json.loads(json.dumps(output_config(output)))) == output
    layer = network(output).get_layer(SCORES)
    assert layer.member == output
    again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    configs = [each.get_config() for each in (again, layer)]
    # Keras notes the shapes that a layer was built with, which the new one is not.
    embeddings = [config.pop("embedding")["config"] for config in configs if "embedding" in config]
    assert configs[0] == configs[1]
    assert embeddings[:1] == embeddings[1:]


@pytest.mark.parametrize("name", NAMES)
def test_keras_file_round_trip(name: str, tmp_path) -> None:
    model = network(OUTPUTS[name], 3)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    ids = np.arange(SIZE, dtype=np.int32)[None, :]
    np.testing.assert_array_equal(again(ids), model(ids))
    assert again.count_params() == model.count_params()
    for one, other in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", [name for name in NAMES if OUTPUTS[name].uses_tables])
def test_tables_are_still_tied_after_loading(name: str, tmp_path) -> None:
    model = network(OUTPUTS[name])
    model.save(tmp_path / "model.keras")
    path = tmp_path / "model.keras"
    for each in (model, keras.saving.load_model(path), load_network(path)):
        embedding, scores = each.get_layer("embedding"), each.get_layer(SCORES)
        assert scores.embedding is embedding
        hidden = np.ones((1, OUTPUTS[name].width), np.float32)
        before = np.array(scores(hidden))
        embedding.tables["shared"].assign(embedding.tables["shared"] * 2)
        np.testing.assert_allclose(scores(hidden) - _bias(scores), (before - _bias(scores)) * 2, rtol=1e-4, atol=1e-4)


def _bias(layer: keras.layers.Layer) -> np.ndarray:
    return layer.member.as_dense(layer.values())[1]


@pytest.mark.parametrize("name", NAMES)
def test_gradient_reaches_every_weight(name: str) -> None:
    model = network(OUTPUTS[name])
    layer = model.get_layer(SCORES)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(layer(np.ones((2, OUTPUTS[name].width), np.float32))))
    variables = [variable.value for variable in layer.trainable_variables]
    assert len(variables) == sum(weight.trainable for weight in OUTPUTS[name].weights()) + (
        len(embedding_of(OUTPUTS[name]).tables()) if OUTPUTS[name].uses_tables else 0
    )
    for variable, gradient in zip(layer.trainable_variables, tape.gradient(loss, variables), strict=True):
        own_multipliers = getattr(OUTPUTS[name], "own_multipliers", False)
        if gradient is None:
            assert own_multipliers, variable.path
            assert "output" not in variable.path.rpartition("/")[2]
        else:
            assert np.any(tf.convert_to_tensor(gradient).numpy() != 0), variable.path


@pytest.mark.parametrize("name", NAMES)
def test_declared_sizes_are_what_is_stored(name: str) -> None:
    output = OUTPUTS[name]
    model = network(output)
    layer = model.get_layer(SCORES)
    held = {name: array.shape for name, array in layer.values().items()}
    assert {weight.name: weight.shape for weight in output.weights()}.items() <= held.items()
    for number_format in FORMATS:
        arrays = output.stored(layer.values(), number_format, tables_of(output, model))
        parts = output.parts(number_format, arrays)
        assert [part.name for part in parts] == [part.name for part in output.parts(number_format)]
        assert {part.name for part in parts} | set(output.uses_tables) >= set(arrays)
        for part in parts:
            assert arrays[part.name].shape == part.shape
            # What is not in its final format is a matrix of a dense layer, which the quantizer of these takes.
            assert arrays[part.name].dtype.name in (part.dtype, "float32")
        if "corner" not in arrays:
            # How many corners a hull has, only the values tell.
            assert output.parts(number_format) == parts
            assert output.payload_bytes(number_format) == sum(part.payload_bytes for part in parts)
    own = output.payload_bytes(INT8)
    assert output.ratio == (pytest.approx(dense_bytes(SIZE, output.width) / own) if own else math.inf)


def tables_of(output: Output, model: keras.Model) -> Tables | None:
    if not output.uses_tables:
        return None
    values = model.get_layer("embedding").table_values()
    xp = TensorFlowOps()
    rows = {name: layout.laid_out(values[name]) for name, layout in output.layouts.items()}
    return Tables(values, values, lambda name, row: xp.gather(rows[name], row))


@pytest.mark.parametrize("entries", [0, 1, 12])
@pytest.mark.parametrize("name", NAMES)
def test_best_is_exact(name: str, entries: int) -> None:
    """Against ranking every score, with many equal scores, for excluded ids that are good, repeated or padding."""
    output = OUTPUTS[name]
    model = network(output)
    layer = model.get_layer(SCORES)
    rng = np.random.default_rng(entries)
    # Whole numbers: no rounding hides a wrong order, and many scores are equal.
    whole = {n: np.round(v).astype(v.dtype) for n, v in layer.values().items()}
    layer.assign(whole)
    tables = tables_of(output, model)
    arrays = output.stored(whole, FLOAT32, tables)
    place = tf.zeros([1], tf.int32)
    for _ in range(25):
        hidden = rng.integers(-1, 2, (1, output.width)).astype(np.float32)
        scores = np.array(layer(hidden))[0]
        np.testing.assert_array_equal(output.scores(hidden, arrays, place), scores[None])
        order = np.lexsort((np.arange(SIZE), -scores))
        good = order[: max(1, entries // 2)]
        excluded = np.concatenate([good, rng.integers(0, SIZE, entries)])[:entries].astype(np.int32)
        k = int(rng.integers(1, SIZE - RESERVED_IDS - entries + 1))
        items, values = output.best(hidden, excluded[None], k, arrays, place, tables)
        expected = [item for item in order if item >= RESERVED_IDS and item not in excluded][:k]
        assert np.array(items)[0].tolist() == expected
        np.testing.assert_array_equal(np.array(values)[0], scores[expected])


@pytest.mark.parametrize("entries", [0, 12])
def test_best_is_exact_where_some_runs_have_further_lines(entries: int, monkeypatch) -> None:
    monkeypatch.setattr("ondevice.topk.hulls.FULLER_COST", 0)
    output = OUTPUTS["tied block bias"]
    model = network(output)
    arrays = output.stored(model.get_layer(SCORES).values(), FLOAT32, tables_of(output, model))
    assert arrays["corner_further"].shape[0] > 0
    assert arrays["corner_fuller"].tolist() != [0]
    test_best_is_exact("tied block bias", entries)


@pytest.mark.parametrize("name", NAMES)
def test_fitted_weights_come_near_a_trained_layer(name: str) -> None:
    output = OUTPUTS[name]
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((output.width, SIZE)).astype(np.float32)
    bias = rng.standard_normal(SIZE).astype(np.float32)
    model = network(output)
    layer = model.get_layer(SCORES)
    vectors = rng.standard_normal((SIZE, embedding_of(output).width)).astype(np.float32)
    for given in (None, vectors):
        fit = output.fitted(kernel, bias, 0, given)
        again = output.fitted(kernel, bias, 0, given)
        assert set(fit) == {weight.name for weight in output.weights()} | set(output.uses_tables)
        for key, values in fit.items():
            np.testing.assert_array_equal(values, again[key])
        layer.assign(fit)
        found, found_bias = output.as_dense(layer.values())
        # What shifts all scores of a history alike changes nothing.
        error = (found - kernel) - (found - kernel).mean(axis=1, keepdims=True)
        assert np.sum(error**2) < np.sum((kernel - kernel.mean(axis=1, keepdims=True)) ** 2)
        if given is None and any(weight.name == "bias" for weight in output.weights()):
            assert np.sum((found_bias - bias) ** 2) < np.sum(bias**2)


@pytest.mark.parametrize("name", NAMES)
def test_initial_scores_are_as_small_as_those_of_a_dense_layer(name: str) -> None:
    output = OUTPUTS[name]
    keras.utils.set_random_seed(0)
    model = pooled_network(embedding_of(output), (output.width,), 0.0, output)
    layer = model.get_layer(SCORES)
    layer.assign(output.chosen(None, 0))
    kernel, bias = output.as_dense(layer.values())
    assert not bias.any()
    usual = 0.05 / math.sqrt(3) if output.uses_tables else math.sqrt(2 / (output.width + SIZE))
    spread = kernel.std()
    if any(weight.name == "projection" for weight in output.weights()):
        spread /= math.sqrt(2 * output.method.width / (output.width + output.method.width))
    assert 0.6 * usual < spread < 1.6 * usual


@pytest.mark.parametrize("name", sorted(registry.names()))
@pytest.mark.parametrize("items", [999, 20_000])
@pytest.mark.parametrize("ratio", [1.0, 8.0, 32.0, 5_000.0])
def test_for_ratio_keeps_the_budget_or_names_the_nearest(name: str, items: int, ratio: float) -> None:
    method = methods.load("memcom").for_ratio(items + RESERVED_IDS, 64, 16.0)
    try:
        output = registry.load(name).for_ratio(method, 64, ratio)
    except UsageError as error:
        reachable = float(str(error).rpartition(" ")[2].rstrip("."))
        assert reachable < ratio
        assert registry.load(name).for_ratio(method, 64, reachable).ratio >= reachable
    else:
        assert output.ratio >= ratio
        if name == "local_low_rank":
            assert output.ratio < ratio / 0.93 or output.rank == 64, "the budget is used"
        if name in ("low_rank", "product_codes"):
            knob = "rank" if name == "low_rank" else "codes"
            fields = output.parameters()
            if fields[knob] < 64:
                more = type(output)(output.vocabulary_size, 64, **{**fields, knob: fields[knob] + 1})
                assert more.ratio < ratio, "the budget is used"


@pytest.mark.parametrize("name", sorted(registry.names()))
def test_docstring_has_formula_and_size(name: str) -> None:
    text = registry.load(name).__doc__ or ""
    assert "`" in text
    assert "stores" in text
