"""Compress the tables of any Keras model, in place and fitted to what was trained."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondevice.errors import OnDeviceError, UsageError
from ondevice.units import parse_bytes

if TYPE_CHECKING:
    from ondevice.compression.plan import Table
    from ondevice.compression.report import CompressionReport
    from ondevice.converters.tables import LayerTables
    from ondevice.quantize.recipe import Recipe

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
    if isinstance(model, (str, Path)):
        raise UsageError(f"model is the path {str(model)!r}; allowed is a model, which is changed in place.")
    ratio, most, counted_in = asked(ratio, budget, recipe)
    least = parse_bytes("skip_below", str(skip_below))

    from ondevice.compression.apply import compressed
    from ondevice.compression.settings import Settings
    from ondevice.pipeline.own_model import built

    model = built(model)
    _refuse_lambdas(model)
    tables = _tables(model, Settings(method, ratio), config, data, vocabularies)
    report = compressed(tables, counted_in, most, least, seed, plan_only)
    report = replace(report, notes=(*report.notes, *_notes(model, tables)))
    if verbose:
        print(report)
    return report


def asked(ratio: float | None, budget: int | str | None, recipe: str) -> tuple[float | None, int | None, Recipe]:
    """Return the ratio, 16 without any, or the bytes of the budget, and the recipe that these are counted in.

    Raises:
        UsageError: both are given, or one of them or the recipe is not what may be.
    """
    from ondevice.quantize import recipe as recipes

    if budget is not None and ratio is not None:
        raise UsageError(f"ratio is {ratio!r} and budget {budget!r}; allowed is one of both.")
    counted_in = recipes.load(recipe)
    if not counted_in.counts_ahead:
        raise UsageError(f"recipe is {recipe!r}; allowed is one that names all schemes.")
    if budget is not None:
        return None, parse_bytes("budget", str(budget)), counted_in
    return DEFAULT_RATIO if ratio is None else ratio, None, counted_in


def _tables(
    model: Any, general: Any, config: Mapping[str, Any] | None, data: Any, vocabularies: Mapping[str, Any] | None
) -> list[Table]:
    """Return the tables of a model with all that is known of them."""
    from ondevice.compression.plan import Table
    from ondevice.compression.settings import settings_of
    from ondevice.compression.usage import Usage
    from ondevice.converters.tables import layers_of
    from ondevice.embeddings.layer import CompressedEmbedding

    layers = {name: each for name, each in layers_of(model).items() if not isinstance(each.layer, CompressedEmbedding)}
    if not layers:
        raise UsageError(f"model {model.name!r} has no table to compress; allowed is one with keras.layers.Embedding.")
    settings, in_full = settings_of(layers, general, config)
    tables = [
        Table(
            name,
            each.layer,
            settings[name],
            name in in_full,
            Usage.none(each.layer.input_dim, each.layer.output_dim),
            int(bool(each.layer.mask_zero)),
            "nothing tells of a vocabulary without data",
        )
        for name, each in layers.items()
    ]
    if data is not None:
        return _seen(model, layers, tables, data, vocabularies)
    if vocabularies is not None:
        raise UsageError("vocabularies are given without data; allowed are they beside data, which tell their inputs.")
    return tables


def _seen(
    model: Any, layers: Mapping[str, LayerTables], tables: list[Table], data: Any, vocabularies: Any
) -> list[Table]:
    """Return tables with what data tell of them."""
    from ondevice.compression.usage import observe
    from ondevice.converters.orders import why_stored
    from ondevice.converters.program import describe
    from ondevice.ids import RESERVED_IDS
    from ondevice.pipeline.own_model import batches, read_arrays

    given = iter(batches(read_arrays(Path(data)) if isinstance(data, (str, Path)) else data))
    first = next(given, None)
    if first is None:
        raise UsageError("data hold no batch; allowed is one at least.")
    usages = observe(model, {table.name: table.layer for table in tables}, itertools.chain([first], given))
    program = describe(model, first[0], vocabularies=vocabularies)
    answers = program.answers(first[0])
    features = {feature.name: feature for feature in program.features}
    found = []
    for table in tables:
        name = table.name
        read = [features[each] for layer, inputs in program.lookups if layer == name for each in inputs]
        reserved = min(RESERVED_IDS, max([table.reserved, *(feature.reserved for feature in read)]))
        keys = [program.vocabularies[each.vocabulary] for each in read if each.vocabulary in program.vocabularies]
        stored = why_stored(name, layers, program.lookups, program.features, answers)
        found.append(replace(table, usage=usages[name], reserved=reserved, stored=stored, keys=keys[0] if keys else ()))
    return found


def _refuse_lambdas(model: Any) -> None:
    import keras

    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Lambda):
            raise OnDeviceError(
                f"layer {layer.name!r} is a Lambda, whose function may hold a table that nothing can replace; allowed "
                f"is a layer of a class of its own."
            )


def _notes(model: Any, tables: Sequence[Table]) -> list[str]:
    """Tell of tables with a row per user, and of layers that hold vectors of their own that were computed once."""
    from ondevice.embeddings.vectors import Vectors

    of_users = [
        f"Table {table.name} seems to have a row per user, of whom a phone has one: `export(..., "
        f"rows=['{table.name}'])` takes that user's row as an input instead."
        for table in tables
        if OF_USERS.search(table.name)
    ]
    copies = [
        f"Layer {layer.name} holds candidates that were computed before: call its update_candidates with new ones."
        for layer in model._flatten_layers()
        if hasattr(layer, "update_candidates")
        and not isinstance(getattr(layer, "candidate_embeddings", None), (Vectors, type(None)))
    ]
    return of_users + copies
