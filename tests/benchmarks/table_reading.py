"""What reading a large table takes, beside pandas' own read of the same file: seconds and memory, a process each.

`python tests/benchmarks/table_reading.py --rows 20000000 --out FILE` makes a CSV file of ratings, reads it, splits it
and, with `--train`, trains on it for one epoch of large batches.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars

from ondevice.versions import machine, versions

USERS, ITEMS = 200_000, 60_000


def ours(path: Path) -> None:
    """Read and split with the reader of tables."""
    from ondevice.data import dataset

    dataset.load("table").read(path, {})


def pandas(path: Path) -> None:
    """Read with pandas, into no more than its own columns."""
    import pandas as pd

    pd.read_csv(path)


def trained(path: Path) -> None:
    """Read, split and train the full table for one epoch."""
    from ondevice.pipeline.train import configure, train

    settings = {"method": "full", "order": "as_given", "epochs": 1, "batch_size": 2_048, "validation_users": 1_000}
    with tempfile.TemporaryDirectory() as folder:
        train(configure(data=path, **settings), Path(folder, "run"))


WORK = {"ours": ours, "pandas": pandas, "trained": trained}


def make(path: Path, rows: int) -> None:
    """Write ratings: items by a law of popularity, times at random."""
    random = np.random.default_rng(0)
    columns = {
        "userId": random.integers(0, USERS, rows),
        "movieId": (ITEMS * random.random(rows) ** 3).astype(int),
        "rating": random.integers(1, 11, rows) / 2,
        "timestamp": random.integers(10**9, 2 * 10**9, rows),
    }
    polars.DataFrame(columns).write_csv(path)


def measured(name: str, path: Path) -> dict[str, Any]:
    """Do one kind of work in a process of its own and return what it took."""
    done = subprocess.run(
        [sys.executable, __file__, "--work", name, "--file", str(path)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure everything, each three times in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--work", choices=WORK)
    parser.add_argument("--file", type=Path)
    arguments = parser.parse_args()
    if arguments.work:
        started = time.monotonic()
        WORK[arguments.work](arguments.file)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"work": arguments.work, "seconds": time.monotonic() - started, "peak_bytes": peak}))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ratings.csv")
        make(path, arguments.rows)
        turns = [name for _ in range(3) for name in ("ours", "pandas")] + (["trained"] if arguments.train else [])
        found = [measured(name, path) for name in turns]
        record = {"rows": arguments.rows, "file_bytes": path.stat().st_size, "runs": found}
        record |= {"machine": machine(), "versions": versions()}
    arguments.out.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
