"""The base of every way to split what users did into training, validation and test."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.data.log import Log
from ondevice.errors import UsageError
from ondevice.registry import Registry

TRAIN, VALID, TEST, NOWHERE = range(4)
"""The parts that entries go into."""

PartArray = npt.NDArray[np.int8]


class Split(ABC):
    """Says of every entry which part it goes into.

    Args:
        argument: what stands behind the name and a colon.

    Raises:
        UsageError: the argument is not what this split takes.
    """

    form: ClassVar[str]
    """How it is asked for, e.g. `"time:SHARE"`."""
    leaves_out: ClassVar[str] = "without training items"
    """Which users have nothing in training."""

    def __init__(self, argument: str) -> None:
        self.argument = argument

    @abstractmethod
    def parts(self, log: Log) -> tuple[PartArray, tuple[str, ...]]:
        """Return the part of every entry, int8 `[entries]`, and what is to be told of it.

        Args:
            log: what users did.

        Raises:
            UsageError: the split needs times, and there are none, or all entries go into one part.
        """


registry: Registry[Split] = Registry("split", "ondevice.data.splits", Split)


def open_split(text: str) -> Split:
    """Return the split that is asked for.

    Raises:
        UsageError: there is none of this form.
    """
    name, _, argument = text.partition(":")
    module = name.replace("-", "_")
    if module not in registry.names():
        forms = ", ".join(registry.load(each).form for each in registry.names())
        raise UsageError(f"split is {text!r}; allowed are {forms}.")
    return registry.load(module)(argument)


def share(split: str, argument: str) -> float:
    """Return a share of the entries that is asked for as `10%` or `0.1`.

    Raises:
        UsageError: it is none.
    """
    try:
        found = float(argument.removesuffix("%")) / (100 if argument.endswith("%") else 1)
    except ValueError:
        found = 0.0
    if not 0 < found <= 0.4:
        raise UsageError(
            f"share of the split {split} is {argument!r}; allowed is above 0% to 40%, as test and again as validation."
        )
    return found
