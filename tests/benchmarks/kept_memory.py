"""Measure what an epoch takes where training keeps the memory that it frees, and where it gives it back.

Every training runs in a process of its own, in turns, so that what else happens on the machine meets both alike; the
first epoch, in which the step is compiled, is left out. Example:

    python tests/benchmarks/kept_memory.py --dataset amazon-toys-seq --data TOYS --out kept_memory.json
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from ondevice.files import write_json

WAYS = ("given back", "kept")


def epochs(way: str, arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Train and return the seconds of each epoch but the first, and the peak of resident memory in MB."""
    from ondevice.pipeline.train import configure, train
    from ondevice.training import fit

    if way == "given back":
        fit.freed_memory_kept = lambda largest: contextlib.nullcontext()
    with tempfile.TemporaryDirectory() as folder:
        config = configure(arguments.dataset, arguments.data, order="random", ratio=16, epochs=arguments.epochs + 1)
        run = train(config, f"{folder}/run")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {"seconds": [epoch.seconds for epoch in run.result.history[1:]], "peak_mb": [peak]}


def main() -> None:
    """Train in turns, print medians and ratios and write the raw samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=5, help="epochs measured of each training")
    parser.add_argument("--rounds", type=int, default=3, help="trainings of each way")
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the raw samples")
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(epochs(arguments.one, arguments)))
        return
    samples: dict[str, list[dict[str, list[float]]]] = {way: [] for way in WAYS}
    for _ in range(arguments.rounds):
        for way in WAYS:
            command = [sys.executable, __file__, *sys.argv[1:], "--one", way]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            samples[way].append(json.loads(done.stdout))
    for way in WAYS:
        seconds = statistics.median(statistics.median(each["seconds"]) for each in samples[way])
        peak = statistics.median(each["peak_mb"][0] for each in samples[way])
        print(f"{way:<10} {seconds:6.2f} s per epoch, {peak:,.0f} MB at the peak")
    ratios = [
        statistics.median(back["seconds"]) / statistics.median(kept["seconds"])
        for back, kept in zip(*(samples[way] for way in WAYS), strict=True)
    ]
    print(f"{statistics.median(ratios):.2f} times as fast ({min(ratios):.2f} to {max(ratios):.2f})")
    write_json(arguments.out, samples)


if __name__ == "__main__":
    main()
