"""What a conversion gives: the finished file and everything that is known of it. Bundles are written from this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ondevice.converters.lower import Lowering, held
from ondevice.converters.output import LoweredOutput
from ondevice.converters.passes import Facts
from ondevice.converters.summary import FileSummary
from ondevice.converters.tables import LayerTables, lowering_of
from ondevice.feature import Feature
from ondevice.head import Head
from ondevice.manifest import LookupCall, Tensor
from ondevice.quantize.encode import EncodedEmbedding

Place = tuple[int, int]
"""Where a tensor is: its graph and its number there."""
Trained = Mapping[Place, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class ConvertedLayer:
    """A layer that the file looks ids up in.

    Args:
        tables: its tables before encoding.
        encoded: its tables as the file holds them.
        features: names of the inputs whose ids it looks up as they are.
        calls: where the graph looks ids up.
    """

    tables: LayerTables
    encoded: EncodedEmbedding
    features: tuple[str, ...]
    calls: tuple[LookupCall, ...]


@dataclass(frozen=True, eq=False)
class ConvertedOutput:
    """The output layer that the file holds: the layer, and the bytes that only it uses."""

    lowered: LoweredOutput
    payload_bytes: int


@dataclass(frozen=True, eq=False)
class Converted:
    """A finished file and what is known of it.

    Args:
        content: the file.
        summary: what it holds.
        signature: name of its signature.
        inputs: its inputs.
        outputs: its outputs.
        head: what these are.
        layers: the layers that it looks ids up in, by name.
        skipped: why another layer with a table is none of these, by name.
        output: the output layer, where it is one of ours.
        dense: number formats of the dense layers' weights.
        minimum_runtime: the oldest release that has all its operations.
        trained: its float32 constants before dense layers were quantized, but for tables.
    """

    content: bytes
    summary: FileSummary
    signature: str
    inputs: tuple[Feature, ...]
    outputs: tuple[Tensor, ...]
    head: Head
    layers: Mapping[str, ConvertedLayer]
    skipped: Mapping[str, str]
    output: ConvertedOutput | None
    dense: str
    minimum_runtime: str
    trained: Trained

    def lowering(self) -> Lowering:
        """Return what lets the model look up in the tables as the file holds them: for use, not for conversion."""
        layers = {name: each.tables for name, each in self.layers.items()}
        return lowering_of(layers, {name: held(each.encoded) for name, each in self.layers.items()})


def converted_layers(
    layers: Mapping[str, LayerTables], encoded: Mapping[str, EncodedEmbedding], lowering: Lowering, facts: Facts
) -> dict[str, ConvertedLayer]:
    """Return the layers that a file looks ids up in, by name.

    Args:
        layers: the model's layers.
        encoded: their tables as the file holds them.
        lowering: what the model was lowered with.
        facts: what the passes found.
    """
    return {
        name: ConvertedLayer(layers[name], encoded[name], lowering.features_of(name), tuple(calls))
        for name, calls in facts.calls.items()
    }
