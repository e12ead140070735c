"""The stock converter's file of a full table, to compare with: quantized as it pleases, and nothing is proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from ondevice.converters import flatbuffer, lint
from ondevice.converters.convert import plain_call
from ondevice.converters.converted import Converted, ConvertedLayer, converted_layers
from ondevice.converters.dense import dense_format, number_format
from ondevice.converters.flatbuffer import buffer_of
from ondevice.converters.model_file import ModelFile
from ondevice.converters.passes import Facts, lookups
from ondevice.converters.signature import Signature
from ondevice.converters.summary import FileSummary, TensorInfo
from ondevice.converters.tables import as_trained, layers_of
from ondevice.converters.tflite import SIGNATURE
from ondevice.converters.tflite import convert as to_tflite
from ondevice.converters.verify import constants_between
from ondevice.embeddings.method import FULL, FloatArray
from ondevice.encoding_error import EncodingError
from ondevice.errors import OnDeviceError, UsageError
from ondevice.feature import Feature
from ondevice.head import Head
from ondevice.manifest import UNKNOWN_RUNTIME, Table
from ondevice.quantize.encode import decoding_errors
from ondevice.quantize.errors import lookup_error
from ondevice.quantize.recipe import STOCK


@dataclass(frozen=True, eq=False)
class StockFile:
    """A file of the stock converter, and what it holds of the full table of each layer."""

    converted: Converted
    tables: Mapping[str, Table]
    errors: Mapping[str, EncodingError]


def stock_file(
    model: keras.Model, features: Sequence[Feature], head: Head, keys: Sequence[str] = (), signature: str = SIGNATURE
) -> StockFile:
    """Let TensorFlow's own converter quantize a model with full tables.

    Args:
        model: a model whose embeddings are all full tables.
        features: the file's inputs in order.
        head: what the file answers.
        keys: the key of every id, for the error's worst ids.
        signature: name of the file's signature.

    Raises:
        UsageError: a table is compressed.
        OnDeviceError: the model needs an operation that is not builtin.
    """
    layers = layers_of(model)
    for name, tables in layers.items():
        if tables.values.keys() != {"table"}:
            raise UsageError(f"layer {name!r} is compressed; allowed for {STOCK!r} are models of the method {FULL!r}.")
    lowering = as_trained(layers)
    served = Signature(plain_call(model), features, head, lowering)
    outputs = served.outputs()
    facts = Facts(lowering.layers, tuple(call.layer for call in lowering.calls))
    file = ModelFile(to_tflite(served.function, served.specs, dynamic_range=True, signature=signature))
    lookups.apply(file, facts)
    content = file.write()
    summary = flatbuffer.read(content)
    converted = Converted(
        content,
        summary,
        signature,
        served.features,
        outputs,
        head,
        converted_layers(layers, lowering.layers, lowering, facts),
        {},
        None,
        dense_format(summary),
        _minimum_runtime(summary),
        {},
    )
    stored = {name: _table(summary, name, layer) for name, layer in converted.layers.items()}
    numbers = {name: _values(content, tensor) for name, tensor in stored.items()}
    return StockFile(
        converted,
        {name: _record(stored[name], numbers[name], layer) for name, layer in converted.layers.items()},
        {name: _error(numbers[name], layer, keys) for name, layer in converted.layers.items()},
    )


def _minimum_runtime(summary: FileSummary) -> str:
    try:
        return lint.minimum_runtime(summary)
    except OnDeviceError:
        return UNKNOWN_RUNTIME


def _table(summary: FileSummary, name: str, layer: ConvertedLayer) -> TensorInfo:
    shape = (layer.tables.method.vocabulary_size, layer.tables.method.width)
    found = [tensor for tensor in constants_between(summary, layer.calls[0]) if tensor.shape == shape]
    if len(found) != 1:
        raise OnDeviceError(f"the converted file holds {len(found)} tables of layer {name!r}; expected is one.")
    return found[0]


def _values(model: bytes, table: TensorInfo) -> FloatArray:
    """Return the numbers that a constant with one scale or none stands for, float32 of its shape."""
    values: FloatArray = buffer_of(model, table).astype(np.float32)
    # The converter quantizes weights symmetrically, so there is no zero point to take off.
    return values * np.frombuffer(model, "<f4", 1, table.scale_offset) if table.scales else values


def _record(stored: TensorInfo, numbers: FloatArray, layer: ConvertedLayer) -> Table:
    errors = decoding_errors(numbers.__getitem__, layer.tables.values["table"])
    size = numbers.size * 4
    return Table(
        "table", (len(numbers), numbers.shape[1]), number_format(stored), "", "", stored.buffer_bytes, size, *errors
    )


def _error(numbers: FloatArray, layer: ConvertedLayer, keys: Sequence[str]) -> EncodingError:
    method, values = layer.tables.method, layer.tables.values
    return lookup_error(
        method, values, lambda name, index: numbers[index], lambda name, index: values[name][index], ["table"], keys
    )
