"""Training that knows of the encoding: the look-up gets rows as the exported file will hold them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ondevice.embeddings.method import Method
from ondevice.errors import UsageError
from ondevice.quantize import recipe as recipes
from ondevice.quantize.choose import choices
from ondevice.quantize.scheme import Scheme, scheme_of


def rounded_tables(method: Method, recipe: str) -> dict[str, Callable[[Any], Any]]:
    """Return what training does to the rows of each table (straight-through estimation), by name of the table.

    Args:
        method: the embedding method.
        recipe: name or file of the recipe that the model will be exported with.

    Raises:
        UsageError: no table of the method gets an encoding of 4 bits or less per number from the recipe, or the recipe
            chooses by the trained tables.
    """
    schemes = {name: scheme_of(choice.scheme) for name, choice in choices(method, recipes.load(recipe)).items()}
    rounded: dict[str, Callable[[Any], Any]] = {
        name: scheme.rounded for name, scheme in schemes.items() if type(scheme).rounded is not Scheme.rounded
    }
    if not rounded:
        given = ", ".join(f"{name} {type(scheme).__module__.rpartition('.')[2]}" for name, scheme in schemes.items())
        raise UsageError(
            f"quantize_aware is {recipe!r}, which encodes {given}; allowed is a recipe that rounds a table's rows to 4 "
            "bits or less."
        )
    return rounded
