"""What the export of a large embedding takes on this machine: seconds of each step, and peak memory.

Run it as `python tests/benchmarks/large_tables.py --items 10000000 --method memcom --ratio 16 --out FILE.json`. Tables
are random; the file answers the mean of the vectors of a history, so that all there is to export is the embedding. It
goes through the steps of `ondevice export`, in a process of its own whose peak memory is that of the measurement.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ondevice.files import write_json

LENGTH, TOP_K = 50, 10
KB = 1024
"""What `getrusage` counts memory in on Linux, bytes."""

STEPS: dict[str, dict[str, float]] = {}
"""Seconds, seconds of all processors (which other work on the machine changes little) and peak memory so far in MB."""


@contextmanager
def step(name: str) -> Iterator[None]:
    """Time a step and note the peak memory of the process after it."""
    start, before = time.perf_counter(), time.process_time()
    yield
    seconds, busy = time.perf_counter() - start, time.process_time() - before
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KB / 1e6
    STEPS[name] = {"seconds": round(seconds, 2), "processor_seconds": round(busy, 2), "peak_mb": round(peak_mb)}
    print(
        f"{name:16} {seconds:8.1f} s, {busy:8.1f} s of processors, peak {peak_mb:8,.0f} MB", file=sys.stderr, flush=True
    )


def table(rows: int, width: int, dtype: str) -> Any:
    """Make random values without a second copy of them."""
    import numpy as np

    rng = np.random.default_rng(0)
    if dtype != "float32":
        return rng.integers(0, 256, (rows, width), dtype)
    values = rng.random((rows, width), np.float32)
    values -= np.float32(0.5)
    return values


def export(arguments: argparse.Namespace) -> dict[str, Any]:
    """Make tables and export them step by step."""
    with step("imports"):
        import tensorflow as tf

        from converters import flatbuffer, verify
        from converters.dense import quantize_dense
        from converters.lower import EncodedLookup
        from converters.sharing import share_constants
        from converters.stamp import stamped
        from converters.stand_ins import with_stand_ins
        from converters.tflite import SIGNATURE, convert
        from ondevice.embeddings.method import registry
        from ondevice.ids import RESERVED_IDS
        from ondevice.manifest import Tensor
        from ondevice.pipeline.export import _lookup_digests, _tables
        from ondevice.quantize import recipe as recipes
        from ondevice.quantize.encode import encode
        from ondevice.quantize.errors import encoding_error
        from ondevice.validation.lookups import IDS_PER_BLOCK
    recipe = recipes.load(arguments.recipe)
    size = arguments.items + RESERVED_IDS
    method = registry.load(arguments.method).for_ratio(size, arguments.width, arguments.ratio)
    with step("tables"):
        values = {each.name: table(each.rows, each.width, each.dtype) for each in method.tables()}
    with step("encode"):
        encoded = encode(method, values, recipe)
        short, stand_ins = with_stand_ins(encoded)

    class Mean(tf.Module):
        """The mean of the vectors of a history."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = EncodedLookup(short, name="embedding")
            spec = tf.TensorSpec([1, LENGTH], tf.int32, name="ids")
            self.function = tf.function(self.answer, input_signature=[spec])

        def answer(self, ids: Any) -> dict[str, Any]:
            """Answer one history."""
            return {"vector": tf.reduce_mean(self.layer(ids), axis=1)}

    with step("convert"):
        content = convert(Mean())
    with step("quantize"):
        content = stamped(quantize_dense(content, recipe.dense, "tflite-2.14"))
    with step("share"):
        content = share_constants(content, stand_ins)
    with step("verify"):
        summary = flatbuffer.read(content)
        signature = (
            SIGNATURE,
            (Tensor("ids", (1, LENGTH), "int32"),),
            (Tensor("vector", (1, method.output_width), "float32"),),
        )
        problems = [
            *verify._table_problems(content, summary, encoded),
            *verify._signature_problems(summary, *signature),
        ]
        if problems:
            raise SystemExit(" ".join(problems))
    with step("write"), tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.tflite").write_bytes(content)
    with step("tables' errors"):
        records = _tables(encoded, values)
    with step("vectors' errors"):
        error = encoding_error(encoded, values, range(size))
    with step("digests"):
        _lookup_digests(encoded, IDS_PER_BLOCK)
    return {
        "parameters": method.parameters(),
        "float_table_bytes": size * arguments.width * 4,
        "tables_bytes": sum(array.nbytes for array in values.values()),
        "file_bytes": len(content),
        "steps": STEPS,
        "worst_relative_error": max(record.relative_error for record in records),
        "signal_to_noise_db": error.signal_to_noise_db,
    }


def main() -> None:
    """Export in a process of its own and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--method", default="memcom")
    parser.add_argument("--ratio", type=float, default=16.0)
    parser.add_argument("--recipe", default="int8")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--here", action="store_true", help="export in this process")
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(export(arguments)))
        return
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *sys.argv, "--here"], stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    found["seconds"] = round(time.perf_counter() - start, 1)
    found["processor_seconds"] = round(sum(found["steps"][name]["processor_seconds"] for name in found["steps"]), 1)
    found["peak_bytes"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * KB
    found["peak_over_float_table"] = round(found["peak_bytes"] / found["float_table_bytes"], 2)
    print(json.dumps(found, indent=2))
    if arguments.out:
        write_json(arguments.out, vars(arguments) | {"out": str(arguments.out)} | found)


if __name__ == "__main__":
    main()
