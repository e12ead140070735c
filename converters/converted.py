"""What a conversion gives: the finished file and everything that is known of it. Bundles are written from this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ondevice.converters.output import LoweredOutput
from ondevice.converters.summary import FileSummary
from ondevice.converters.tables import LayerTables
from ondevice.feature import Feature
from ondevice.head import Head
from ondevice.manifest import LookupCall, Tensor
from ondevice.quantize.encode import EncodedEmbedding


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
