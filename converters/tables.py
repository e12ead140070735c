"""The tables of a model: every layer that looks ids up, by name, and its tables as a recipe and a target store them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ondevice.converters import target as targets
from ondevice.converters.lower import KINDS, Lowering
from ondevice.converters.target import Target
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import FULL, FloatArray, Method
from ondevice.embeddings.method import registry as methods
from ondevice.embeddings.run_layout import RunLayout
from ondevice.errors import OnDeviceError
from ondevice.quantize.encode import EncodedEmbedding, EncodedTable, encode
from ondevice.quantize.recipe import Recipe
from ondevice.quantize.scheme import UNQUANTIZED, NativeScheme, scheme_of


@dataclass(frozen=True, eq=False)
class LayerTables:
    """A layer that looks ids up.

    Args:
        layer: the Keras layer.
        method: the method whose tables are stored.
        values: these tables by name, `[rows, width]`.
        offset: what is added to an id to get the method's.
        order: the place of each id, int32 `[size]`, which is looked up instead; None where ids are their own places.
    """

    layer: Any
    method: Method
    values: Mapping[str, FloatArray]
    offset: int
    order: npt.NDArray[np.int32] | None = None

    @property
    def size(self) -> int:
        """Number of ids."""
        return self.method.vocabulary_size - self.offset


def layers_of(model: keras.Model) -> dict[str, LayerTables]:
    """Return every built layer of a model that looks ids up, by its name; of equal names by its path.

    Args:
        model: the model.

    Raises:
        OnDeviceError: Keras has quantized such a layer.
    """
    found = {id(layer): layer for layer in model._flatten_layers() if isinstance(layer, KINDS) and layer.built}
    layers = list(found.values())
    counts = Counter(layer.name for layer in layers)
    named: dict[str, LayerTables] = {}
    for layer in layers:
        name = layer.name if counts[layer.name] == 1 else layer.variables[0].path.rpartition("/")[0].replace("/", "_")
        while name in named:
            name += "_"
        named[name] = _tables_of(layer)
    return named


def _tables_of(layer: Any) -> LayerTables:
    if isinstance(layer, CompressedEmbedding):
        values, method = layer.table_values(), layer.method.stored()
        values = values if method == layer.method else layer.method.fold(values)
        return LayerTables(layer, method, values, layer.offset, layer.places)
    if getattr(layer, "quantization_mode", None):
        raise OnDeviceError(
            f"layer {layer.name!r} was quantized by Keras ({layer.quantization_mode}); allowed is a model that was not."
        )
    table = np.asarray(layer.embeddings, np.float32)
    return LayerTables(layer, methods.load(FULL)(*table.shape), {"table": table}, 0)


def lowering_of(layers: Mapping[str, LayerTables], encoded: Mapping[str, EncodedEmbedding]) -> Lowering:
    """Return what lets each layer look up in its own encoded tables."""
    return Lowering({id(each.layer): name for name, each in layers.items()}, encoded)


def as_trained(layers: Mapping[str, LayerTables]) -> Lowering:
    """Return what lets each layer look up in its tables as they were trained."""
    plain = {
        name: encode(each.method, each.values, UNQUANTIZED, offset=each.offset, order=each.order)
        for name, each in layers.items()
    }
    return lowering_of(layers, plain)


def encoded_for(
    tables: LayerTables,
    recipe: Recipe,
    target: str,
    plain: Collection[str] = (),
    layouts: Mapping[str, RunLayout] | None = None,
) -> EncodedEmbedding:
    """Encode a layer's tables, with int4 tables where encoding and target have them, else with the reason why not.

    Args:
        tables: the layer.
        recipe: the quantization recipe.
        target: name of the runtime that the file is for.
        plain: names of tables that stay as they are, see `ondevice.quantize.encode.encode`.
        layouts: how tables are laid out that the output layer reads run by run.

    Raises:
        OnDeviceError: a table holds a value that is not finite.
        UsageError: the target is unknown.
    """
    scheme = getattr(tables.layer, "scheme", "")
    recipe = replace(recipe, tables=scheme, by_table={}, candidates=(), error_limit=0.0) if scheme else recipe
    encoded = encode(tables.method, tables.values, recipe, plain, layouts, tables.offset, tables.order)
    chosen = targets.load(target)
    return replace(encoded, tables={name: _stored_for(chosen, entry) for name, entry in encoded.tables.items()})


def _stored_for(target: Target, entry: EncodedTable) -> EncodedTable:
    member, width = scheme_of(entry.scheme), entry.table.width
    if not isinstance(member, NativeScheme):
        return entry
    if not target.int4_gather:
        return replace(entry, portable=f"{target.name} does not gather rows of an int4 table")
    if width % 2:
        return replace(
            entry, portable=f"rows of {width} do not fill whole bytes, so that runtimes would read wrong ones"
        )
    return replace(entry, arrays=member.native(entry.arrays))
