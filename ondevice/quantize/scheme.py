"""The base of every table encoding: numbers to arrays, and rows of those arrays back to numbers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FloatArray, Table
from ondevice.embeddings.ops import Ops
from ondevice.registry import Registry, member_name

Arrays = Mapping[str, npt.NDArray[Any]]

Layout = dict[str, tuple[tuple[int, ...], str]]
"""Shape and type of each stored array by its name."""


INT4 = "int4"
"""Name of the array, int8 `[rows, width / 2]`, that a file holds as an int4 table `[rows, width]`."""


class Scheme(ABC):
    """A table encoding. `decode` runs with NumPy as the reference and with TensorFlow in the exported graph."""

    scales: ClassVar[str] = ""
    """Name of the array of per-row factors `[rows, 1]` that another table may absorb; empty if there is none."""

    by_number: ClassVar[bool] = False
    """Whether a table of one number per row stores each by itself, so that they can be read as rows of many as well."""

    @abstractmethod
    def layout(self, rows: int, width: int, folds: bool = False) -> Layout:
        """Declare the arrays that a table becomes.

        Args:
            rows: its rows.
            width: numbers per row.
            folds: whether another table absorbs the scales, which are not stored then.
        """

    def stored_bytes(self, rows: int, width: int, folds: bool = False) -> int:
        """Return the bytes of the arrays that `layout` declares."""
        arrays = self.layout(rows, width, folds).values()
        return sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in arrays)

    def refuses(self, table: Table) -> str:
        """Return the reason why this scheme does not suit a table, empty if it does: where it would save nothing."""
        stored = self.stored_bytes(table.rows, table.width)
        if stored < table.bytes:
            return ""
        name = member_name(type(self))
        return (
            f"{table.rows} rows of {table.width} would take {stored} bytes as {name} and take {table.bytes} as float32"
        )

    @abstractmethod
    def encode(self, values: FloatArray, folds: bool = False) -> dict[str, npt.NDArray[Any]]:
        """Encode a table.

        Args:
            values: float32 `[rows, width]`, finite.
            folds: whether another table absorbs the scales, which are then given besides as float32 `[rows, 1]`, in the
                array named `scales`; a scheme without scales takes no notice.

        Returns:
            the arrays to store by name, as `layout` declares them.
        """

    @abstractmethod
    def decode(self, arrays: Arrays, index: Any, xp: Ops, width: int) -> Any:
        """Return rows of an encoded table.

        Args:
            arrays: what `encode` or `native` gave; without the array named `scales` if that was absorbed elsewhere.
            index: int32 `[...]`.
            xp: the operations.
            width: numbers per row.

        Returns:
            float32 `[..., width]`.
        """

    def encode_runs(self, values: FloatArray) -> dict[str, npt.NDArray[Any]]:
        """Encode one number per id, laid out in rows by runs.

        Args:
            values: float32 `[rows, longest]`, see `ondevice.embeddings.run_layout`.

        Returns:
            the arrays to store by name, those of numbers as `[rows * longest, 1]`.
        """
        return self.encode(values.reshape(-1, 1))

    def decode_places(self, arrays: Arrays, place: Any, xp: Ops, longest: int) -> Any:
        """Return single numbers of what `encode_runs` gave.

        Args:
            arrays: what it gave.
            place: places when all rows are joined to one, int32 `[...]`.
            xp: the operations.
            longest: places of a row.

        Returns:
            float32 `[..., 1]`.
        """
        return self.decode(arrays, place, xp, 1)

    def decode_runs(self, arrays: Arrays, row: Any, xp: Ops, longest: int) -> Any:
        """Return rows of what `encode_runs` gave; only if `by_number`.

        Args:
            arrays: what it gave, with those of numbers as `[rows, longest]`.
            row: int32 `[...]`.
            xp: the operations.
            longest: places of a row.

        Returns:
            float32 `[..., longest]`.
        """
        return self.decode(arrays, row, xp, longest)

    def rounded(self, rows: Any) -> Any:
        """Return rows within a graph as decoding would give them, for training that knows of the encoding.

        As they are, where rounding is too fine to be worth it (8 bits and more) or needs the whole table (codebooks).

        Args:
            rows: float32 tensor `[..., width]`, whole rows of a table.
        """
        return rows


class NativeScheme(Scheme):
    """An encoding whose numbers can be stored as an int4 table, for runtimes that gather rows of one."""

    @abstractmethod
    def native(self, arrays: Arrays) -> Arrays:
        """Return arrays that hold the same numbers in an int4 table, in as many bytes.

        Args:
            arrays: what `encode` gave for a table of even width.

        Returns:
            the arrays, one of them named `INT4`; `decode` gives the same rows for them, bit for bit.
        """


registry: Registry[Scheme] = Registry("scheme", "ondevice.quantize.schemes", Scheme)


UNQUANTIZED = "float32"
"""Name of the scheme for tables that another one does not suit."""

CODES = "uint8"
"""Stands for the scheme of a table of codes, which every scheme leaves as they are."""


def scheme_of(name: str) -> Scheme:
    """Return the scheme of an encoded table by its name; codes are gathered as unquantized numbers are."""
    return registry.load(UNQUANTIZED if name == CODES else name)()


def refusal(scheme: str, table: Table) -> str:
    """Return the reason why a table is not encoded with a scheme, empty if it is.

    Args:
        scheme: name of the scheme.
        table: the table.
    """
    if table.dtype == CODES:
        return "codes are stored as they are"
    if table.whole and scheme != UNQUANTIZED:
        return "every look-up reads the whole table, and the converter would decode it once and for all"
    return registry.load(scheme)().refuses(table)
