"""From the settings of a run to the embedding method it trains. Needs no TensorFlow, so that it can be asked first."""

from __future__ import annotations

import dataclasses

from ondevice.data.order import registry as orders
from ondevice.embeddings import sharing
from ondevice.embeddings.method import Method
from ondevice.embeddings.method import registry as methods
from ondevice.errors import UsageError
from ondevice.training.config import TrainConfig


def choose_method(config: TrainConfig, vocabulary_size: int) -> Method:
    """Build the configured method at the configured ratio.

    Where the method shares rows by a rule and none is given, neighbours share a row if the order makes them similar.

    Raises:
        UsageError: the method can't reach the ratio, or an option is not one of its fields.
    """
    kind = methods.load(config.method)
    options = dict(config.options)
    # A field without a default is what the ratio decides.
    allowed = {field.name for field in dataclasses.fields(kind) if field.default is not dataclasses.MISSING}
    unknown = sorted(set(options) - allowed)
    if unknown:
        has = f"it has {', '.join(sorted(allowed))}" if allowed else "it has none"
        raise UsageError(f"option {unknown[0]!r} is not known to method {config.method}; {has}.")
    if "sharing" in allowed and orders.load(config.order).neighbours_similar:
        options.setdefault("sharing", sharing.BLOCK)
    return kind.for_ratio(vocabulary_size, config.width, config.ratio, **options)
