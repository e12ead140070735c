"""Recipes: which encoding for tables and which for dense layers; one TOML file each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ondevice.quantize.scheme import registry
from ondevice.toml_family import load_member, member_names

RECIPES = Path(__file__).parent / "recipes"
COMPARED_METHOD = "full"


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
        comparison: whether TensorFlow's own converter quantizes the model instead, as it pleases. Such a file is only
            there to compare with: of the full table, with tables and dense layers as the converter leaves them, and
            written without any proof that it works.
    """

    name: str
    title: str
    tables: str
    dense: str
    score_tolerance_steps: float
    comparison: bool = False

    def suits(self, method: str) -> bool:
        """Tell whether models of an embedding method are exported with this recipe."""
        return method == COMPARED_METHOD or not self.comparison


def names(comparison: bool = True) -> list[str]:
    """List the recipes.

    Args:
        comparison: whether to list those that are only there to compare with, too.
    """
    return [name for name in member_names(RECIPES) if comparison or not load(name).comparison]


def load(name: str) -> Recipe:
    """Return a recipe.

    Raises:
        UsageError: there is no recipe of this name.
    """
    recipe = load_member(Recipe, RECIPES, name, "recipe")
    registry.load(recipe.tables)
    return recipe
