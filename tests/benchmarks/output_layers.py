"""What an answer costs with each output layer on this machine: time, and bytes of the layer.

Run it as `python tests/benchmarks/output_layers.py --items 1000000 --ratio 8 --out FILE.json`. Weights are random,
which changes neither; only the output layer and the top-k are in the file.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ondevice.converters.convert import convert
from ondevice.converters.tflite import SIGNATURE
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.devices.runtimes import DEFAULT_TARGET
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import registry as methods
from ondevice.feature import IDS, Feature
from ondevice.files import write_json
from ondevice.head import top_k
from ondevice.ids import PADDING_ID, RESERVED_IDS, UNKNOWN_ID
from ondevice.models.output import Output, registry
from ondevice.models.scores import Scores
from ondevice.quantize import recipe as recipes
from ondevice.topk import best

LENGTH, TOP_K = 64, 20


def made(member: Output, embedding: CompressedEmbedding, rng: np.random.Generator) -> keras.Model:
    """Return a model of nothing but the layer, with random weights."""
    scores = Scores(member, embedding if member.uses_tables else None, name="scores")
    ids = keras.Input((LENGTH,), dtype="int32", name="ids")
    hidden = keras.layers.Lambda(lambda ids: tf.sin(tf.cast(ids[:, : member.width], tf.float32)))
    model = keras.Model(ids, scores(hidden(ids)))
    found: dict[str, Any] = {}
    for weight in member.weights():
        if weight.trainable:
            found[weight.name] = rng.normal(weight.center, 0.1, weight.shape).astype(np.float32)
        else:
            found[weight.name] = rng.integers(0, getattr(member, "codewords", 256), weight.shape).astype(np.uint8)
    scores.assign(found)
    return model


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
    embedding = CompressedEmbedding.of(method, name="embedding")
    embedding.build(None)
    embedding.write_tables(values)
    feature = Feature("ids", IDS, (1, LENGTH), "int32", size, UNKNOWN_ID, PADDING_ID, RESERVED_IDS)
    ids = rng.integers(RESERVED_IDS, size, (20, 1, LENGTH)).astype(np.int32)
    rows = []
    for name in arguments.layers:
        ratio = 1.0 if name in ("dense", "tied") else arguments.ratio
        member = registry.load(name).for_ratio(method, arguments.width, ratio)
        model = made(member, embedding, rng)
        for dense in arguments.formats:
            recipe = replace(recipes.load("float32" if dense == "float32" else "int8"), dense=dense)
            converted = convert(model, [feature], top_k(TOP_K, "ids", RESERVED_IDS), recipe, DEFAULT_TARGET)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.tflite"
                path.write_bytes(converted.content)
                for runtime in Host().installed():
                    job = Job(path, runtime, SIGNATURE, {"ids": ids}, warmups=5, repeats=arguments.times)
                    measurement = Host().run(job).measurement
                    row = {
                        "layer": name,
                        "parameters": member.parameters(),
                        "format": dense,
                        "runtime": runtime,
                        "status": measurement.status,
                        "payload_bytes": converted.output.payload_bytes,
                        "file_bytes": len(converted.content),
                        "median_ms": measurement.latency_ms(50) if measurement.ok else None,
                        "least_ms": min(measurement.run_ns) / 1e6 if measurement.ok else None,
                    }
                    rows.append(row)
                    print(row, flush=True)
    if arguments.out:
        write_json(arguments.out, {"items": arguments.items, "width": arguments.width, "rows": rows})


if __name__ == "__main__":
    main()
