"""What people put around their tables: each is exported with builtin operations only, or refused by name.

One test per row of what the stock converter makes of it: a file without weights, a Flex operation or a failure.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import ondevice
from ondevice.bundle import Bundle
from ondevice.errors import OnDeviceError
from tests.own_case import tensor

ROWS, WIDTH, LENGTH = 50, 8, 6
WORDS = [f"word {number}" for number in range(ROWS - 2)]

RNG = np.random.default_rng(0)
IDS = RNG.integers(1, ROWS, (5, LENGTH)).astype(np.int32)
PADDED = np.where(np.arange(LENGTH)[None] < np.array([[6], [3], [1], [4], [2]]), IDS, 0).astype(np.int32)
SCALARS = IDS[:, 0]


@pytest.fixture(autouse=True)
def seed() -> None:
    keras.utils.set_random_seed(0)


def table(rows: int = ROWS, **options: Any) -> keras.layers.Embedding:
    return keras.layers.Embedding(rows, WIDTH, embeddings_initializer="normal", name="table", **options)


def proven(model: keras.Model, sample: Any, out: Path, **options: Any) -> Bundle:
    """Export with builtin operations only, and prove that the file answers as Keras does on both runtimes."""
    model(keras.tree.map_structure(tensor, sample))
    bundle = ondevice.export(model, out, sample=sample, recipe="float32", **options)
    assert not [op for op in bundle.manifest.ops if op.startswith(("Flex", "HASHTABLE", "VAR_HANDLE", "READ_VARIABLE"))]
    result = ondevice.validate(bundle, model, sample)
    assert result.valid, [failure for each in result.results for failure in each.failures]
    assert len(result.results) == 2
    return bundle


def proven_or_refused(model: keras.Model, sample: Any, out: Path, layer: str, remedies: str) -> Bundle | None:
    """Export and prove, or refuse such that the layer is named and what to do instead is said."""
    try:
        return proven(model, sample, out)
    except OnDeviceError as error:
        refused(error, out, layer, remedies)
        return None


def refused(error: OnDeviceError, out: Path, layer: str, remedies: str) -> None:
    assert layer in str(error), error
    assert any(remedy in str(error) for remedy in remedies.split("|")), error
    assert "\n" not in str(error)
    assert not out.exists(), "nothing is left behind"


def same_keys(bundle: Bundle, name: str, lookup: keras.layers.Layer) -> None:
    """Assert that the bundle has a key per id of the layer; what reserved ids are called is the bundle's choice."""
    keys = (bundle.folder / f"vocab-{name}.txt").read_text(encoding="utf-8").splitlines()
    expected, reserved = [str(key) for key in lookup.get_vocabulary()], bundle.manifest.feature(name).reserved
    assert len(keys) == len(expected)
    assert keys[reserved:] == expected[reserved:]


def same_operations(bundle: Bundle, expected: set[str]) -> None:
    assert expected <= set(bundle.manifest.ops), bundle.manifest.ops


class Towers(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.users, self.items = table(), keras.layers.Embedding(ROWS, WIDTH, name="items")

    def call(self, inputs: dict[str, Any], training: bool = False) -> dict[str, Any]:
        liked = self.users(inputs["user"]) + keras.ops.mean(self.items(inputs["seen"]), axis=1)
        scores, items = keras.ops.top_k(keras.ops.matmul(liked, keras.ops.transpose(self.items.embeddings)), 5)
        return {"items": items, "scores": scores}


def test_b1_variables_are_frozen(tmp_path: Path) -> None:
    """Through a SavedModel it would become a file of some kilobytes without any weights."""
    bundle = proven(Towers(), {"user": SCALARS, "seen": IDS}, tmp_path / "bundle")
    same_operations(bundle, {"GATHER", "TOPK_V2"})
    assert bundle.manifest.file_bytes > 2 * ROWS * WIDTH * 4
    assert {feature.name for feature in bundle.manifest.inputs} == {"user", "seen"}


@pytest.mark.parametrize("mask_zero", [False, True], ids=["b2", "b3"])
@pytest.mark.parametrize("kind", [keras.layers.GRU, keras.layers.LSTM])
def test_b2_b3_a_recurrent_layer_becomes_a_loop(kind: type, mask_zero: bool, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((LENGTH,), dtype="int32"), table(mask_zero=mask_zero), kind(7)])
    bundle = proven(model, PADDED, tmp_path / "bundle")
    same_operations(bundle, {"GATHER", "WHILE"})
    [feature] = bundle.manifest.inputs
    assert (feature.shape, feature.dtype, feature.size) == ((1, LENGTH), "int32", ROWS)


def test_b4_attention_with_causal_and_padding_mask(tmp_path: Path) -> None:
    ids = keras.Input((LENGTH,), name="ids", dtype="int32")
    mask = keras.Input((LENGTH,), name="mask", dtype="bool")
    items = table()
    x = items(ids)
    attention = keras.layers.MultiHeadAttention(2, 4)
    x = keras.layers.LayerNormalization()(x + attention(x, x, attention_mask=mask[:, None, :], use_causal_mask=True))
    newest = keras.ops.sum(keras.ops.cast(mask, "int32"), axis=1) - 1
    hidden = keras.ops.take_along_axis(x, newest[:, None, None], axis=1)[:, 0]
    values, best = keras.ops.top_k(keras.layers.Dense(ROWS)(hidden), 5)
    model = keras.Model({"ids": ids, "mask": mask}, {"best": best, "values": values})
    bundle = proven(model, {"ids": PADDED, "mask": PADDED > 0}, tmp_path / "bundle")
    kinds = {feature.name: (feature.kind, feature.dtype) for feature in bundle.manifest.inputs}
    assert kinds == {"ids": ("ids", "int32"), "mask": ("bool", "int32")}
    assert {tensor.name: tensor.dtype for tensor in bundle.manifest.outputs} == {"best": "int32", "values": "float32"}


def test_b5_scalars_by_name(tmp_path: Path) -> None:
    inputs = {name: keras.Input((), name=name, dtype="int32") for name in ("movie", "user")}
    vectors = [keras.layers.Embedding(ROWS, WIDTH, name=f"{name}_table")(each) for name, each in inputs.items()]
    x = keras.layers.Concatenate()(vectors)
    x = x * keras.layers.Dense(2 * WIDTH)(x) + x
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid", name="click")(x))
    bundle = proven(model, {"user": SCALARS, "movie": IDS[:, 1]}, tmp_path / "bundle")
    assert {feature.name: feature.shape for feature in bundle.manifest.inputs} == {"movie": (1,), "user": (1,)}
    assert [tensor.name for tensor in bundle.manifest.outputs] == ["click"]


def test_b6_a_masked_mean(tmp_path: Path) -> None:
    pooled = [keras.Input((LENGTH,), dtype="int32"), table(mask_zero=True), keras.layers.GlobalAveragePooling1D()]
    proven(keras.Sequential(pooled), PADDED, tmp_path / "bundle")


def strings(ids: np.ndarray) -> np.ndarray:
    return np.array(["", *WORDS, "never seen"])[ids]


@pytest.mark.parametrize("mask_token", [None, ""], ids=["without padding", "with padding"])
def test_b7_strings_become_ids_and_a_vocabulary(mask_token: str | None, tmp_path: Path) -> None:
    lookup = keras.layers.StringLookup(vocabulary=WORDS, mask_token=mask_token, name="lookup")
    words = keras.Input((LENGTH,), name="words", dtype="string")
    vectors = table(mask_zero=mask_token is not None)(lookup(words))
    model = keras.Model(words, keras.layers.GlobalAveragePooling1D()(vectors))
    sample = strings(PADDED)
    bundle = proven(model, sample, tmp_path / "bundle")
    [feature] = bundle.manifest.inputs
    assert (feature.name, feature.kind, feature.dtype, feature.shape) == ("words", "ids", "int32", (1, LENGTH))
    assert feature.vocabulary == "vocab-words.txt"
    same_keys(bundle, "words", lookup)
    # The id of what the look-up layer does not know, and how many ids are no words.
    assert feature.outside == (0 if mask_token is None else 1)
    assert feature.reserved == (1 if mask_token is None else 2)
    assert feature.padding == (None if mask_token is None else 0)


def test_b8_integers_become_ids_and_a_vocabulary(tmp_path: Path) -> None:
    lookup = keras.layers.IntegerLookup(vocabulary=[1_000 + 7 * each for each in range(ROWS - 1)], name="lookup")
    numbers = keras.Input((), name="code", dtype="int64")
    model = keras.Model(numbers, table()(lookup(numbers)))
    bundle = proven(model, 1_000 + 7 * SCALARS.astype(np.int64), tmp_path / "bundle")
    [feature] = bundle.manifest.inputs
    assert (feature.kind, feature.dtype, feature.size, feature.outside, feature.reserved) == (
        "ids",
        "int32",
        ROWS,
        0,
        1,
    )
    same_keys(bundle, "code", lookup)


@pytest.mark.parametrize("dtype", ["string", "int32"])
def test_b9_hashing(dtype: str, tmp_path: Path) -> None:
    """No vocabulary can stand for it: the app has to hash, or the layer has to go."""
    given = keras.Input((LENGTH,), name="tags", dtype=dtype)
    model = keras.Model(given, table()(keras.layers.Hashing(ROWS, name="hashed_tags")(given)))
    sample = strings(IDS) if dtype == "string" else IDS * 1_000
    bundle = proven_or_refused(model, sample, tmp_path / "bundle", "hashed_tags", "StringLookup|vocabular|ids|hash")
    if bundle:
        [feature] = bundle.manifest.inputs
        assert (feature.name, feature.kind, feature.dtype, feature.size) == ("tags", "ids", "int32", ROWS)


def test_b10_text_becomes_ids_and_a_tokenizer(tmp_path: Path) -> None:
    text = keras.Input((), name="title", dtype="string")
    layer = keras.layers.TextVectorization(
        vocabulary=["good", "bad", "film"], output_sequence_length=LENGTH, name="title_words"
    )
    vectors = table(5, mask_zero=True)(layer(text))
    model = keras.Model(text, keras.layers.GlobalAveragePooling1D()(vectors))
    sample = np.array(["A good film!", "bad, BAD film", "good"])
    bundle = proven_or_refused(model, sample, tmp_path / "bundle", "title_words", "token|vocabular|ids")
    if bundle:
        [feature] = bundle.manifest.inputs
        assert (feature.kind, feature.dtype, feature.shape, feature.padding) == ("ids", "int32", (1, LENGTH), 0)
        same_keys(bundle, "title", layer)
        assert feature.tokenizer is not None
        # What an app must make of texts, so that it can check itself.
        assert bundle.vectors.texts
        for each in bundle.vectors.texts:
            assert each.feature == "title"
            assert list(each.ids) == np.asarray(layer(tf.constant([each.text])))[0].tolist()


def test_b11_numbers_are_scaled_and_put_into_buckets(tmp_path: Path) -> None:
    age = keras.Input((1,), name="age", dtype="float32")
    scale = keras.layers.Normalization(mean=40.0, variance=90.0)
    buckets = keras.layers.Discretization(bin_boundaries=[18.0, 30.0, 50.0], name="buckets")
    x = keras.layers.Concatenate()([scale(age), keras.layers.Flatten()(table(4)(buckets(age)))])
    model = keras.Model(age, keras.layers.Dense(2)(x))
    sample = np.array([[3.0], [18.0], [29.5], [50.0], [77.0]], np.float32)
    bundle = proven(model, sample, tmp_path / "bundle")
    same_operations(bundle, {"BUCKETIZE", "GATHER"})
    [feature] = bundle.manifest.inputs
    assert (feature.kind, feature.dtype, feature.size) == ("number", "float32", 0)


@pytest.mark.parametrize("mode", ["multi_hot", "one_hot", "count"])
def test_b12_category_encoding(mode: str, tmp_path: Path) -> None:
    given = keras.Input((1 if mode == "one_hot" else LENGTH,), name="genres", dtype="int32")
    encoded = keras.layers.CategoryEncoding(ROWS, output_mode=mode, name="genre_flags")(given)
    model = keras.Model(given, keras.layers.Dense(3)(encoded))
    sample = SCALARS[:, None] if mode == "one_hot" else IDS
    bundle = proven_or_refused(model, sample, tmp_path / "bundle", "genre_flags", "Embedding|one-hot|one_hot|numbers")
    if bundle:
        assert [feature.dtype for feature in bundle.manifest.inputs] == ["int32"]


def test_b13_a_hashed_crossing(tmp_path: Path) -> None:
    inputs = {name: keras.Input((), name=name, dtype="string") for name in ("age", "gender")}
    cross = keras.layers.HashedCrossing(ROWS, name="age_and_gender")((inputs["age"], inputs["gender"]))
    model = keras.Model(inputs, table()(cross))
    sample = {"age": np.array(["18", "25", "56"]), "gender": np.array(["f", "m", "f"])}
    bundle = proven_or_refused(model, sample, tmp_path / "bundle", "age_and_gender", "StringLookup|vocabular|ids|hash")
    if bundle:
        assert all(feature.dtype == "int32" for feature in bundle.manifest.inputs)


class Quotients(keras.layers.Layer):
    """The layer of keras-io's memory-efficient embeddings."""

    def __init__(self, lookup: keras.layers.Layer | None) -> None:
        super().__init__(name="quotients")
        self.lookup = lookup
        self.first = keras.layers.Embedding(8, WIDTH, name="quotient")
        self.second = keras.layers.Embedding(8, WIDTH, name="remainder")

    def call(self, keys: Any) -> Any:
        ids = self.lookup(keys) if self.lookup else keys
        return self.first(keras.ops.floor_divide(ids, 8)) * self.second(keras.ops.mod(ids, 8))


def test_b14_whole_numbers_of_64_bits_become_32(tmp_path: Path) -> None:
    given = keras.Input((), name="movie", dtype="int64")
    bundle = proven(keras.Model(given, Quotients(None)(given)), SCALARS.astype(np.int64), tmp_path / "bundle")
    same_operations(bundle, {"FLOOR_DIV", "FLOOR_MOD", "GATHER"})
    assert [feature.dtype for feature in bundle.manifest.inputs] == ["int32"]


def test_b14_behind_a_look_up_of_strings_inside_a_layer(tmp_path: Path) -> None:
    lookup = keras.layers.StringLookup(vocabulary=WORDS, name="movie_lookup")
    given = keras.Input((), name="movie", dtype="string")
    bundle = proven(keras.Model(given, Quotients(lookup)(given)), strings(SCALARS), tmp_path / "bundle")
    same_operations(bundle, {"FLOOR_DIV", "FLOOR_MOD", "GATHER"})
    same_keys(bundle, "movie", lookup)


def test_a_model_that_was_never_called_is_refused(tmp_path: Path) -> None:
    model = keras.Sequential([table(), keras.layers.Dense(1)])
    with pytest.raises(OnDeviceError, match=r"sample|built"):
        ondevice.export(model, tmp_path / "bundle")


def test_scores_beyond_what_exclusion_takes_off_are_refused(tmp_path: Path) -> None:
    ids = keras.Input((5,), dtype="int32", name="history")
    vectors = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(60, 4)(ids))
    scores = keras.layers.Dense(60, kernel_initializer=keras.initializers.RandomUniform(-1e11, 1e11))(vectors)
    model = keras.Model(ids, scores)
    sample = np.arange(20, dtype=np.int32).reshape(4, 5)
    with pytest.raises(OnDeviceError, match=r"differ by .*; allowed are less than 1e\+09, by which the file puts ids"):
        ondevice.export(model, tmp_path / "out", sample=sample, head=ondevice.top_k(3, exclude="history"))
    assert list(tmp_path.iterdir()) == []


def test_more_answers_than_exclusion_leaves_are_refused(tmp_path: Path) -> None:
    ids = keras.Input((4,), dtype="int32", name="items")
    model = keras.Model(ids, keras.layers.Dense(6)(keras.layers.Flatten()(keras.layers.Embedding(6, 2)(ids))))
    head = ondevice.top_k(2, exclude="items", never=1)
    with pytest.raises(OnDeviceError, match="k of the head is 2; allowed is at most 1, since 5 of 6 may go"):
        ondevice.export(model, tmp_path / "bundle", sample=np.ones((2, 4), np.int32), head=head)
    assert not (tmp_path / "bundle").exists()


def looked_up(ids: Any) -> keras.KerasTensor:
    return keras.layers.Dense(2)(keras.layers.Flatten()(keras.layers.Embedding(ROWS, WIDTH, name="items")(ids)))


def test_what_can_not_go_out_is_refused_by_name(tmp_path: Path) -> None:
    ids, text = keras.Input((4,), dtype="int32", name="ids"), keras.Input((1,), dtype="string", name="text")
    plain = keras.Model(ids, looked_up(ids))
    quantized = keras.Model(ids, looked_up(ids))
    quantized.get_layer("items").quantize("int8")
    several = keras.layers.StringLookup(vocabulary=["a", "b"], num_oov_indices=2, name="several")
    flags = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="multi_hot", name="flags")
    rows, words = np.ones((2, 4), np.int32), np.array([["a"], ["b"]])
    ragged = tf.ragged.constant([[1], [1, 2]])
    for model, sample, message in (
        (plain, ragged, "input 'ids' is a RaggedTensor; allowed is one padded to a fixed length"),
        (plain, np.full((2, 4), 2**40), "input 'ids' holds whole numbers beyond int32"),
        (quantized, rows, r"layer 'items' was quantized by Keras \(int8\)"),
        (keras.Model(text, looked_up(several(text))), words, "layer 'several' spreads unknown keys over several ids"),
        (keras.Model(text, keras.layers.Dense(2)(flags(text))), words, "layer 'flags' gives output_mode 'multi_hot'"),
    ):
        with pytest.raises(OnDeviceError, match=message):
            ondevice.export(model, tmp_path / "bundle", sample=sample)
        assert not (tmp_path / "bundle").exists()
