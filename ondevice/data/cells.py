"""Values of a table's columns as keys, numbers and times, whatever type the table gives them."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

FloatArray = npt.NDArray[np.float64]

DATE = re.compile(r"\s*\d{4}-\d\d?-\d")


class CellError(ValueError):
    """A value is not what its column must hold.

    Args:
        place: its place from zero; None where all are wrong.
        what: what it is, as part of a sentence.
    """

    def __init__(self, place: int | None, what: str) -> None:
        super().__init__(what)
        self.place, self.what = place, what


def as_keys(column: pa.Array) -> pa.Array:
    """Return keys as texts, whole numbers as they are written; what is missing is empty.

    Raises:
        CellError: the column holds what is no key.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_floating(kind):
        # Beside missing values, whole numbers are floats in many a DataFrame.
        column = pc.if_else(pc.is_nan(column), None, column)
        if not pc.all(pc.equal(column, pc.round(column)), min_count=0).as_py():
            raise CellError(None, "fractions; allowed are texts and whole numbers")
        column = pc.cast(column, pa.int64())
    elif not any(is_kind(kind) for is_kind in (pa.types.is_integer, _is_text, pa.types.is_null)):
        raise CellError(None, f"values of type {kind}; allowed are texts and whole numbers")
    return pc.fill_null(pc.cast(column, pa.string()), "")


def as_numbers(column: pa.Array) -> FloatArray:
    """Return numbers, nan where there is none, float64 `[values]`.

    Raises:
        CellError: a value is no number.
    """
    return _floats(_converted(column, _number, "a number"))


def as_times(column: pa.Array) -> FloatArray:
    """Return times as numbers, dates as seconds of 1970, nan where there is none, float64 `[values]`.

    Raises:
        CellError: a value is neither, or not what the first one is.
    """
    if not _is_text(column.type):
        return _floats(_converted(column, _seconds if pa.types.is_temporal(column.type) else _number, "a time"))
    found = column.drop_null()
    if len(found) and DATE.match(found[0].as_py()):
        return _floats(_converted(column, _seconds, "a date as 2023-01-31 or 2023-01-31 12:59:59"))
    return _floats(_converted(column, _number, "a number of seconds or a date as 2023-01-31"))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _number(column: pa.Array) -> pa.Array:
    return pc.cast(pc.utf8_trim_whitespace(column) if _is_text(column.type) else column, pa.float64())


def _seconds(column: pa.Array) -> pa.Array:
    # Whether a text has a zone is said by its end, and one type has all of them.
    if _is_text(column.type):
        column = pc.replace_substring_regex(pc.utf8_trim_whitespace(column), r"(Z|[+-]00:?00)$", "")
    elif pa.types.is_timestamp(column.type) and column.type.tz:
        column = pc.cast(column, pa.timestamp("us", "UTC"))
        return pc.divide(pc.cast(pc.cast(column, pa.int64()), pa.float64()), 1e6)
    moments = pc.cast(column, pa.timestamp("us"), safe=False)
    return pc.divide(pc.cast(pc.cast(moments, pa.int64()), pa.float64()), 1e6)


def _converted(column: pa.Array, convert: Callable[[pa.Array], pa.Array], allowed: str) -> pa.Array:
    """Convert a column at once; value by value only to find the one that can't be."""
    try:
        return convert(column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        for place in range(len(column)):
            try:
                convert(column[place : place + 1])
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                raise CellError(place, f"{str(column[place].as_py())[:40]!r}; allowed is {allowed}") from None
        raise


def _floats(column: pa.Array) -> FloatArray:
    found: FloatArray = column.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return found
