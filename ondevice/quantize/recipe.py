"""Recipes: which encoding for which table and which for dense layers; one TOML file each, or a file of the user's."""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass, field
from pathlib import Path

from ondevice.embeddings.method import Method
from ondevice.errors import UsageError, unknown_name
from ondevice.quantize.scheme import registry
from ondevice.toml_family import FILE_TYPES, TomlFamily

STOCK = "stock_dynamic_range"
"""What stands in the place of a recipe's name where TensorFlow's own converter quantizes the full table."""


@dataclass(frozen=True)
class Recipe:
    """How a model is quantized.

    Args:
        name: name of the recipe, the file's name.
        title: one line for lists.
        tables: name of the scheme for the embedding's tables; one that neither this nor `narrow` suits stays float32
            and the manifest says why.
        dense: number format of the dense layers' weights, `"float32"`, `"int8"` or, int8 but for the output layer's,
            `"int4"`; the target decides whether a row may have a scale of its own.
        score_tolerance_steps: largest score difference to the reference model that counts as equal, in steps of
            1/255 of the range of the reference scores.
        narrow: name of the scheme for tables of one number per row and for those that `tables` does not suit; as
            `tables` if empty.
        by_table: names of schemes by name of a table, `"shared"` of every layer that has one or
            `"item_embedding/shared"` of one, for tables that are to have another one.
        candidates: names of schemes of which the trained tables get those that save most for the error they add; see
            `ondevice.quantize.mixed`. Tables named in `by_table` keep the scheme named there, all others start as
            float32, whatever `tables` and `narrow` say.
        error_limit: with candidates, the relative root mean square error that they may add up to; 0 without.
    """

    name: str
    title: str
    tables: str
    dense: str
    score_tolerance_steps: float
    narrow: str = ""
    by_table: dict[str, str] = field(default_factory=dict)
    candidates: tuple[str, ...] = ()
    error_limit: float = 0.0

    def for_layer(self, layer: str, method: Method) -> Recipe:
        """Return the recipe of one layer: what it says of that layer's tables goes before what it says of all.

        Args:
            layer: name of the layer.
            method: its embedding method.
        """
        names = [table.name for table in method.tables()]
        named = {name: self.by_table.get(f"{layer}/{name}", self.by_table.get(name, "")) for name in names}
        return dataclasses.replace(self, by_table={name: scheme for name, scheme in named.items() if scheme})

    @property
    def counts_ahead(self) -> bool:
        """Whether the bytes of tables are known before their values are, so that a budget can be counted in them."""
        return not self.candidates


family = TomlFamily("recipe", Recipe, Path(__file__).parent / "recipes")
names = family.names


def names_counted_ahead() -> list[str]:
    """List the recipes in which a budget can be counted before training."""
    return [name for name in names() if load(name).counts_ahead]


def is_file(name: str) -> bool:
    """Tell whether a recipe is named by the path of a file of the user's own."""
    return Path(name).suffix in FILE_TYPES


def load(name: str) -> Recipe:
    """Return a recipe.

    Args:
        name: name of a recipe, or path of a `.toml` or `.json` file with the fields of one but the name, which is the
            file's.

    Raises:
        UsageError: there is no recipe of this name, no such file, or a field names no scheme or is out of range.
        OnDeviceError: the file does not fit the record.
    """
    if name == STOCK:
        return Recipe(STOCK, "TensorFlow's own converter, to compare with", "float32", "float32", 4.0)
    if is_file(name):
        recipe = family.load_file(Path(name))
        if recipe.name in names():
            raise UsageError(f"recipe {name!r} has the name of one of ondevice; allowed is a file of another name.")
        return _checked(recipe)
    return _member(name)


@functools.cache
def _member(name: str) -> Recipe:
    return _checked(family.load(name))


def single(scheme: str) -> Recipe:
    """Return the recipe that encodes every table with one scheme and leaves dense layers alone."""
    registry.load(scheme)
    return Recipe(scheme, f"all tables as {scheme}", scheme, "float32", 0.01)


def _checked(recipe: Recipe) -> Recipe:
    named = [("tables", recipe.tables), ("narrow", recipe.narrow or recipe.tables)]
    named += [("by_table", scheme) for scheme in recipe.by_table.values()]
    named += [("candidates", scheme) for scheme in recipe.candidates]
    for name, scheme in named:
        if scheme not in registry.names():
            raise unknown_name(f"scheme in field {name} of recipe {recipe.name!r}", scheme, registry.names())
    for name, allowed, holds in (
        ("score_tolerance_steps", "a number above 0", 0 < recipe.score_tolerance_steps < math.inf),
        ("error_limit", "a number of at least 0", 0 <= recipe.error_limit < math.inf),
        ("error_limit", "above 0 with candidates and 0 without", bool(recipe.candidates) == (recipe.error_limit > 0)),
    ):
        if not holds:
            value = dataclasses.asdict(recipe)[name]
            raise UsageError(f"{name} of recipe {recipe.name!r} is {value!r}; allowed is {allowed}.")
    return recipe
