"""Compress the tables of any Keras model, in place and fitted to what was trained."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondevice.errors import OnDeviceError, UsageError
from ondevice.units import parse_bytes

if TYPE_CHECKING:
    from ondevice.compression.plan import Plan, Table
    from ondevice.compression.report import CompressionReport

DEFAULT_METHOD = "product_codes"
"""What keeps most of a trained table where nothing is trained afterwards, at equal exported bytes, too."""
DEFAULT_RATIO = 16.0
DEFAULT_RECIPE = "int8"
SKIP_BELOW = "16kB"
OF_USERS = re.compile(r"(^|_)(user|customer|member|visitor|account)s?(_|$)")


def compress(
    model: Any,
    ratio: float | None = None,
    *,
    budget: int | str | None = None,
    method: str = DEFAULT_METHOD,
    config: Mapping[str, Any] | None = None,
    data: Any = None,
    vocabularies: Mapping[str, Any] | None = None,
    skip_below: int | str = SKIP_BELOW,
    recipe: str = DEFAULT_RECIPE,
    seed: int = 0,
    plan_only: bool = False,
    verbose: bool = True,
) -> CompressionReport:
    """Replace the tables of a model's `keras.layers.Embedding` layers by compressed ones that are fitted to them.

    The layers stay where they are, so that the model is called, fitted, saved and loaded as before; its optimizer
    begins anew. Ids stay as they are, too: where similar ids are to share rows, each layer has an order of its own,
    which costs a file nothing where a vocabulary can take it over at export.

    Args:
        model: a built model, functional, Sequential or subclassed.
        ratio: parameters of each table over parameters stored; 16 without it and without a budget.
        budget: bytes of all tables together as the recipe encodes them, e.g. `"300kB"`, divided such that the largest
            error per byte falls first.
        method: name of the method.
        config: by pattern, a regular expression of the whole name of a layer: `"keep"`, the name of a method, or a dict
            of `method`, `ratio`, `order`, `scheme` and `options`. A name in full is an order: what can't be done is an
            error then, and no table too small.
        data: examples as for `fit`; tell how often ids are used, which occur together, and what hangs on them.
        vocabularies: keys in the order of the ids, or the lookup layer that has them, by the input's name.
        skip_below: tables with fewer bytes stay.
        recipe: quantization recipe that bytes are counted in.
        seed: seed of whatever is random.
        plan_only: whether nothing is done but to tell what would be.
        verbose: whether the report is printed.

    Raises:
        UsageError: a name is unknown, a size is out of reach, or the model is not built.
        OnDeviceError: the model holds a table where it can't be replaced.

    Example:
        >>> report = compress(model, ratio=16, data=(x, y))  # doctest: +SKIP
        >>> model.fit(x, y, epochs=2)  # doctest: +SKIP
    """
    from ondevice.quantize import recipe as recipes

    if isinstance(model, (str, Path)):
        raise UsageError(f"model is the path {str(model)!r}; allowed is a model, which is changed in place.")
    if budget is not None and ratio is not None:
        raise UsageError(f"ratio is {ratio!r} and budget {budget!r}; allowed is one of both.")
    counted_in = recipes.load(recipe)
    if not counted_in.counts_ahead:
        raise UsageError(f"recipe is {recipe!r}; allowed is one that names all schemes.")
    least = parse_bytes("skip_below", str(skip_below))
    most = None if budget is None else parse_bytes("budget", str(budget))

    from ondevice.compression.apply import apply, planned
    from ondevice.compression.plan import plan_of, within
    from ondevice.compression.report import CompressionReport
    from ondevice.compression.settings import Settings
    from ondevice.pipeline.own_model import built

    model = built(model)
    _refuse_lambdas(model)
    general = Settings(method, DEFAULT_RATIO if ratio is None else ratio)
    tables, keys = _tables(model, general, config, data, vocabularies)
    plans: dict[str, Plan] = {table.name: plan_of(table, counted_in, least) for table in tables}
    if most is not None:
        plans = within(plans, most, counted_in)
    found, notes = [], _notes(plans)
    for name, plan in plans.items():
        if plan_only:
            found.append(planned(plan))
            continue
        report, followed = apply(plan, keys.get(name, ()), seed)
        found.append(report)
        notes += [f"Layer {other} read the table of {name} and now reads its compressed vectors." for other in followed]
    result = CompressionReport(tuple(found), recipe, tuple(notes + _copies(model)))
    if verbose:
        print(result)
    return result


def _tables(
    model: Any, general: Any, config: Mapping[str, Any] | None, data: Any, vocabularies: Mapping[str, Any] | None
) -> tuple[list[Table], dict[str, list[str]]]:
    """Return the tables of a model with all that is known of them, and the keys of their ids."""
    from ondevice.compression.plan import Table
    from ondevice.compression.settings import settings_of
    from ondevice.compression.usage import Usage, observe
    from ondevice.converters.orders import why_stored
    from ondevice.converters.program import describe
    from ondevice.converters.tables import layers_of
    from ondevice.embeddings.layer import CompressedEmbedding
    from ondevice.ids import RESERVED_IDS
    from ondevice.pipeline.own_model import batches, read_arrays

    layers = {name: each for name, each in layers_of(model).items() if not isinstance(each.layer, CompressedEmbedding)}
    if not layers:
        raise UsageError(f"model {model.name!r} has no table to compress; allowed is one with keras.layers.Embedding.")
    settings, asked = settings_of(layers, general, config)
    usages = {name: Usage.none(each.layer.input_dim, each.layer.output_dim) for name, each in layers.items()}
    stored = dict.fromkeys(layers, "nothing tells of a vocabulary without data")
    reserved = {name: int(bool(each.layer.mask_zero)) for name, each in layers.items()}
    keys: dict[str, list[str]] = {}
    if data is not None:
        data = read_arrays(Path(data)) if isinstance(data, (str, Path)) else data
        given = iter(batches(data))
        first = next(given, None)
        if first is None:
            raise UsageError("data hold no batch; allowed is one at least.")
        usages = observe(model, {name: each.layer for name, each in layers.items()}, itertools.chain([first], given))
        program = describe(model, first[0], vocabularies=vocabularies)
        answers = program.answers(first[0])
        features = {feature.name: feature for feature in program.features}
        for name in layers:
            stored[name] = why_stored(name, layers, program.lookups, program.features, answers)
            for each in {feature for layer, inputs in program.lookups if layer == name for feature in inputs}:
                reserved[name] = min(RESERVED_IDS, max(reserved[name], features[each].reserved))
                keys[name] = list(program.vocabularies.get(features[each].vocabulary, keys.get(name, [])))
    elif vocabularies is not None:
        raise UsageError("vocabularies are given without data; allowed are they beside data, which tell their inputs.")
    tables = [
        Table(name, each.layer, settings[name], name in asked, usages[name], reserved[name], stored[name])
        for name, each in layers.items()
    ]
    return tables, keys


def _refuse_lambdas(model: Any) -> None:
    import keras

    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Lambda):
            raise OnDeviceError(
                f"layer {layer.name!r} is a Lambda, whose function may hold a table that nothing can replace; allowed "
                f"is a layer of a class of its own."
            )


def _notes(plans: Mapping[str, Plan]) -> list[str]:
    return [
        f"Table {name} seems to have a row per user, of whom a phone has one: `export(..., rows=['{name}'])` takes "
        f"that user's row as an input instead."
        for name in plans
        if OF_USERS.search(name)
    ]


def _copies(model: Any) -> list[str]:
    """Tell which layers hold vectors of their own that were computed once."""
    from ondevice.embeddings.vectors import Vectors

    return [
        f"Layer {layer.name} holds candidates that were computed before: call its update_candidates with new ones."
        for layer in model._flatten_layers()
        if hasattr(layer, "update_candidates")
        and not isinstance(getattr(layer, "candidate_embeddings", None), (Vectors, type(None)))
    ]
