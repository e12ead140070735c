"""DataFrames: kept as files, so that an interrupted training that goes on, or another process, reads the same."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ondevice import files
from ondevice.devices.cache import cache_folder
from ondevice.errors import UsageError


def kept(given: Any) -> Path:
    """Keep a table in the user's cache, below a name that its content says, and return the file.

    Args:
        given: a DataFrame of pandas or polars, a pyarrow table or what else narwhals knows.

    Raises:
        UsageError: it is no table, or a column holds what no file can.
    """
    import narwhals
    import pyarrow as pa
    import pyarrow.parquet

    try:
        table = narwhals.from_native(given, eager_only=True).to_arrow()
    except TypeError as error:
        raise UsageError(f"data is a {type(given).__name__}; allowed are a path and a DataFrame.") from error
    except pa.ArrowException as error:
        raise UsageError(f"data have a column of several types: {str(error).splitlines()[0][:200]}.") from error
    # What pandas says of itself is no part of the data.
    table = table.replace_schema_metadata(None)
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink)
    content = sink.getvalue()
    path = cache_folder("data") / f"{hashlib.sha256(content).hexdigest()[:32]}.parquet"
    if not path.is_file():
        with files.replacing(path) as temporary:
            temporary.write_bytes(content)
    return path
