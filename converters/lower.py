"""Lowering: while a model is called, every embedding looks ids up in its own encoded tables.

The layers stay as they are and only what they compute changes, so that functional, Sequential and subclassed models,
layers that several inputs share and models within models are all lowered in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

import keras
import tensorflow as tf
from keras.src.models.functional import Functional

from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.models.scores import Scores
from ondevice.quantize.encode import EncodedEmbedding, EncodedTable
from ondevice.quantize.scheme import INT4

KINDS = (keras.layers.Embedding, CompressedEmbedding)
"""The layers that look ids up; what is derived from one looks up in the same way."""
FIRST = (
    "Identity",
    "Cast",
    "Reshape",
    "ExpandDims",
    "Squeeze",
    "StridedSlice",
    "Slice",
    "Transpose",
    "Unpack",
)
LAST, ALL_BUT_LAST, ALL = ("Split",), ("ConcatV2",), ("Pack",)
"""The operations that move ids and leave them as they are, by which of their inputs hold ids."""


@dataclass(frozen=True, eq=False)
class Call:
    """One look-up within a graph.

    Args:
        layer: name of the layer.
        given: the ids it was given, int32 `[...]`.
        ids: the same, all within the table.
        vectors: their vectors, float32 `[..., width]`.
        features: names of the inputs that the ids are from as they are.
    """

    layer: str
    given: Any
    ids: Any
    vectors: Any
    features: tuple[str, ...]


@dataclass(eq=False)
class Lowering:
    """What a model is lowered with, and what was looked up meanwhile.

    Args:
        names: the name of each layer that is lowered, by its `id`.
        layers: encoded tables by that name.
        features: tensors of ids that were checked, by feature: none of them is outside the feature's size.
        sizes: the size of each of these features.
        calls: the look-ups, in order.
        constant: names of layers that looked up constant ids, which leaves nothing to look up on the device.
    """

    names: Mapping[int, str]
    layers: Mapping[str, EncodedEmbedding]
    features: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    constant: set[str] = field(default_factory=set)

    def look_up(self, layer: Any, ids: Any) -> Any:
        """Return the vectors of ids in the layer's encoded tables; None where the layer has to do it itself."""
        name = self.names.get(id(layer))
        if name is None:
            return None
        # Tensors that are there already are all static.
        if not tf.executing_eagerly() and tf.get_static_value(ids) is not None:
            self.constant.add(name)
            return None
        encoded, ids = self.layers[name], tf.cast(ids, tf.int32)
        if tf.executing_eagerly():
            vectors = encoded.in_graph(ids, TensorFlowOps())
        else:
            given = ids
            sources = moved_from(ids, {tensor.ref(): feature for feature, tensor in self.features.items()})
            if not sources or any(self.sizes[source] > encoded.size for source in sources):
                ids = inside(ids, encoded.size, 0)
            vectors = encoded.in_graph(ids, TensorFlowOps())
            self.calls.append(Call(name, given, ids, vectors, sources))
        return vectors if layer.compute_dtype == "float32" else tf.cast(vectors, layer.compute_dtype)

    def features_of(self, layer: str) -> tuple[str, ...]:
        """Return the names of the inputs whose ids a layer looks up as they are."""
        return tuple(dict.fromkeys(name for call in self.calls if call.layer == layer for name in call.features))


def inside(ids: Any, size: int, outside: int) -> Any:
    """Return ids of which those outside the vocabulary are another one, by arithmetic: no id makes a gather fail."""
    return tf.where(tf.logical_and(tf.greater_equal(ids, 0), tf.less(ids, size)), ids, outside)


def moved_from(tensor: Any, sources: Mapping[Any, str]) -> tuple[str, ...]:
    """Return the names of the tensors that a tensor has all its numbers from; none where one is computed or another.

    Args:
        tensor: a tensor of a graph.
        sources: names by reference of a tensor.
    """
    if tensor.ref() in sources:
        return (sources[tensor.ref()],)
    kind, inputs = tensor.op.type, list(tensor.op.inputs)
    parts = {**dict.fromkeys(FIRST, inputs[:1]), **dict.fromkeys(LAST, inputs[-1:]), **dict.fromkeys(ALL, inputs)}
    given = (parts | dict.fromkeys(ALL_BUT_LAST, inputs[:-1])).get(kind)
    if given is None:
        return ()
    found = [moved_from(each, sources) for each in given]
    return tuple(dict.fromkeys(name for names in found for name in names)) if all(found) else ()


@contextmanager
def lowered(lowering: Lowering, ends_with_hidden: bool = False) -> Iterator[None]:
    """Let embedding layers look up in encoded tables within a `with` block.

    Args:
        lowering: the layers and their tables.
        ends_with_hidden: whether an output layer of ours gives the hidden vector it was given, as it is lowered apart.
    """

    def instead(own: Callable[..., Any]) -> Callable[..., Any]:
        def call(layer: Any, ids: Any, *args: Any, **kwargs: Any) -> Any:
            found = lowering.look_up(layer, ids)
            return own(layer, ids, *args, **kwargs) if found is None else found

        return call

    whole = Functional._convert_inputs_to_tensors

    def narrow(model: Any, given: Any) -> Any:
        # A model that declares int64 gets int32 all the same: arithmetic on int64 is not builtin.
        pairs = zip(given, whole(model, given), strict=True)
        return [
            one if getattr(one, "dtype", None) == tf.int32 and other.dtype == tf.int64 else other
            for one, other in pairs
        ]

    with ExitStack() as stack:
        stack.enter_context(patch.object(Functional, "_convert_inputs_to_tensors", narrow))
        for kind in KINDS:
            stack.enter_context(patch.object(kind, "call", instead(kind.call)))
        if ends_with_hidden:
            stack.enter_context(patch.object(Scores, "call", lambda layer, hidden: hidden))
        yield


def held(encoded: EncodedEmbedding) -> EncodedEmbedding:
    """Return an embedding whose tables graphs refer to and do not hold many times over: for use, not for conversion."""

    def tensors(entry: EncodedTable) -> EncodedTable:
        # What is unpacked first has to be known then.
        arrays = {part: array if part == INT4 else tf.constant(array) for part, array in entry.arrays.items()}
        return replace(entry, arrays=arrays)

    return replace(encoded, tables={name: tensors(entry) for name, entry in encoded.tables.items()})
