"""From the settings of a run to the embedding method it trains. Needs no TensorFlow, so that it can be asked first."""

from __future__ import annotations

import dataclasses
from typing import Any

from ondevice.data.order import registry as orders
from ondevice.embeddings import sharing
from ondevice.embeddings.method import Method
from ondevice.embeddings.method import registry as methods
from ondevice.errors import UsageError
from ondevice.training.config import TrainConfig

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def choose_method(config: TrainConfig, vocabulary_size: int) -> Method:
    """Build the configured method at the configured ratio.

    Raises:
        UsageError: the method can't reach the ratio or needs another id order, or an option is not one of its
            fields or of another type.
    """
    options = method_options(config)
    method = methods.load(config.method).for_ratio(vocabulary_size, config.width, config.ratio, **options)
    if method.needs_order not in ("", config.order):
        raise UsageError(
            f"order is {config.order!r}; allowed is {method.needs_order!r} for method {config.method}"
            f"{f' with options {options}' if options else ''}, since rows of their own belong to its first ids."
        )
    return method


def method_options(config: TrainConfig) -> dict[str, Any]:
    """Return the options that the configured method is made with.

    Where the method shares rows by a rule and none is given, neighbours share a row if the order makes them similar.

    Raises:
        UsageError: an option is not one of the method's fields or of another type.
    """
    kind = methods.load(config.method)
    options: dict[str, Any] = dict(config.options)
    # A field without a default is what the ratio decides.
    allowed = {
        entry.name: entry.default for entry in dataclasses.fields(kind) if entry.default is not dataclasses.MISSING
    }
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        has = f"it has {', '.join(sorted(allowed))}" if allowed else "it has none"
        raise UsageError(f"option {unknown[0]!r} is not known to method {config.method}; {has}.")
    for name, value in options.items():
        wanted = type(allowed[name])
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise UsageError(f"option {name} is {value!r}; allowed is {_KINDS[wanted]}.")
    if "sharing" in allowed and orders.load(config.order).neighbours_similar:
        options.setdefault("sharing", sharing.BLOCK)
    return options
