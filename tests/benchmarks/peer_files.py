"""The files that are compared: ours, and what others make of the same model."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import tensorflow as tf
from ai_edge_quantizer import quantizer
from ai_edge_quantizer import recipe as edge_recipes

from ondevice.converters import flatbuffer
from ondevice.converters.convert import convert
from ondevice.converters.model_file import ModelFile
from ondevice.converters.output import LoweredOutput
from ondevice.converters.passes import Facts, stamp
from ondevice.converters.tflite import SIGNATURE
from ondevice.devices.runtimes import DEFAULT_TARGET
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import Method, registry
from ondevice.feature import IDS, Feature
from ondevice.head import top_k, values
from ondevice.ids import PADDING_ID, RESERVED_IDS, UNKNOWN_ID
from ondevice.models.output import Output
from ondevice.models.output import registry as outputs
from ondevice.models.scores import Scores
from ondevice.quantize import recipe as recipes
from ondevice.topk.best import best_items

LENGTH, TOP_K = 50, 10
SCALE = 0.1
"""Standard deviation of all weights."""
BIAS = np.float32(0.01)
"""Biases are as much smaller."""

TIED: Mapping[str, dict[str, bool]] = {
    "": {},
    ", nothing left out": {"excluding": False},
    ", every item scored": {"every": True},
    ", nothing left out, every item scored": {"excluding": False, "every": True},
}
"""How the items of a tied output layer are ranked."""

DENSE_PER_TENSOR = "_experimental_disable_per_channel_quantization_for_dense_layers"
"""Setting of the converter without which tflite-runtime 2.14 refuses its dense layers."""

STOCK: Mapping[str, dict[str, Any]] = {
    "stock float32": {},
    "stock dynamic range": {"optimizations": [tf.lite.Optimize.DEFAULT]},
    "stock dynamic range, dense per tensor": {"optimizations": [tf.lite.Optimize.DEFAULT], DENSE_PER_TENSOR: True},
    "stock float16": {"optimizations": [tf.lite.Optimize.DEFAULT], "supported_types": [tf.float16]},
}
"""What TensorFlow's converter offers without data, as settings of the converter or its target."""

EDGE = ("dynamic_wi8_afp32", "weight_only_wi8_afp32", "dynamic_wi4_afp32")
"""Recipes of ai-edge-quantizer that need no data."""

Answer = Callable[[Any], dict[str, Any]]


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Make random weights, float32 of this shape."""
    return rng.standard_normal(shape, np.float32) * np.float32(SCALE)


def lookup_files(rows: int, width: int, names: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Give the files that look ids up in one table, and nothing else: `ids [1, 50] -> vectors [1, 50, width]`.

    Args:
        rows: rows of the table.
        width: numbers per row.
        names: tells whether a file is wanted.
    """
    table = normal(np.random.default_rng(0), rows, width)
    method = registry.load("full")(rows, width)

    def gather(ids: Any) -> dict[str, Any]:
        return {"vectors": tf.gather(table, ids)}

    def product(ids: Any) -> dict[str, Any]:
        # The converter makes an EMBEDDING_LOOKUP of this, and of nothing else.
        return {"vectors": tf.matmul(tf.one_hot(ids[0], rows), table)[None]}

    yield from _stock_files(gather, names)
    yield from _edge_files("GATHER, ", gather, names)
    yield from _edge_files("EMBEDDING_LOOKUP, ", product, names)
    for recipe in recipes.names():
        if names(f"ours {recipe}"):
            yield f"ours {recipe}", lookup_file(method, {"table": table}, recipe, DEFAULT_TARGET)


def model_files(items: int, width: int, ratio: float, names: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Give the files of a whole ranking model: `ids [1, 50] -> items, scores [1, 10]`, the ids given left out.

    A history becomes the mean of its vectors, goes through one dense layer and is compared with every item. Others get
    the full table and a dense output layer; ours are of that and of MEmCom, whose rows and multipliers score the items,
    too: with and without a bias per item, with and without leaving out the ids given, and as brute force, which scores
    every item.

    Args:
        items: number of items.
        width: numbers per vector and of the hidden layer.
        ratio: parameters of the full table over those of MEmCom.
        names: tells whether a file is wanted.
    """
    size, rng = items + RESERVED_IDS, np.random.default_rng(0)
    hidden_kernel, kernel = normal(rng, width, width), normal(rng, width, size)
    # Small, as scores of random weights are: otherwise every answer would be that of the largest biases.
    bias = normal(rng, size) * BIAS
    full = registry.load("full")(size, width)
    table = normal(rng, size, width)

    def hidden(vectors: Any) -> Any:
        return tf.nn.relu(tf.matmul(tf.reduce_mean(vectors, axis=1), hidden_kernel))

    # Variables, since the converter copies what is a constant from the beginning a few times more.
    stored = [tf.Variable(values) for values in (table, kernel, bias)]

    def whole(ids: Any) -> dict[str, Any]:
        return best(ids, ids)

    def unfiltered(ids: Any) -> dict[str, Any]:
        return best(ids, tf.zeros([1, 0], tf.int32))

    def best(ids: Any, excluded: Any) -> dict[str, Any]:
        scores = tf.matmul(hidden(tf.gather(stored[0], ids)), stored[1]) + stored[2]
        found, values = best_items(tf.ensure_shape(scores, [1, size]), excluded, TOP_K)
        return {"items": found, "scores": values}

    yield from _stock_files(whole, names, stored)
    yield from _stock_files(unfiltered, names, stored, ", nothing left out")
    yield from _edge_files("", whole, names, stored)
    for recipe in recipes.names():
        if names(f"ours full {recipe}"):
            member = outputs.load("dense").for_ratio(full, width, 1.0)
            model = _Model(full, {"table": table}, member, {"kernel": kernel, "bias": bias}, hidden)
            yield f"ours full {recipe}", model.converted(recipe)
    memcom = registry.load("memcom").for_ratio(size, width, ratio, sharing="block")
    for biased in (False, True):
        drawn = _tied(memcom, biased, np.random.default_rng(1), hidden)
        for recipe in recipes.names():
            for answer, options in TIED.items():
                name = f"ours memcom {recipe}{', bias' if biased else ''}{answer}"
                if names(name):
                    yield name, drawn.converted(recipe, **options)


def _tied(method: Method, bias: bool, rng: np.random.Generator, hidden: Callable[[Any], Any]) -> _Model:
    """Draw a model whose items are scored by the rows and multipliers that look them up, and by a bias if wanted."""
    values = {
        table.name: normal(rng, table.rows, table.width) + (table.initializer == "ones") for table in method.tables()
    }
    member = outputs.load("tied").for_ratio(method, method.width, 1.0, own_multipliers=False, bias=bias)
    weights = {weight.name: normal(rng, *weight.shape) * BIAS + weight.center for weight in member.weights()}
    return _Model(method, values, member, {**weights, **values}, hidden)


@dataclass(frozen=True, eq=False)
class _Model:
    """A ranking model to convert as `ondevice export` does."""

    method: Method
    values: Mapping[str, np.ndarray]
    member: Output
    weights: Mapping[str, np.ndarray]
    hidden: Callable[[Any], Any]

    def converted(self, recipe: str, excluding: bool = True, every: bool = False) -> bytes:
        embedding = filled(self.method, self.values)
        scores = Scores(self.member, embedding if self.member.uses_tables else None, name="scores")
        ids = keras.Input((LENGTH,), dtype="int32", name="ids")
        model = keras.Model(ids, scores(keras.layers.Lambda(self.hidden)(embedding(ids))))
        scores.assign({name: self.weights[name] for name in scores.own})
        head = top_k(TOP_K, "ids" if excluding else "", RESERVED_IDS)
        features = [history(self.method.vocabulary_size)]
        with contextlib.ExitStack() as stack:
            if every:
                stack.enter_context(patch.object(LoweredOutput, "best", _every_scored))
                # What only the short cut needs is not in such a file.
                stack.enter_context(patch("ondevice.converters.verify.output_problems", lambda *_: ()))
            return convert(model, features, head, recipes.load(recipe), DEFAULT_TARGET).content


def _every_scored(output: LoweredOutput, hidden: Any, excluded: Any, k: int, place: Any) -> tuple[Any, Any]:
    """Answer without the short cut of the output layer: every item is scored, and the best are picked from these."""
    return best_items(output.scores(hidden, place), excluded, k)


def history(size: int) -> Feature:
    """Make the input of all files, ids that are checked by arithmetic."""
    return Feature("ids", IDS, (1, LENGTH), "int32", size, UNKNOWN_ID, PADDING_ID, RESERVED_IDS)


def filled(method: Method, tables: Mapping[str, np.ndarray]) -> CompressedEmbedding:
    """Make the layer of a method with these tables."""
    layer = CompressedEmbedding.of(method, name="embedding")
    layer.build(None)
    layer.write_tables(tables)
    return layer


def lookup_file(method: Method, tables: Mapping[str, np.ndarray], recipe: str, target: str) -> bytes:
    """Make our file of nothing but a look-up, as `ondevice.export` does.

    Args:
        method: the method.
        tables: its tables by name.
        recipe: name of the recipe.
        target: name of the runtime that the file is for.
    """
    ids = keras.Input((LENGTH,), dtype="int32", name="ids")
    model = keras.Model(ids, filled(method, tables)(ids))
    features = [history(method.vocabulary_size)]
    return convert(
        model, features, values(), recipes.load(recipe), target, call=lambda inputs: {"vectors": model(inputs["ids"])}
    ).content


class Module(tf.Module):
    """One function of 50 ids, and what it is made of."""

    def __init__(self, answer: Answer, stored: Sequence[Any] = ()) -> None:
        super().__init__()
        self.stored = stored
        self.function = tf.function(answer, input_signature=[tf.TensorSpec([1, LENGTH], tf.int32, name="ids")])


def _stock(answer: Answer, stored: Sequence[Any], **settings: Any) -> bytes:
    """Convert as TensorFlow's documentation says; without its variables a module loses its signature."""
    module = Module(answer, stored)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.function.get_concrete_function()], module)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    for name, value in settings.items():
        setattr(converter if hasattr(converter, name) else converter.target_spec, name, value)
    return converter.convert()


def _stock_files(
    answer: Answer, names: Callable[[str], bool], stored: Sequence[Any] = (), suffix: str = ""
) -> Iterator[tuple[str, bytes]]:
    for name, settings in STOCK.items():
        if names(name + suffix):
            yield name + suffix, _stock(answer, stored, **settings)


def _edge_files(
    prefix: str, answer: Answer, names: Callable[[str], bool], stored: Sequence[Any] = ()
) -> Iterator[tuple[str, bytes]]:
    wanted = {recipe: f"edge quantizer {prefix}{recipe}" for recipe in EDGE}
    if not any(names(name) for name in wanted.values()):
        return
    plain = _stock(answer, stored)
    for recipe, name in wanted.items():
        if names(name):
            # It reports on stdout and draws progress bars.
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                work = quantizer.Quantizer(plain, getattr(edge_recipes, recipe)())
                content = bytes(work.quantize().quantized_model)
            yield name, content
            file = ModelFile(content)
            stamp.apply(file, Facts({}, ()))
            corrected = file.write()
            if _versions(corrected) != _versions(content):
                # As the quantizer should have stamped it, so that a runtime that lacks an operation says so.
                yield f"{name}, versions corrected", corrected


def _versions(content: bytes) -> list[tuple[str, int]]:
    return [(operator.name, operator.version) for operator in flatbuffer.read(content).operators]


__all__ = ["LENGTH", "SIGNATURE", "TOP_K", "lookup_file", "lookup_files", "model_files"]
