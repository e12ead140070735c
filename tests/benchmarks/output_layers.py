"""What an answer costs with each output layer on this machine: time, and bytes of the layer.

Run it as `python tests/benchmarks/output_layers.py --items 1000000 --ratio 8 --out FILE.json`. Weights are random,
which changes neither; only the output layer and the top-k are in the file.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from converters.dense import quantize_dense
from converters.output import lower_output
from converters.sharing import share_constants
from converters.signatures.ranking import Recommend
from converters.tflite import SIGNATURE, convert
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.embeddings.method import registry as methods
from ondevice.files import write_json
from ondevice.ids import RESERVED_IDS
from ondevice.models.output import Output, registry
from ondevice.quantize.encode import encode
from ondevice.topk import best

LENGTH, TOP_K = 64, 20


def made(member: Output, tables: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Return random weights."""
    found: dict[str, Any] = {}
    for weight in member.weights():
        if weight.trainable:
            found[weight.name] = rng.normal(weight.center, 0.1, weight.shape).astype(np.float32)
        else:
            found[weight.name] = rng.integers(0, getattr(member, "codewords", 256), weight.shape).astype(np.uint8)
    return {**found, **{name: tables[name] for name in member.uses_tables}}


def main() -> None:
    """Measure every layer on every runtime of this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=40_981)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--ratio", type=float, default=8.0)
    parser.add_argument("--layers", nargs="+", default=registry.names())
    parser.add_argument("--formats", nargs="+", default=["int8"])
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--by-block-from", type=int, help="ids from which on items are ranked block by block")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.by_block_from is not None:
        best.BY_BLOCK_FROM = arguments.by_block_from
    rng = np.random.default_rng(0)
    size = arguments.items + RESERVED_IDS
    method = methods.load("memcom").for_ratio(size, arguments.width, 16.0, sharing="block")
    values = {table.name: rng.normal(0, 0.1, (table.rows, table.width)).astype(np.float32) for table in method.tables()}
    ids = rng.integers(RESERVED_IDS, size, (20, 1, LENGTH)).astype(np.int32)
    rows = []
    for name in arguments.layers:
        ratio = 1.0 if name in ("dense", "tied") else arguments.ratio
        member = registry.load(name).for_ratio(method, arguments.width, ratio)
        weights = made(member, values, rng)
        for dense in arguments.formats:
            encoded = encode(method, values, "float32" if dense == "float32" else "int8_row")
            output = lower_output(member, weights, encoded, values, dense)

            def hidden(ids: Any, training: bool) -> Any:
                return tf.sin(tf.cast(ids[:, : arguments.width], tf.float32))

            module = Recommend(hidden, size, LENGTH, TOP_K, "unknown", True, output)
            content = share_constants(quantize_dense(convert(module), dense, "tflite-2.14"))
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.tflite"
                path.write_bytes(content)
                for runtime in Host().installed():
                    job = Job(path, runtime, SIGNATURE, {"ids": ids}, warmups=5, repeats=arguments.times)
                    measurement = Host().run(job).measurement
                    row = {
                        "layer": name,
                        "parameters": member.parameters(),
                        "format": dense,
                        "runtime": runtime,
                        "status": measurement.status,
                        "payload_bytes": member.payload_bytes(output.number_format),
                        "file_bytes": len(content),
                        "median_ms": measurement.latency_ms(50) if measurement.ok else None,
                        "least_ms": min(measurement.run_ns) / 1e6 if measurement.ok else None,
                    }
                    rows.append(row)
                    print(row, flush=True)
    if arguments.out:
        write_json(arguments.out, {"items": arguments.items, "width": arguments.width, "rows": rows})


if __name__ == "__main__":
    main()
