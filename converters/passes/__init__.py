"""The passes: each edits a finished file in one way, as `apply(file, facts)`; `convert.py` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ondevice.converters.placeholder import Placeholder
from ondevice.manifest import LookupCall
from ondevice.quantize.encode import EncodedEmbedding


@dataclass
class Facts:
    """What the passes know of the model that a file was made of.

    Args:
        layers: what the converter was given of each embedding, by layer.
        traced: the layer of each look-up, in the order in which the graph was made.
        placeholders: what stands for a large array.
        calls: where each layer is looked up; the pass `lookups` finds it.
    """

    layers: Mapping[str, EncodedEmbedding]
    traced: tuple[str, ...]
    placeholders: tuple[Placeholder, ...] = ()
    calls: dict[str, list[LookupCall]] = field(default_factory=dict)
