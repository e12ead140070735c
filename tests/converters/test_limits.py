"""A model that the format can't hold is refused before any work, and the ratio named would do."""

from __future__ import annotations

import re

import pytest

from ondevice.converters.limits import require_size
from ondevice.converters.summary import LARGEST_FILE
from ondevice.embeddings.method import registry as methods
from ondevice.errors import UsageError
from ondevice.models.output import registry as outputs
from ondevice.quantize import recipe as recipes

WIDTH = 64


def refusal(items: int, ratio: float, output: str, output_ratio: float, recipe: str) -> str:
    """Return why a MEmCom model of this size is refused, empty if it is not."""
    method = methods.load("memcom").for_ratio(items, WIDTH, ratio)
    layer = outputs.load(output).for_ratio(method, WIDTH, output_ratio)
    try:
        require_size(method, layer, recipes.load(recipe))
    except UsageError as error:
        return str(error)
    return ""


def advised(message: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"(ratio|output_ratio) ([0-9.]+)", message)}


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_models_of_today_fit(recipe: str) -> None:
    assert not refusal(1_000_000, 16, "dense", 1, recipe)


def test_a_look_up_that_is_too_large_names_its_ratio() -> None:
    sizes = (20_000_000, 1.9, "low_rank", 60, "float32")
    message = refusal(*sizes)
    assert message.startswith("recipe is 'float32', with which the look-up takes 2.69 GB and the output layer ")
    assert "a .tflite file holds at most 2.15 GB, so the model has to be trained with ratio " in message
    [(name, ratio)] = advised(message).items()
    assert (name, ratio > 1.9) == ("ratio", True)
    assert not refusal(20_000_000, ratio, *sizes[2:])
    assert refusal(20_000_000, ratio * 0.98, *sizes[2:])


def test_an_output_layer_that_is_too_large_names_its_ratio() -> None:
    message = refusal(20_000_000, 60, "dense", 1, "int8")
    assert "the output layer 5.20 GB" in message, "the converter makes a float32 one first"
    assert list(advised(message)) == ["output_ratio"]
    assert not refusal(20_000_000, 60, "low_rank", 8, "int8")


def test_where_both_are_too_large_both_ratios_are_named() -> None:
    message = refusal(20_000_000, 1.9, "dense", 1, "float32")
    assert list(advised(message)) == ["ratio", "output_ratio"]
    # Half of the file each.
    found = advised(message)
    assert found["ratio"] == pytest.approx(1.9 * 2.69e9 / (LARGEST_FILE / 2), rel=0.01)
    assert found["output_ratio"] >= 2


def test_the_recipe_to_compare_with_counts_as_what_the_converter_is_given() -> None:
    method = methods.load("full").for_ratio(9_000_000, WIDTH, 1)
    layer = outputs.load("low_rank").for_ratio(method, WIDTH, 60)
    with pytest.raises(UsageError, match=r"^recipe is 'stock_dynamic_range', with which the look-up takes 2\.30 GB"):
        require_size(method, layer, recipes.load("stock_dynamic_range"))
    require_size(method, layer, recipes.load("int8"))
