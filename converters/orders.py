"""The orders of ids that layers have: free where a vocabulary takes them over, else a table of the file.

The file is then given places instead of the model's ids, and the vocabulary beside it lists its keys in that order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ondevice.converters.tables import LayerTables
from ondevice.feature import Feature
from ondevice.head import Head

Places = npt.NDArray[np.int32]
Lookups = Sequence[tuple[str, tuple[str, ...]]]
"""Each look-up: the layer's name, and the names of the inputs whose ids it takes as they are."""


@dataclass(frozen=True, eq=False)
class Free:
    """Orders that cost the file nothing.

    Args:
        features: the place of each id of an input, by the input's name.
        layers: the place of each id of a layer that looks such inputs up, by the layer's name.
    """

    features: Mapping[str, Places] = field(default_factory=dict)
    layers: Mapping[str, Places] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Collection[str], layers: Mapping[str, LayerTables], lookups: Lookups) -> Free:
        """Return the orders of some layers as those of the inputs that they look up, and of others which do, too.

        Args:
            names: names of layers for whose order `why_stored` has no reason; those without one follow others.
            layers: all layers.
            lookups: all look-ups.
        """
        features: dict[str, Places] = {}
        found: dict[str, Places] = {}
        for name in names:
            places = layers[name].order
            if places is not None:
                features.update({feature: places for layer, inputs in lookups if layer == name for feature in inputs})
        for layer, inputs in lookups:
            for feature in features.keys() & set(inputs):
                found[layer] = features[feature]
        return cls(features, found)

    def tables(self, layers: Mapping[str, LayerTables]) -> dict[str, LayerTables]:
        """Return layers that are given places: without an order, or with their rows in that order."""
        return {
            name: _by_place(each, self.layers[name]) if name in self.layers else each for name, each in layers.items()
        }

    def feature(self, feature: Feature) -> Feature:
        """Return an input that is given places."""
        places = self.features.get(feature.name)
        if places is None:
            return feature
        padding = None if feature.padding is None else int(places[feature.padding])
        return replace(feature, outside=int(places[feature.outside]), padding=padding)

    def given(self, name: str, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return the places of the ids of an input; what is no id stays."""
        places = self.features.get(name)
        if places is None:
            return ids
        inside = (ids >= 0) & (ids < len(places))
        return np.where(inside, places[np.where(inside, ids, 0)], ids).astype(np.int32)

    def keys(self, feature: Feature, keys: Sequence[str]) -> list[str]:
        """Return the keys of an input in the order of the places."""
        places = self.features.get(feature.name)
        if places is None:
            return list(keys)
        return [keys[id_] for id_ in np.argsort(places[: len(keys)])]


def _by_place(tables: LayerTables, places: Places) -> LayerTables:
    if tables.order is not None:
        return replace(tables, order=None)
    [(name, values)] = tables.values.items()
    return replace(tables, values={name: values[np.argsort(places)]})


def why_stored(
    name: str,
    layers: Mapping[str, LayerTables],
    lookups: Lookups,
    features: Iterable[Feature],
    outputs: Mapping[str, npt.NDArray[np.generic]],
    head: Head | None = None,
) -> str:
    """Return the reason why no vocabulary can take over the order of a layer; empty where one can.

    Args:
        name: name of the layer.
        layers: all layers.
        lookups: all look-ups.
        features: the inputs.
        outputs: some answers of the model by name, `[rows, ...]`.
        head: what the file answers.
    """
    by_name, order = {feature.name: feature for feature in features}, layers[name].order
    own = [inputs for layer, inputs in lookups if layer == name]
    inputs = {feature for each in own for feature in each}
    if not inputs or not all(own):
        return "it looks up ids that are no input"
    for feature in (by_name[each] for each in sorted(inputs)):
        size = feature.size
        if not feature.vocabulary:
            return f"input {feature.name} has no vocabulary"
        if head is not None and head.exclude == feature.name:
            return f"answers are ids of input {feature.name}"
        for output, values in outputs.items():
            if values.dtype.kind in "iu" or {size, layers[name].size} & set(values.shape[1:]):
                return f"output {output} may be of ids of input {feature.name}"
        if order is not None and not (
            np.array_equal(order[: feature.reserved], np.arange(feature.reserved)) and (order[:size] < size).all()
        ):
            return f"ids of input {feature.name} that are no keys are not the first in it"
    for layer, others in lookups:
        if layer == name or not inputs & set(others):
            continue
        their = layers[layer].order
        same = their is not None and order is not None and np.array_equal(their, order)
        full = their is None and len(layers[layer].values) == 1 and set(others) <= inputs
        if not (same or full) or layers[layer].size != layers[name].size:
            return f"layer {layer} looks the same input up and has another order"
    return ""
