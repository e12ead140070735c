"""A scheme for each table by what it saves and what it costs, under a limit for the error of all tables together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ondevice.embeddings.method import FloatArray, Table
from ondevice.embeddings.ops import NumpyOps
from ondevice.quantize.scheme import refusal, scheme_of

MEASURED_ROWS = 16_384
"""Rows, evenly spaced, on which the error of a scheme is measured."""


def fewest_bytes(
    tables: Sequence[Table], values: Mapping[str, FloatArray], candidates: Sequence[str], error_limit: float
) -> dict[str, str]:
    """Choose schemes step by step: each time the one that adds least error per byte saved, as long as the limit holds.

    All tables start as float32. A step gives one table another scheme that takes fewer bytes than it has now. Of all
    steps after which the limit holds, the one with the least squared error added per byte saved is taken; equal ones by
    the order of tables, then of candidates. The error of all is the root of the sum of the squared relative errors of
    the tables: that of a product of independent factors, and never too little for a sum. Nothing is random.

    Args:
        tables: the tables to choose for.
        values: `[rows, width]` by table name.
        candidates: names of schemes.
        error_limit: largest error of all tables together, relative root mean square.

    Returns:
        names of schemes by table name, for the tables that get one.
    """
    sizes = {table.name: table.bytes for table in tables}
    errors = {table.name: 0.0 for table in tables}
    options = {
        (table.name, scheme): (
            scheme_of(scheme).stored_bytes(table.rows, table.width, bool(table.scale_into)),
            relative_error(scheme, values[table.name]) ** 2,
        )
        for table in tables
        for scheme in candidates
        if not refusal(scheme, table)
    }
    chosen: dict[str, str] = {}
    while True:
        best: tuple[float, str, str] | None = None
        for (name, scheme), (size, error) in options.items():
            saved, added = sizes[name] - size, error - errors[name]
            if saved <= 0 or math.sqrt(sum(errors.values()) + added) > error_limit:
                continue
            if best is None or added / saved < best[0]:
                best = (added / saved, name, scheme)
        if best is None:
            return chosen
        _, name, scheme = best
        chosen[name] = scheme
        sizes[name], errors[name] = options[name, scheme]


def relative_error(scheme: str, values: FloatArray) -> float:
    """Return the root mean square error of a scheme over the root mean square of the numbers, 0 if all are zero.

    Args:
        scheme: name of the scheme.
        values: float32 `[rows, width]`; of many rows some are measured.
    """
    kept = values[np.linspace(0, len(values) - 1, min(len(values), MEASURED_ROWS)).astype(np.int64)]
    member = scheme_of(scheme)
    decoded = member.decode(member.encode(kept), np.arange(len(kept), dtype=np.int32), NumpyOps(), kept.shape[1])
    size = float(np.sum(np.square(kept, dtype=np.float64)))
    error = float(np.sum(np.square(decoded.astype(np.float64) - kept)))
    return math.sqrt(error / size) if size else 0.0
