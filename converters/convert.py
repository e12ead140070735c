"""The door: a Keras model in, a checked `.tflite` file out, with everything that is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import keras

from ondevice.converters import flatbuffer, lint, verify
from ondevice.converters.constants import require_finite_weights, require_weights, trained_constants
from ondevice.converters.converted import Converted, ConvertedOutput, converted_layers
from ondevice.converters.dense import dense_format, quantize_dense
from ondevice.converters.model_file import ModelFile
from ondevice.converters.output import LoweredOutput, lower_output, payload_bytes
from ondevice.converters.passes import Facts, deduplicate, full_arrays, int4_tables, lookups, stamp
from ondevice.converters.placeholder import Placeholders
from ondevice.converters.signature import Call, Signature
from ondevice.converters.tables import LayerTables, encoded_for, layers_of, lowering_of
from ondevice.converters.tflite import SIGNATURE
from ondevice.converters.tflite import convert as to_tflite
from ondevice.errors import UsageError
from ondevice.feature import Feature
from ondevice.head import PROBABILITIES, Head
from ondevice.models.scores import Scores
from ondevice.quantize.encode import EncodedEmbedding
from ondevice.quantize.recipe import Recipe
from ondevice.topk.parts import INT4, INT8

FIRST: tuple[Callable[[ModelFile, Facts], None], ...] = (lookups.apply, int4_tables.apply)
"""The passes over what TensorFlow's converter made; then dense layers are quantized, which needs a file."""
LAST: tuple[Callable[[ModelFile, Facts], None], ...] = (stamp.apply, full_arrays.apply, deduplicate.apply)
"""The passes after that, the first of them while the file is small."""

CONSTANT = "it looks up constant ids, whose vectors the file holds"
UNUSED = "the exported function does not look anything up in it"


def convert(
    model: keras.Model,
    features: Sequence[Feature],
    head: Head,
    recipe: Recipe,
    target: str,
    *,
    call: Call | None = None,
    layers: Mapping[str, LayerTables] | None = None,
    signature: str = SIGNATURE,
) -> Converted:
    """Convert a model to a `.tflite` file whose look-ups are builtin operations on each layer's own encoded tables.

    Args:
        model: a built model of any kind.
        features: the file's inputs in order.
        head: what the file answers.
        recipe: how tables and dense layers are quantized.
        target: name of the runtime that the file is for.
        call: calls the model with the inputs by name; without it the model is given the dict, or the only input.
        layers: the model's layers that look ids up, where they are not as `layers_of` gives them.
        signature: name of the file's signature.

    Raises:
        UsageError: the target is unknown, the recipe names a table that no layer has, or the model does not give what
            the head needs.
        OnDeviceError: the model needs an operation that is not builtin, or the file is not what was asked for.

    Example:
        >>> converted = convert(model, [Feature("item_id", "ids", (1,), "int32", size=1000)], values(),
        ...                     recipes.load("int8"), "tflite-2.14")  # doctest: +SKIP
    """
    require_finite_weights(model)
    layers = layers or layers_of(model)
    require_named_tables(recipe, layers)
    scores = output_layer(model)
    encoded = _encoded(layers, recipe, target, scores)
    output, tied = _output(layers, encoded, recipe, head, scores)
    placeholders = Placeholders()
    short = {name: placeholders.embedding(name, each) for name, each in encoded.items()}
    short_output = placeholders.output(output, encoded.get(tied)) if output is not None else None
    lowering = lowering_of(layers, short)
    served = Signature(call or plain_call(model), features, head, lowering, short_output)
    outputs = served.outputs()
    traced = tuple(each.layer for each in lowering.calls)
    # Of a layer that is not looked up in nothing is in the file.
    used = [each for name, made in placeholders.made.items() if name in {"", *traced} for each in made]
    facts = Facts({name: short[name] for name in traced}, traced, tuple(used))

    file = ModelFile(to_tflite(served.function, served.specs, signature=signature))
    for edit in FIRST:
        edit(file, facts)
    trained = trained_constants(file, facts.placeholders)
    if scores is not None:
        require_weights(model, trained)
    file = quantize_dense(file, _dense(recipe, head, scores), target)
    for edit in LAST:
        edit(file, facts)
    content = file.write()

    summary = flatbuffer.read(content)
    found = converted_layers(layers, encoded, lowering, facts)
    converted = Converted(
        content,
        summary,
        signature,
        served.features,
        outputs,
        head,
        found,
        {name: CONSTANT if name in lowering.constant else UNUSED for name in layers if name not in found},
        ConvertedOutput(output, payload_bytes(summary, output, encoded.get(tied))) if output is not None else None,
        dense_format(summary),
        lint.minimum_runtime(summary),
        trained,
    )
    verify.verify(converted, target)
    return converted


def plain_call(model: keras.Model) -> Call:
    """Return what gives a model its inputs by name, or the only one as it is."""
    return lambda inputs: model(next(iter(inputs.values())) if len(inputs) == 1 else dict(inputs), training=False)


def output_layer(model: keras.Model) -> Scores | None:
    """Return the output layer of ours that a model ends with, if it does."""
    tensors = getattr(model, "outputs", None) or []
    last = getattr(tensors[0], "_keras_history", None) if len(tensors) == 1 else None
    return last.operation if last is not None and isinstance(last.operation, Scores) else None


def require_named_tables(recipe: Recipe, layers: Mapping[str, LayerTables]) -> None:
    """Raise a `UsageError` if a recipe names a table that no layer of a model has."""
    tables = [f"{layer}/{table.name}" for layer, each in layers.items() for table in each.method.tables()]
    for name in recipe.by_table:
        if name not in {*tables, *(table.rpartition("/")[2] for table in tables)}:
            raise UsageError(
                f"by_table of recipe {recipe.name!r} names table {name!r}; allowed are those of the model: "
                f"{', '.join(tables)}."
            )


def _encoded(
    layers: Mapping[str, LayerTables], recipe: Recipe, target: str, scores: Scores | None
) -> dict[str, EncodedEmbedding]:
    encoded = {}
    for name, tables in layers.items():
        # An output layer that uses the tables, too, has a say in how they are laid out.
        user = scores.member if scores is not None and scores.embedding is tables.layer else None
        plain, layouts = (user.reads_whole, user.layouts) if user is not None else ((), {})
        encoded[name] = encoded_for(tables, recipe.for_layer(name, tables.method), target, plain, layouts)
    return encoded


def _output(
    layers: Mapping[str, LayerTables],
    encoded: Mapping[str, EncodedEmbedding],
    recipe: Recipe,
    head: Head,
    scores: Scores | None,
) -> tuple[LoweredOutput | None, str]:
    """Return the output layer as the file holds it, and the name of the embedding whose tables it uses."""
    if scores is None:
        return None, ""
    used = next((name for name, each in layers.items() if each.layer is scores.embedding), "")
    values = layers[used].values if used else None
    lowered = lower_output(scores.member, scores.values(), _dense(recipe, head, scores), encoded.get(used), values)
    return lowered, used


def _dense(recipe: Recipe, head: Head, scores: Scores | None) -> str:
    # The few columns that labels need are not worth a factor each, nor is any layer that is not rounded before: four
    # bits are for items.
    few = head.kind == PROBABILITIES or scores is None
    return INT8 if few and recipe.dense == INT4 else recipe.dense
