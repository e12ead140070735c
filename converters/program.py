"""A user's model as a program of named inputs and outputs: what has to be known of it before it is converted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ondevice.converters import cut_off
from ondevice.converters.cut_off import Cut
from ondevice.converters.inputs import Traced, features_of
from ondevice.converters.lower import lowered, moved_from
from ondevice.converters.orders import Free, Lookups, why_stored
from ondevice.converters.structure import flat, input_names, output_names, rebuilder
from ondevice.converters.tables import LayerTables, as_trained, layers_of
from ondevice.errors import OnDeviceError, UsageError
from ondevice.feature import Feature
from ondevice.head import Head

Arrays = dict[str, npt.NDArray[Any]]
CHECKED_ROWS = 4
"""Rows of the sample that are answered by the model and by the program, which have to agree."""


@dataclass(frozen=True, eq=False)
class Program:
    """A model with its inputs and outputs by name.

    Args:
        model: the model.
        features: the inputs of the file.
        vocabularies: the keys of every vocabulary, in the order of the ids, by its file name.
        leaves: names of the model's own inputs that each feature is made of, by the feature's name.
        cuts: each call of a layer that is cut off, in order, with the name of the feature that takes the place of its
            ids.
        run: calls the model with its own inputs, nested as it takes them; gives outputs by name.
        rebuild: nests the model's own inputs.
        specs: shape and type of each of these, for a batch of one.
        layers: the layers that look ids up, by name, as the file holds them.
        lookups: each look-up, by the layer's name, with the features whose ids it takes as they are.
        free: the orders of ids that the file is given places of.
    """

    model: keras.Model
    features: tuple[Feature, ...]
    vocabularies: Mapping[str, Sequence[str]]
    leaves: Mapping[str, tuple[str, ...]]
    cuts: tuple[tuple[str, Cut], ...]
    run: Callable[[Any], dict[str, Any]]
    rebuild: Callable[[Mapping[str, Any]], Any]
    specs: Mapping[str, tf.TensorSpec]
    layers: Mapping[str, LayerTables]
    lookups: Lookups
    free: Free = field(default_factory=Free)

    def call(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Call the model with the file's inputs by name; see `ondevice.converters.signature.Call`."""
        made = dict(self.cuts)
        # What only layers read that are cut off has to be there and says nothing.
        given = {leaf: _blank(spec) for leaf, spec in self.specs.items()}
        given |= {
            leaf: tf.cast(inputs[name], spec.dtype)
            for name, [leaf, *_] in self.leaves.items()
            if name not in made and (spec := self.specs[leaf])
        }
        given_back = [tf.reshape(inputs[name], cut.made.shape) for name, cut in self.cuts]
        with cut_off.cut_off(given_back, {cut.layer.name for _, cut in self.cuts if cut.is_row}):
            return self.run(self.rebuild(given))

    def arrays(self, batch: Any) -> Arrays:
        """Turn a batch of the model's own inputs into the file's, `[rows, *shape]` by name.

        Args:
            batch: a batch as the model takes it.

        Raises:
            UsageError: it is not one.
        """
        given, made, found = own_inputs(self.model, batch), dict(self.cuts), {}
        for feature in self.features:
            leaves = self.leaves[feature.name]
            for leaf in leaves:
                if leaf not in given:
                    raise UsageError(f"data have the inputs {', '.join(given)}; {leaf!r} is missing.")
            if feature.name in made:
                parts = [_tensor(given[leaf]) for leaf in leaves]
                values = np.asarray(made[feature.name].layer(parts if len(parts) > 1 else parts[0]))
            else:
                values = given[leaves[0]]
            values = values.astype(feature.dtype).reshape(len(values), *feature.shape)
            found[feature.name] = self.free.given(feature.name, values)
        return found

    def answers(self, batch: Any) -> Arrays:
        """Return what the model answers a batch of its own inputs with, by output."""
        given = tensors_of(own_inputs(self.model, batch))
        return {name: np.asarray(value) for name, value in self.run(self.rebuild(given)).items()}

    def placed(self, names: Collection[str]) -> Program:
        """Return the program whose file is given places, in the orders of some layers, instead of ids."""
        free = Free.of(names, self.layers, self.lookups)
        keys = {feature.vocabulary: feature for feature in self.features if feature.vocabulary}
        return replace(
            self,
            free=free,
            features=tuple(free.feature(feature) for feature in self.features),
            vocabularies={name: free.keys(keys[name], given) for name, given in self.vocabularies.items()},
            layers=free.tables(self.layers),
        )


def own_inputs(model: keras.Model, batch: Any) -> Arrays:
    """Return a batch of a model's own inputs as arrays by name.

    Raises:
        UsageError: an input is ragged or sparse, has no batch or holds whole numbers beyond int32.
    """
    found = {}
    for name, leaf in flat(batch, "input", input_names(model)).items():
        if isinstance(leaf, (tf.RaggedTensor, tf.SparseTensor)):
            raise UsageError(f"input {name!r} is a {type(leaf).__name__}; allowed is one padded to a fixed length.")
        values = np.asarray(leaf)
        if values.ndim == 0 or not len(values):
            raise UsageError(f"input {name!r} has shape {list(values.shape)}; allowed is a batch of at least one row.")
        if values.dtype.kind in "iu" and values.size and max(abs(int(values.min())), int(values.max())) >= 2**31:
            raise UsageError(f"input {name!r} holds whole numbers beyond int32; allowed are those of int32.")
        found[name] = values
    return found


def tensors_of(arrays: Arrays) -> dict[str, Any]:
    """Return a batch of a model's own inputs as tensors by name, each of the type that a file would have."""
    kinds = {"i": "int32", "u": "int32", "f": "float32"}
    return {name: _tensor(each.astype(kinds.get(each.dtype.kind, each.dtype))) for name, each in arrays.items()}


def describe(
    model: keras.Model,
    sample: Any,
    call: Callable[[Any], Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    outputs: Iterable[str] | None = None,
    vocabularies: Mapping[str, Any] | None = None,
    head: Head | None = None,
    placed: Collection[str] | None = None,
    rows: Collection[str] = (),
) -> Program:
    """Find out what a model's inputs and outputs are by calling it with a sample.

    Args:
        model: a built model.
        sample: a batch as the model takes it.
        call: what is called instead of the model, with the sample alone.
        inputs: fields of features that are other than what is found out, by name.
        outputs: names of the outputs that are kept; all without it.
        vocabularies: keys in the order of the ids, or a layer that has them, by input.
        head: what the file will answer.
        rows: names of the tables of which the file is given the row itself instead of its id.
        placed: names of the layers in whose order a file is given places; those where that is right without it.

    Raises:
        UsageError: an input or output of this name does not exist, or a vocabulary is not one of its feature.
        OnDeviceError: an input can't be one of a file, or ids are made by what an app can't do.
    """
    given = own_inputs(model, sample)
    named = input_names(model)
    rebuild = rebuilder(sample, "input", named)
    specs = {name: _spec(values) for name, values in given.items()}
    wanted = list(outputs) if outputs is not None else None

    def run(batch: Any) -> dict[str, Any]:
        found = flat(call(batch) if call is not None else model(batch, training=False), "output", output_names(model))
        missing = [name for name in wanted or () if name not in found]
        if missing:
            raise UsageError(f"outputs names {missing[0]!r}; allowed are {', '.join(found)}.")
        return {name: value for name, value in found.items() if wanted is None or name in wanted}

    found = _traced(model, specs, lambda tensors: run(rebuild(tensors)), rows)
    features, keys, leaves, names = features_of(specs, found, inputs or {}, vocabularies or {})
    cuts = tuple((name, cut) for name, (cut, _) in zip(names, found.cuts, strict=True))
    of_cuts = {f"cut {number}": name for number, name in enumerate(names)}
    lookups = tuple(
        (layer, tuple(of_cuts.get(source, source) for source in sources)) for layer, sources in found.lookups
    )
    program = Program(model, features, keys, leaves, cuts, run, rebuild, specs, found.layers, lookups)
    some = {name: values[:CHECKED_ROWS] for name, values in given.items()}
    require_same(program, some)
    return program.placed(placed) if placed is not None else _freed(program, some, head)


def _freed(program: Program, rows: Arrays, head: Head | None) -> Program:
    """Let vocabularies take over the orders that they can, each of which has to leave the answers as they are."""
    ordered = [name for name, each in program.layers.items() if each.order is not None]
    if not ordered:
        return program
    outputs = program.answers(program.rebuild(rows))

    def is_free(name: str) -> bool:
        reason = why_stored(name, program.layers, program.lookups, program.features, outputs, head)
        # A model may do more with the ids than to look them up.
        return not reason and not differing(program.placed([name]), rows)

    return program.placed([name for name in ordered if is_free(name)])


def _traced(
    model: keras.Model, specs: Mapping[str, tf.TensorSpec], run: Callable[[Any], Any], rows: Collection[str]
) -> Traced:
    cuts: list[Cut] = []
    layers = layers_of(model)
    for row in rows:
        if row not in layers:
            raise UsageError(f"rows names {row!r}; allowed are the tables {', '.join(layers)}.")
    layers = {name: each for name, each in layers.items() if name not in rows}
    lowering = as_trained(layers)
    leaves: dict[Any, str] = {}
    found: list[Traced] = []

    def trace(*tensors: Any) -> Any:
        cuts.clear()
        lowering.calls.clear()
        leaves.update({tensor.ref(): name for name, tensor in zip(specs, tensors, strict=True)})
        with cut_off.watched(cuts, rows), lowered(lowering):
            result = run(dict(zip(specs, tensors, strict=True)))
        of_cuts = tuple((cut, _sources(cut, leaves)) for cut in cuts)
        sources = leaves | {cut.made.ref(): f"cut {number}" for number, cut in enumerate(cuts)}
        lookups = tuple((each.layer, moved_from(each.given, sources)) for each in lowering.calls)
        found.append(Traced(of_cuts, lookups, layers))
        return result

    tf.function(trace, input_signature=list(specs.values()), autograph=False).get_concrete_function()
    return found[-1]


def _sources(cut: Cut, leaves: Mapping[Any, str]) -> tuple[str, ...]:
    cut.require()
    found = [moved_from(tensor, leaves) for tensor in cut.given]
    if not all(len(names) == 1 for names in found):
        raise OnDeviceError(
            f"layer {cut.layer.name!r} makes ids of what the model computes; allowed are those of an input as it is, "
            f"since an app makes them."
        )
    return tuple(name for [name] in found)


def require_same(program: Program, given: Arrays) -> None:
    """Refuse a program that answers other than the model: then an input is read by more than what is cut off.

    Args:
        program: the program.
        given: some rows of the model's own inputs, by name.
    """
    name = differing(program, given) if program.cuts else ""
    if name:
        layers = ", ".join(sorted({cut.layer.name for _, cut in program.cuts}))
        raise OnDeviceError(
            f"output {name!r} is another one once {layers} are cut off; allowed is a model in which nothing else reads "
            f"their inputs."
        )


def differing(program: Program, given: Arrays) -> str:
    """Return the name of an output in which a program differs from its model; empty where none does.

    Args:
        program: the program.
        given: some rows of the model's own inputs, by name.
    """
    for row in range(len(next(iter(given.values())))):
        one = {name: values[row : row + 1] for name, values in given.items()}
        expected = program.run(program.rebuild(tensors_of(one)))
        arrays = program.arrays(program.rebuild(one))
        with lowered(as_trained(program.layers)):
            found = program.call({name: tf.constant(values[0]) for name, values in arrays.items()})
        for name, value in expected.items():
            if not np.allclose(value, found[name], rtol=1e-4, atol=1e-5, equal_nan=True):
                return name
    return ""


def _spec(values: npt.NDArray[Any]) -> tf.TensorSpec:
    kinds = {
        "i": tf.int32,
        "u": tf.int32,
        "f": tf.float32,
        "b": tf.bool,
        "U": tf.string,
        "S": tf.string,
        "O": tf.string,
    }
    if values.dtype.kind not in kinds:
        raise UsageError(f"an input is of type {values.dtype}; allowed are numbers, truth values and texts.")
    return tf.TensorSpec((1, *values.shape[1:]), kinds[values.dtype.kind])


def _blank(spec: tf.TensorSpec) -> Any:
    return tf.fill(spec.shape, "") if spec.dtype == tf.string else tf.zeros(spec.shape, spec.dtype)


def _tensor(values: npt.NDArray[Any]) -> Any:
    # TensorFlow takes no texts of NumPy's own type.
    return tf.constant(values.astype(object) if values.dtype.kind == "U" else values)
