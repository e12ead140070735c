"""One size for all methods: what the encoded tables take, and the parameters with which a method fits a budget."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from typing import Any

import numpy as np

from ondevice.embeddings.method import Method, require
from ondevice.errors import UsageError
from ondevice.quantize.scheme import refusal
from ondevice.quantize.scheme import registry as schemes


def payload_bytes(method: Method, scheme: str) -> int:
    """Return the bytes of all tables kept, encoded, from their shapes alone, with the same folding as the export.

    Args:
        method: the embedding method.
        scheme: name of the scheme; tables it does not suit count as they are before any encoding.
    """
    chosen = schemes.load(scheme)()
    total = 0
    for table in method.stored().tables():
        if refusal(scheme, table):
            total += table.bytes
            continue
        # Every scheme stores the same bytes per row, so one row tells.
        row = chosen.encode(np.ones((1, table.width), np.float32))
        folded = {chosen.scales} if table.scale_into else set()
        total += table.rows * sum(array.nbytes for name, array in row.items() if name not in folded)
    return total


def method_for_budget(
    kind: type[Method], vocabulary_size: int, width: int, budget_bytes: int, scheme: str, /, **options: Any
) -> Method:
    """Choose a method's own parameters such that its encoded tables take at most a budget, and as much of it as can be.

    Everything stored for the look-up counts: shared rows, numbers per id, and scales that are not folded.

    Args:
        kind: the method.
        vocabulary_size: number of ids, reserved ids included.
        width: numbers per vector of the full table.
        budget_bytes: bytes, at least 1.
        scheme: name of the scheme that the tables will be encoded with.
        options: fields of the method that do not change its size class, e.g. `sharing="block"`.

    Raises:
        UsageError: the method can't be that small; the message names the smallest budget that it can keep.
    """
    require("budget_bytes", budget_bytes, budget_bytes >= 1, "at least 1")
    full = vocabulary_size * width

    def made(parameters: int) -> Method:
        return kind.for_ratio(vocabulary_size, width, full / parameters, **options)

    largest = made(full)
    if payload_bytes(largest, scheme) <= budget_bytes:
        return largest
    # More parameters never take fewer bytes: `few` are refused or fit, `many` take too many bytes. Nearly so where
    # tables are encoded differently, as rows and projections of mixed widths; then a size just below the best is found.
    few, many, best, too_large = 0, full, None, largest
    while many - few > 1:
        middle = (few + many) // 2
        try:
            method = made(middle)
        except UsageError:
            few = middle
            continue
        if payload_bytes(method, scheme) <= budget_bytes:
            few, best = middle, method
        else:
            many, too_large = middle, method
    if best is None:
        # Whatever is smaller than this one is refused.
        tables = " and ".join(f"{table.name} {table.rows} x {table.width}" for table in too_large.stored().tables())
        raise UsageError(
            f"budget of {budget_bytes} bytes is out of reach for {kind.__module__.rpartition('.')[2]} as {scheme} with "
            f"{vocabulary_size} ids of width {width}: with the least it can store, {tables}, it takes "
            f"{payload_bytes(too_large, scheme)}."
        )
    return best


def stated_ratio(method: Method) -> float:
    """Return the ratio that a method has, such that its `for_ratio` gives tables of the same sizes for it.

    Args:
        method: a method that `for_ratio` gave.

    Raises:
        ValueError: there is none, so the method's `for_ratio` contradicts itself.
    """
    fields = dataclasses.fields(method)
    options = {field.name: getattr(method, field.name) for field in fields if field.default is not dataclasses.MISSING}
    # The quotient may be rounded up, and then is just above what the method reaches.
    for ratio in (method.ratio, math.nextafter(method.ratio, 0)):
        with contextlib.suppress(UsageError):
            found = type(method).for_ratio(method.vocabulary_size, method.width, ratio, **options)
            if found.stored().tables() == method.stored().tables():
                return ratio
    raise ValueError(f"{method} has ratio {method.ratio!r}, but is not what it gives for it")
