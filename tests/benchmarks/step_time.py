"""Measure what a training step costs as the vocabulary grows: full table and MEmCom, dense and lazy updates.

The network is history -> embedding -> mean -> 20 classes, so that nothing but the embedding grows. Example, which takes
about 20 GB of memory:

    python tests/benchmarks/step_time.py --out step_time.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

METHODS = {"full": 1.0, "memcom": 16.0}
OPTIMIZERS = ("adamw", "lazy_adamw")
BATCH, LENGTH, WIDTH, CLASSES = 256, 64, 64, 20


def step_seconds(method: str, optimizer: str, ids: int, steps: int) -> list[float]:
    """Train some steps and return the seconds of each, after three to warm up."""
    import keras
    import numpy as np

    from ondevice.embeddings.layer import CompressedEmbedding
    from ondevice.embeddings.method import registry
    from ondevice.training import optimizer as optimizers

    keras.utils.set_random_seed(0)
    histories = keras.Input((LENGTH,), dtype="int32")
    vectors = CompressedEmbedding.of(registry.load(method).for_ratio(ids + 2, WIDTH, METHODS[method]))(histories)
    scores = keras.layers.Dense(CLASSES)(keras.ops.mean(vectors, axis=1))
    model = keras.Model(histories, scores)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made = optimizers.make(optimizer, 0.01, 0.1)
    model.compile(made, loss, jit_compile=optimizers.compiled(optimizer))
    rng = np.random.default_rng(0)
    seconds = []
    for _ in range(steps + 3):
        batch = rng.integers(2, ids + 2, (BATCH, LENGTH)).astype(np.int32)
        classes = rng.integers(0, CLASSES, BATCH)
        started = time.perf_counter()
        model.train_on_batch(batch, classes)
        seconds.append(time.perf_counter() - started)
    return seconds[3:]


def main() -> None:
    """Measure every combination in a process of its own, print a table and write the raw samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ids", nargs="+", type=int, default=[10**power for power in (4, 5, 6, 7)], help="sizes")
    parser.add_argument("--steps", type=int, default=20, help="steps measured per combination")
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the raw samples")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        method, optimizer, ids = arguments.one
        arguments.out.write_text(json.dumps(step_seconds(method, optimizer, int(ids), arguments.steps)))
        return
    samples: dict[str, list[float]] = {}
    part = arguments.out.with_suffix(".part")
    print(f"{'ids':>12}  {'method':<8} {'optimizer':<12} {'ms per step (median, quartiles)':>32}")
    for ids in arguments.ids:
        for method in METHODS:
            for optimizer in OPTIMIZERS:
                words = ["--one", method, optimizer, str(ids), "--steps", str(arguments.steps), "--out", str(part)]
                subprocess.run([sys.executable, __file__, *words], check=True, stderr=subprocess.DEVNULL)
                found = json.loads(part.read_text())
                samples[f"{method} {optimizer} {ids}"] = found
                low, median, high = (1000 * value for value in statistics.quantiles(found, n=4))
                print(f"{ids:>12,}  {method:<8} {optimizer:<12} {median:>14.1f} ({low:.1f} to {high:.1f})", flush=True)
    part.unlink()
    arguments.out.write_text(json.dumps(samples, indent=1) + "\n")


if __name__ == "__main__":
    main()
