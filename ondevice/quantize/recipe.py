"""Recipes: which encoding for tables and which for dense layers; one TOML file each."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from ondevice import records
from ondevice.errors import unknown_name
from ondevice.quantize.scheme import registry

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class Recipe:
    """How a model is quantized.

    Args:
        name: name of the recipe, the file's name.
        title: one line for lists.
        tables: name of the scheme for the embedding's tables; a table it does not suit stays float32 and the
            manifest says why.
        dense: number format of the dense layers' weights, `"float32"` or `"int8_per_tensor"`.
        score_tolerance_steps: largest score difference to the reference model that counts as equal, in steps of
            1/255 of the range of the reference scores.
    """

    name: str
    title: str
    tables: str
    dense: str
    score_tolerance_steps: float


def names() -> list[str]:
    """List the recipes."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def load(name: str) -> Recipe:
    """Return a recipe.

    Raises:
        UsageError: there is no recipe of this name.
    """
    if name not in names():
        raise unknown_name("recipe", name, names())
    path = RECIPES / f"{name}.toml"
    settings = tomllib.loads(path.read_text(encoding="utf-8"))
    recipe = records.from_json(Recipe, {"name": name, **settings}, f"recipe {path.name}")
    registry.load(recipe.tables)
    return recipe
