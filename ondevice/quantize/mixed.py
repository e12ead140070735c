"""A scheme for each table by what it saves and what it costs, under a limit for the error of all tables together."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FloatArray, Table
from ondevice.embeddings.ops import NumpyOps
from ondevice.quantize.scheme import refusal, scheme_of

MEASURED_ROWS = 16_384
"""Rows, evenly spaced, on which the error of a scheme is measured."""


@dataclass(frozen=True, eq=False)
class Folding:
    """A table whose scales another one absorbs, which is then encoded with them and loses other digits than without.

    Args:
        table: name of the table with the scales.
        rows: int32 `[rows]`, the row of it that each row of the absorbing table belongs to.
        scheme: name of its scheme where that is given, empty where it is chosen.
    """

    table: str
    rows: npt.NDArray[np.int32]
    scheme: str = ""


def fewest_bytes(
    tables: Sequence[Table],
    values: Mapping[str, FloatArray],
    candidates: Sequence[str],
    error_limit: float,
    foldings: Mapping[str, Folding] = MappingProxyType({}),
) -> dict[str, str]:
    """Choose schemes step by step: each time the one that adds least error per byte saved, as long as the limit holds.

    All tables start as float32. A step gives one table another scheme that takes fewer bytes than it has now. Of all
    steps after which the limit holds, the one with the least squared error added per byte saved is taken; equal ones by
    the order of tables, then of candidates. The error of all is the root of the sum of the squared relative errors of
    the tables, each as it is encoded, with the scales it has absorbed: that of a product of independent factors, and
    not too little for a sum of them. The time of a look-up does not count. Nothing is random.

    Args:
        tables: the tables to choose for.
        values: `[rows, width]` by table name.
        candidates: names of schemes.
        error_limit: largest error of all tables together, relative root mean square.
        foldings: whose scales a table absorbs, by its name.

    Returns:
        names of schemes by table name, for the tables that get one.
    """

    @functools.cache
    def squared(name: str, scheme: str, folded: str) -> float:
        numbers = values[name] if not folded else _with_scales(values, name, foldings[name], folded)
        return relative_error(scheme, numbers) ** 2

    def error(schemes: Mapping[str, str]) -> float:
        total = 0.0
        for name, scheme in schemes.items():
            folding = foldings.get(name)
            folded = folding.scheme or schemes.get(folding.table, "") if folding else ""
            total += squared(name, scheme, folded)
        return total

    sizes = {table.name: table.bytes for table in tables}
    options = {
        (table.name, scheme): scheme_of(scheme).stored_bytes(table.rows, table.width, bool(table.scale_into))
        for table in tables
        for scheme in candidates
        if not refusal(scheme, table)
    }
    chosen: dict[str, str] = {}
    while True:
        before = error(chosen)
        best: tuple[float, str, str] | None = None
        for (name, scheme), size in options.items():
            saved = sizes[name] - size
            if saved <= 0:
                continue
            after = error({**chosen, name: scheme})
            if math.sqrt(after) <= error_limit and (best is None or (after - before) / saved < best[0]):
                best = ((after - before) / saved, name, scheme)
        if best is None:
            return chosen
        _, name, scheme = best
        chosen[name] = scheme
        sizes[name] = options[name, scheme]


def _with_scales(values: Mapping[str, FloatArray], name: str, folding: Folding, scheme: str) -> FloatArray:
    """Return what is measured of a table, times the scales that another one has as this scheme."""
    kept, member = _measured(len(values[name])), scheme_of(scheme)
    numbers = values[name][kept]
    if not member.scales:
        return numbers
    return numbers * member.encode(values[folding.table][folding.rows[kept]], folds=True)[member.scales]


def _measured(rows: int) -> npt.NDArray[np.int64]:
    """Return the numbers of the rows, of so many, on which errors are measured."""
    return np.linspace(0, rows - 1, min(rows, MEASURED_ROWS)).astype(np.int64)


def relative_error(scheme: str, values: FloatArray) -> float:
    """Return the root mean square error of a scheme over the root mean square of the numbers, 0 if all are zero.

    A number that an id has alone turns its vector round where its sign is lost, which is no small error however small
    the number is: then the error is infinite.

    Args:
        scheme: name of the scheme.
        values: float32 `[rows, width]`; of many rows of several numbers some are measured.
    """
    single = values.shape[1] == 1
    kept = values if single else values[_measured(len(values))]
    member = scheme_of(scheme)
    decoded = member.decode(member.encode(kept), np.arange(len(kept), dtype=np.int32), NumpyOps(), kept.shape[1])
    if single and (np.sign(decoded) * np.sign(kept) < 0).any():
        return math.inf
    size = float(np.sum(np.square(kept, dtype=np.float64)))
    error = float(np.sum(np.square(decoded.astype(np.float64) - kept)))
    return math.sqrt(error / size) if size else 0.0
