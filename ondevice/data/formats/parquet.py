"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet

from ondevice.data.row_format import RowFormat
from ondevice.errors import OnDeviceError

ROWS = 1 << 20
"""Rows that are given at a time, at most."""


class Parquet(RowFormat):
    """A Parquet file, read by row group."""

    endings: ClassVar[tuple[str, ...]] = (".parquet", ".pq")

    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        self.refuse_names()
        try:
            return tuple(pyarrow.parquet.read_schema(self.path).names)
        except (pa.ArrowInvalid, OSError) as error:
            raise OnDeviceError(f"{self.path} is no whole Parquet file: {str(error).splitlines()[0][:200]}.") from error

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Give the values with the types that they have."""
        try:
            with pyarrow.parquet.ParquetFile(self.path) as file:
                for batch in file.iter_batches(ROWS, columns=list(columns), use_threads=False):
                    yield batch.select(list(columns))
        except (pa.ArrowInvalid, OSError) as error:
            raise OnDeviceError(f"{self.path} is no whole Parquet file: {str(error).splitlines()[0][:200]}.") from error
