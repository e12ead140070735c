"""Encoding all tables of an embedding by a recipe, with scales folded into multipliers where possible."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.every_id import rows_used
from ondevice.embeddings.method import FloatArray, Method, Rows, Table
from ondevice.embeddings.ops import NumpyOps, Ops
from ondevice.embeddings.run_layout import RunLayout
from ondevice.errors import OnDeviceError
from ondevice.quantize.choose import choices
from ondevice.quantize.recipe import Recipe
from ondevice.quantize.scheme import CODES, INT4, Arrays, scheme_of

ORDER = "order"
"""Name of the table of places, beside those of the method."""

ROWS_PER_BLOCK = 4_096
"""Rows that are compared at once."""


@dataclass(frozen=True, eq=False)
class EncodedTable:
    """One table as it is stored.

    Args:
        table: the method's declaration.
        scheme: name of the scheme, `"uint8"` for codes.
        arrays: what is stored.
        reason: why the scheme asked for was not used, empty where it was.
        folded_into: name of the table that absorbed the scales, empty if none did.
        moved: float32 `[rows, 1]`, the scale of each row that moved, from the table that is `folded_into` another to
            that one; not stored, and None in a table that neither lost nor took any.
        portable: why the file does not hold an int4 table for a scheme that has one; empty where it does or none is.
    """

    table: Table
    scheme: str
    arrays: Arrays
    reason: str = ""
    folded_into: str = ""
    moved: FloatArray | None = None
    layout: RunLayout | None = None
    portable: str = ""

    @property
    def storage(self) -> str:
        """Type of the table in a file that holds it as a native one, `"int4"`; empty for the scheme's own form."""
        return INT4 if INT4 in self.arrays else ""

    @property
    def payload_bytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays.values())

    def rows(self, index: Any, xp: Ops) -> Any:
        """Return decoded rows, without a factor that was folded away."""
        scheme = scheme_of(self.scheme)
        if self.layout is None:
            return scheme.decode(self.arrays, index, xp, self.table.width)
        return scheme.decode_places(self.arrays, self.layout.place(index, xp), xp, self.layout.longest)

    def laid_out(self, row: Any, xp: Ops) -> Any:
        """Return the decoded numbers in rows of the layout, `[..., longest]`, those of ids before in empty places.

        Args:
            row: int32 `[...]`.
            xp: the operations.
        """
        if self.layout is None:
            raise ValueError(f"table {self.table.name!r} is not laid out by runs")
        scheme, longest = scheme_of(self.scheme), self.layout.longest
        if not scheme.by_number:
            places = xp.append_axis(row) * longest + np.arange(longest, dtype=np.int32)
            return xp.join_last_axes(scheme.decode_places(self.arrays, places, xp, longest))
        numbers = (math.prod(self.layout.shape), 1)
        rows = {
            name: array.reshape(self.layout.shape) if array.shape == numbers else array
            for name, array in self.arrays.items()
        }
        return scheme.decode_runs(rows, row, xp, longest)


@dataclass(frozen=True, eq=False)
class EncodedEmbedding:
    """All tables of an embedding as they are stored.

    Args:
        method: the embedding method.
        tables: its tables by name; that of the places is one of them where ids have an order of their own.
        offset: what is added to an id, or its place, to get the method's id.
    """

    method: Method
    tables: Mapping[str, EncodedTable]
    offset: int = 0

    @property
    def size(self) -> int:
        """Number of ids."""
        return self.method.vocabulary_size - self.offset

    def rows(self, xp: Ops) -> Rows:
        """Return the access to decoded rows that the method's look-up uses."""
        return lambda name, index: self.tables[name].rows(index, xp)

    def lookup(self, ids: npt.NDArray[np.int32]) -> FloatArray:
        """Look ids up with NumPy: what the exported file must answer, bit for bit."""
        return self.in_graph(ids, NumpyOps())

    def in_graph(self, ids: Any, xp: Ops) -> Any:
        """Look ids up with any operations.

        Args:
            ids: int32 `[...]`, each from 0 to `size - 1`.
            xp: the operations.
        """
        if ORDER in self.tables:
            digits = xp.to_int(self.tables[ORDER].rows(ids, xp))
            ids = sum((digits[..., place] * 256**place for place in range(1, digits.shape[-1])), digits[..., 0])
        return self.method.lookup(ids + self.offset if self.offset else ids, self.rows(xp), xp)

    @property
    def payload_bytes(self) -> int:
        """Bytes of everything stored for the look-up."""
        return sum(table.payload_bytes for table in self.tables.values())


def encode(
    method: Method,
    values: Mapping[str, FloatArray],
    recipe: Recipe | str,
    plain: Collection[str] = (),
    layouts: Mapping[str, RunLayout] | None = None,
    offset: int = 0,
    order: npt.NDArray[np.int32] | None = None,
) -> EncodedEmbedding:
    """Encode every table with the scheme that the recipe has for it, or as float32 with the reason where none suits.

    Args:
        method: the embedding method.
        values: `[rows, width]` by table name, of the table's type.
        recipe: the recipe, or name of one scheme for all tables.
        plain: names of tables that stay as they are since the output layer reads them as a whole.
        layouts: how tables are laid out that the output layer reads run by run, by their names.
        offset: what is added to an id to get the method's.
        order: the place of each id, int32 `[ids]`, which is looked up instead; None where ids are their own places.

    Raises:
        OnDeviceError: a table holds a value that is not finite.
        UsageError: the recipe names a table that the method lacks.
    """
    for table in method.tables():
        _require_finite(table, values[table.name])
    chosen = choices(method, recipe, values, plain)
    encoded: dict[str, EncodedTable] = {}
    unencoded = dict(values)
    taken: dict[str, FloatArray] = {}
    # Multipliers come last, since they are encoded with the scales that they have absorbed.
    for table in sorted(method.tables(), key=lambda table: not table.scale_into):
        scheme, reason = chosen[table.name].scheme, chosen[table.name].reason
        member = scheme_of(scheme)
        folds = bool(table.scale_into and member.scales)
        layout = (layouts or {}).get(table.name)
        numbers = unencoded[table.name]
        arrays = member.encode(numbers, folds) if layout is None else member.encode_runs(layout.laid_out(numbers))
        moved = taken.get(table.name)
        if folds:
            # V'[i] = s[row of i] * V[i], so that no table of scales is stored or gathered.
            used = rows_used(method, table.name)
            if used.shape[1] != 1:
                raise ValueError(f"scales of {table.name!r} can't be folded: an id uses {used.shape[1]} of its rows")
            moved = arrays.pop(member.scales)
            taken[table.scale_into] = moved[used[:, 0]]
            unencoded[table.scale_into] = unencoded[table.scale_into] * taken[table.scale_into]
        folded_into = table.scale_into if folds else ""
        encoded[table.name] = EncodedTable(table, scheme, arrays, reason, folded_into, moved, layout)
    tables = {table.name: encoded[table.name] for table in method.tables()}
    if order is not None:
        tables[ORDER] = _encoded_order(order)
    return EncodedEmbedding(method, tables, offset)


def order_bytes(size: int) -> int:
    """Return the bytes of each place in the order of so many ids."""
    return 1 + (size > 1 << 8) + (size > 1 << 16) + (size > 1 << 24)


def _encoded_order(order: npt.NDArray[np.int32]) -> EncodedTable:
    """Return the places as whole numbers of a few bytes, the lowest first, which are stored as codes are."""
    digits = order_bytes(len(order))
    table = Table(ORDER, len(order), digits, "zeros", per_id=True, trainable=False, dtype=CODES)
    places = np.stack([(order >> (8 * place)).astype(np.uint8) for place in range(digits)], axis=1)
    codes: Any = places
    return EncodedTable(table, CODES, scheme_of(CODES).encode(codes))


def _require_finite(table: Table, values: FloatArray) -> None:
    # The sum is finite only if every number is, and float64 can't overflow here; it needs no memory of its own.
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(np.sum(values, dtype=np.float64))
    if not finite:
        raise OnDeviceError(f"table {table.name!r} holds values that are not finite; training has diverged.")


def table_errors(entry: EncodedTable, values: FloatArray) -> tuple[float, float]:
    """Compare decoded rows with the original table, every row; scales that moved are taken back.

    Args:
        entry: the encoded table.
        values: float32 `[rows, width]` before encoding.

    Returns:
        as `decoding_errors`.
    """
    xp, moved = NumpyOps(), entry.moved

    def decoded(index: npt.NDArray[np.int32]) -> Any:
        rows = entry.rows(index, xp)
        if moved is None:
            return rows
        if entry.folded_into:
            return rows * moved[index]
        # The other way round a table that is stored exactly would seem to be rounded.
        return values[index] + (rows - values[index] * moved[index]) / moved[index]

    return decoding_errors(decoded, values)


def decoding_errors(decoded: Callable[[npt.NDArray[np.int32]], FloatArray], values: FloatArray) -> tuple[float, float]:
    """Compare a table after decoding with what it was before.

    Args:
        decoded: gives rows after decoding, float32 `[n, width]`, by their numbers, int32 `[n]`.
        values: float32 `[rows, width]` before encoding.

    Returns:
        the largest absolute error, and the root mean square error over the root mean square of the values.
    """
    largest = squared = size = 0.0
    # Block by block: the errors of all rows at once take several times as much memory as the table.
    for start in range(0, len(values), ROWS_PER_BLOCK):
        block = values[start : start + ROWS_PER_BLOCK].astype(np.float64)
        error = decoded(np.arange(start, start + len(block), dtype=np.int32)) - block
        largest = max(largest, float(np.max(np.abs(error))))
        squared += float(np.sum(np.square(error)))
        size += float(np.sum(np.square(block)))
    return largest, math.sqrt(squared / size) if size else 0.0
