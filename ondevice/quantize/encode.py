"""Encoding all tables of an embedding by a recipe's scheme, with scales folded into multipliers where possible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FloatArray, Method, Rows, Table, rows_used
from ondevice.embeddings.ops import NumpyOps, Ops
from ondevice.errors import OnDeviceError
from ondevice.quantize.scheme import CODES, UNQUANTIZED, Arrays, refusal, scheme_of


@dataclass(frozen=True, eq=False)
class EncodedTable:
    """One table as it is stored.

    Args:
        table: the method's declaration.
        scheme: name of the scheme, `"uint8"` for codes.
        arrays: what is stored.
        reason: why the scheme asked for was not used, empty where it was.
        folded_into: name of the table that absorbed the scales, empty if none did.
    """

    table: Table
    scheme: str
    arrays: Arrays
    reason: str = ""
    folded_into: str = ""

    @property
    def payload_bytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays.values())

    def rows(self, index: Any, xp: Ops) -> Any:
        """Return decoded rows, without a factor that was folded away."""
        return scheme_of(self.scheme).decode(self.arrays, index, xp)


@dataclass(frozen=True, eq=False)
class EncodedEmbedding:
    """All tables of an embedding as they are stored."""

    method: Method
    tables: Mapping[str, EncodedTable]

    def rows(self, xp: Ops) -> Rows:
        """Return the access to decoded rows that the method's look-up uses."""
        return lambda name, index: self.tables[name].rows(index, xp)

    def lookup(self, ids: npt.NDArray[np.int32]) -> FloatArray:
        """Look ids up with NumPy: what the exported file must answer, bit for bit."""
        return self.method.lookup(ids, self.rows(NumpyOps()), NumpyOps())

    @property
    def payload_bytes(self) -> int:
        """Bytes of everything stored for the look-up."""
        return sum(table.payload_bytes for table in self.tables.values())


def encode(method: Method, values: Mapping[str, FloatArray], scheme: str) -> EncodedEmbedding:
    """Encode every table with the scheme, or as float32 with the reason where it does not suit.

    Args:
        method: the embedding method.
        values: `[rows, width]` by table name, of the table's type.
        scheme: name of the scheme.

    Raises:
        OnDeviceError: a table holds a value that is not finite.
    """
    encoded: dict[str, EncodedTable] = {}
    unencoded = dict(values)
    # Multipliers come last, since they are encoded with the scales that they have absorbed.
    for table in sorted(method.tables(), key=lambda table: not table.scale_into):
        entry = _encode_table(table, unencoded[table.name], scheme)
        scales = scheme_of(entry.scheme).scales
        if table.scale_into and scales:
            # V'[i] = s[row of i] * V[i], so that no table of scales is stored or gathered.
            used = rows_used(method, table.name)
            if used.shape[1] != 1:
                raise ValueError(f"scales of {table.name!r} can't be folded: an id uses {used.shape[1]} of its rows")
            unencoded[table.scale_into] = unencoded[table.scale_into] * entry.arrays[scales][used[:, 0]]
            kept = {key: array for key, array in entry.arrays.items() if key != scales}
            entry = replace(entry, arrays=kept, folded_into=table.scale_into)
        encoded[table.name] = entry
    return EncodedEmbedding(method, {table.name: encoded[table.name] for table in method.tables()})


def _encode_table(table: Table, values: FloatArray, scheme: str) -> EncodedTable:
    if not np.isfinite(values).all():
        raise OnDeviceError(f"table {table.name!r} holds values that are not finite; training has diverged.")
    reason = refusal(scheme, table)
    used = (CODES if table.dtype == CODES else UNQUANTIZED) if reason else scheme
    return EncodedTable(table, used, scheme_of(used).encode(values), reason)


def table_errors(entry: EncodedTable, values: FloatArray) -> tuple[float, float]:
    """Compare decoded rows with the original table, every row.

    Args:
        entry: the encoded table.
        values: float32 `[rows, width]` before encoding.

    Returns:
        as `decoding_errors`.
    """
    scheme = scheme_of(entry.scheme)
    arrays = scheme.encode(values)
    index = np.arange(len(values), dtype=np.int32)
    return decoding_errors(scheme.decode(arrays, index, NumpyOps()), values)


def decoding_errors(decoded: FloatArray, values: FloatArray) -> tuple[float, float]:
    """Compare a table after decoding with what it was before.

    Args:
        decoded: float32 `[rows, width]`.
        values: float32 `[rows, width]` before encoding.

    Returns:
        the largest absolute error, and the root mean square error over the root mean square of the values.
    """
    error = decoded.astype(np.float64) - values
    size = float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
    return float(np.max(np.abs(error))), float(np.sqrt(np.mean(error**2))) / size if size else 0.0
