"""What an output layer is made of: weights that are trained, arrays that a file holds, tables that it shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ondevice.embeddings.method import FloatArray, Rows
from ondevice.topk.parts import FLOAT32, INT4, INT8

FORMATS = (FLOAT32, INT8, INT4)
"""How an exported file may hold an output layer: as it was trained, or with integers wherever that pays.

As int4, a matrix is rounded to whole numbers of four bits before the file is made; what is too small or too sensitive
for that is stored as with int8.
"""

LEVELS = 127
"""The largest integer of an int8 array with a scale and no zero point."""


def at_least_int8(number_format: str) -> str:
    """Return the format of an array that four bits do not suit: int8 where the layer has integers at all.

    Args:
        number_format: one of `FORMATS`.
    """
    return FLOAT32 if number_format == FLOAT32 else INT8


@dataclass(frozen=True)
class Weight:
    """What an output layer trains, or what is chosen for it before training.

    Args:
        name: name within the layer.
        shape: its dimensions.
        spread: standard deviation of the initial values, which are uniform.
        center: their mean.
        decays: whether weight decay applies; not to biases, nor to factors that start at one.
        trainable: whether gradient descent learns it; what it does not learn is uint8, and `Output.chosen` gives it.
    """

    name: str
    shape: tuple[int, ...]
    spread: float = 0.0
    center: float = 0.0
    decays: bool = True
    trainable: bool = True


@dataclass(frozen=True)
class Tables:
    """The embedding's tables as the exported file holds them, for a layer that uses them, too.

    Args:
        decoded: all rows by table name, float32 `[rows, width]`, without the factors that another table has absorbed.
        original: all rows by table name before they were encoded.
        laid_out: gives the decoded numbers in rows of a table laid out by runs, `[..., longest]`, by the table's name
            and the numbers of the rows `[...]`; for the tables in `Output.layouts`.
    """

    decoded: Mapping[str, FloatArray]
    original: Mapping[str, FloatArray]
    laid_out: Rows
