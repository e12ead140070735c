"""What the format can't hold is refused before any work, with the ratio that would fit."""

from __future__ import annotations

import math

from ondevice.converters.summary import LARGEST_FILE
from ondevice.embeddings.method import Method
from ondevice.errors import UsageError
from ondevice.models.output import Output
from ondevice.models.outputs.dense import Dense
from ondevice.quantize.budget import payload_bytes
from ondevice.quantize.recipe import Recipe
from ondevice.quantize.scheme import UNQUANTIZED
from ondevice.topk.parts import FLOAT32
from ondevice.units import format_bytes

GRAPH_BYTES = 1_000_000
"""Room for everything that is neither look-up nor output layer: the graph and the hidden layers."""


def require_size(method: Method, output: Output, recipe: Recipe) -> None:
    """Refuse a model whose file, or the file on the way to it, would be larger than the format allows.

    Args:
        method: the embedding method.
        output: the output layer.
        recipe: how both are quantized.

    Raises:
        UsageError: it would be; the message names the ratio of look-up or output layer, or of both, that would fit.
    """
    look_up, scores = look_up_bytes(method, recipe), output_bytes(output, recipe)
    allowed = LARGEST_FILE - GRAPH_BYTES
    if look_up + scores <= allowed:
        return
    advice = []
    # What fits beside the other part is made smaller; where neither does, each gets half.
    if scores < allowed:
        advice.append(f"ratio {_ratio(method.ratio, look_up, allowed - scores)}")
    elif look_up < allowed:
        advice.append(f"output_ratio {_ratio(output.ratio, scores, allowed - look_up)}")
    else:
        advice.append(f"ratio {_ratio(method.ratio, look_up, allowed // 2)}")
        advice.append(f"output_ratio {_ratio(output.ratio, scores, allowed // 2)}")
    raise UsageError(
        f"recipe is {recipe.name!r}, with which the look-up takes {format_bytes(look_up)} and the output layer "
        f"{format_bytes(scores)} of one file; a .tflite file holds at most {format_bytes(LARGEST_FILE)}, so the model "
        f"has to be trained with {' and '.join(advice)} or more."
    )


def look_up_bytes(method: Method, recipe: Recipe) -> int:
    """Return the bytes of the look-up in the largest file that an export writes, 0 where only the values tell.

    Args:
        method: the embedding method.
        recipe: how it is quantized.
    """
    return payload_bytes(method, recipe) if recipe.counts_ahead else 0


def output_bytes(output: Output, recipe: Recipe) -> int:
    """Return the bytes of the output layer in the largest file that an export writes.

    Args:
        output: the output layer.
        recipe: how it is quantized.
    """
    # A dense layer is converted as float32 and quantized in the finished file.
    whole = isinstance(output, Dense) or recipe.dense == UNQUANTIZED
    return output.payload_bytes(FLOAT32 if whole else recipe.dense)


def _ratio(ratio: float, size_bytes: int, allowed_bytes: int) -> str:
    return f"{math.ceil(ratio * size_bytes / allowed_bytes * 100) / 100:g}"
