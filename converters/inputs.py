"""The inputs of a user's model as features: ids, numbers and truth values by name, with their vocabularies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf

from ondevice.converters.cut_off import Cut
from ondevice.converters.tables import LayerTables
from ondevice.errors import OnDeviceError, UsageError
from ondevice.feature import BOOL, DTYPES, IDS, NUMBER, Feature


@dataclass(frozen=True, eq=False)
class Traced:
    """What was seen when the model was called: ids made, ids looked up, and the leaves that each of them is."""

    cuts: tuple[tuple[Cut, tuple[str, ...]], ...]
    lookups: tuple[tuple[str, tuple[str, ...]], ...]
    layers: Mapping[str, LayerTables]

    def reading(self, source: str) -> list[LayerTables]:
        """Return the layers that look the ids of a leaf up, or those that a cut made, by its name."""
        return [self.layers[layer] for layer, sources in self.lookups if source in sources]


def features_of(
    specs: Mapping[str, tf.TensorSpec], traced: Traced, inputs: Mapping[str, Any], vocabularies: Mapping[str, Any]
) -> tuple[tuple[Feature, ...], dict[str, list[str]], dict[str, tuple[str, ...]], list[str]]:
    """Return what the inputs of a file are.

    Args:
        specs: shape and type of each of the model's own inputs.
        traced: what was seen when the model was called.
        inputs: fields of features that are other than what is found out, by name.
        vocabularies: keys in the order of the ids, or a layer that has them, by input.

    Returns:
        the features in the order of the model's inputs; the keys of every vocabulary by its file; the model's own
        inputs that each feature is made of; and the name of the feature that each cut makes.

    Raises:
        UsageError: an input of this name does not exist, or a vocabulary is not one of its feature.
        OnDeviceError: an input is of text that no layer makes ids of.
    """
    features: dict[str, Feature] = {}
    leaves: dict[str, tuple[str, ...]] = {}
    keys: dict[str, list[str]] = {}
    files: dict[int, str] = {}
    names: list[str] = []
    cut_leaves = {name for _, of_cut in traced.cuts for name in of_cut}
    for number, (cut, of_cut) in enumerate(traced.cuts):
        if cut.is_row:
            name, shape = cut.layer.name, tuple(cut.made.shape.as_list())
            names.append(name)
            leaves[name] = of_cut
            features[name] = Feature(name, NUMBER, shape, "float32", made_by=cut.made_by)
            continue
        name = "_".join(of_cut)
        others = [each for each, own in traced.cuts if own == of_cut and each.layer is not cut.layer]
        name = f"{name}_{cut.layer.name}" if others else name
        names.append(name)
        leaves[name] = of_cut
        file = files.setdefault(id(cut.layer), f"vocab-{name}.txt") if cut.keys else ""
        if file:
            keys[file] = cut.keys
        masks = any(_masks(layer) for layer in traced.reading(f"cut {number}"))
        features[name] = Feature(
            name,
            IDS,
            tuple(cut.made.shape.as_list()),
            "int32",
            cut.size,
            cut.outside,
            0 if masks or cut.padding is not None else None,
            cut.reserved,
            file,
            made_by=cut.made_by,
        )
    for name, spec in specs.items():
        if name in cut_leaves:
            continue
        if spec.dtype == tf.string:
            raise OnDeviceError(
                f"input {name!r} is of text that no layer makes ids of; allowed is one that a StringLookup, Hashing or "
                f"TextVectorization of the model takes as it is."
            )
        leaves[name] = (name,)
        features[name] = _plain_feature(name, spec, traced.reading(name))
    for name, given in vocabularies.items():
        feature = features.get(name)
        if feature is None or feature.kind != IDS:
            raise UsageError(f"vocabularies names input {name!r}; allowed are {', '.join(features)}, of ids.")
        features[name], keys[f"vocab-{name}.txt"] = _with_vocabulary(feature, given)
    for name, changes in inputs.items():
        if name not in features:
            raise UsageError(f"inputs names {name!r}; allowed are {', '.join(features)}.")
        features[name] = changes if isinstance(changes, Feature) else replace(features[name], **changes)
    places = {leaf: place for place, leaf in enumerate(specs)}
    order = tuple(sorted(features.values(), key=lambda feature: places[leaves[feature.name][0]]))
    return order, keys, leaves, names


def _plain_feature(name: str, spec: tf.TensorSpec, layers: Sequence[LayerTables]) -> Feature:
    shape = tuple(spec.shape.as_list())
    if spec.dtype == tf.bool:
        return Feature(name, BOOL, shape, DTYPES[BOOL][0])
    if spec.dtype != tf.int32 or not layers:
        return Feature(name, NUMBER, shape, spec.dtype.name)
    # A smaller table that looks up a part of the ids checks these itself.
    size, masks = max(layer.size for layer in layers), any(_masks(layer) for layer in layers)
    return Feature(name, IDS, shape, "int32", size, 0, 0 if masks else None, int(masks))


def _masks(layer: LayerTables) -> bool:
    return bool(getattr(layer.layer, "mask_zero", False))


def _with_vocabulary(feature: Feature, given: Any) -> tuple[Feature, list[str]]:
    if hasattr(given, "get_vocabulary"):
        cut = Cut(given, (), None)
        keys = cut.keys
        padding = feature.padding if cut.padding is None else cut.padding
        feature = replace(feature, outside=cut.outside, reserved=cut.reserved, padding=padding)
    else:
        keys = [str(key) for key in given]
    if not 0 < len(keys) <= feature.size:
        raise UsageError(
            f"vocabulary of input {feature.name!r} has {len(keys)} keys; allowed are 1 to {feature.size}, as "
            f"its table has rows."
        )
    wrong = next((key for key in keys if key.splitlines() != [key]), None)
    if wrong is not None:
        raise UsageError(f"key {wrong!r} of input {feature.name!r} is not allowed; a key is one full line.")
    return replace(feature, size=len(keys), vocabulary=f"vocab-{feature.name}.txt"), keys
