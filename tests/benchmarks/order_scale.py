"""Seconds, memory and quality of the semantic order on a large made-up catalogue with planted clusters.

Run it as `python tests/benchmarks/order_scale.py --ids 1000000 --interactions 50000000 --out FILE.json`. The
interactions are written to a file first and read through a memory map, so that they need not fit into memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ondevice.data.context_order import factor_order
from ondevice.data.factors import id_factors
from ondevice.data.lists import Lists
from ondevice.files import write_json
from ondevice.ids import run_starts

IntArray = npt.NDArray[np.int64]
CHUNK = 1 << 22


def make_contexts(path: Path, sizes: argparse.Namespace, rng: np.random.Generator) -> tuple[Lists, IntArray]:
    """Write contexts of one cluster each, with ids of any cluster between; return them and the cluster of each id."""
    # In the order of the clusters; ids are dealt at random, so that a number says nothing of cluster or popularity.
    cluster = np.sort(rng.integers(0, sizes.clusters, sizes.ids))
    weights = rng.permutation(1 / np.arange(1, sizes.ids + 1) ** sizes.zipf)
    reached = np.concatenate([[0], np.cumsum(weights)])
    begins = reached[np.searchsorted(cluster, np.arange(sizes.clusters + 1))]
    names = rng.permutation(sizes.ids).astype(np.int32)
    contexts = sizes.interactions // sizes.length
    values = np.memmap(path, np.int32, "w+", shape=(contexts * sizes.length,))
    step = max(1, CHUNK // sizes.length)
    for first in range(0, contexts, step):
        rows = min(step, contexts - first)
        # A cluster is as frequent as its ids together, so that the popularity stays as it was dealt.
        own = np.searchsorted(begins, rng.random(rows) * reached[-1], side="right") - 1
        places = rng.random((rows, sizes.length))
        inside = begins[own][:, None] + places * (begins[own + 1] - begins[own])[:, None]
        drawn = np.where(rng.random(places.shape) < sizes.own, inside, places * reached[-1])
        chosen = names[np.minimum(np.searchsorted(reached, drawn.ravel(), side="right") - 1, sizes.ids - 1)]
        values[first * sizes.length : first * sizes.length + len(chosen)] = chosen
    values.flush()
    of_id = np.empty(sizes.ids, np.int64)
    of_id[names] = cluster
    offsets = np.arange(contexts + 1, dtype=np.int64) * sizes.length
    return Lists(offsets, np.memmap(path, np.int32, "r")), of_id


def purity(order: IntArray, starts: IntArray, cluster: IntArray, weights: npt.NDArray) -> float:
    """Return the share of the weight that belongs to the heaviest cluster of its run."""
    run = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    pairs, place = np.unique(run * (cluster.max() + 1) + cluster[order], return_inverse=True)
    sums = np.bincount(place, weights[order])
    heaviest = np.zeros(len(starts) - 1)
    np.maximum.at(heaviest, pairs // (cluster.max() + 1), sums)
    return float(heaviest.sum() / weights.sum())


def main() -> None:
    """Make the data, order the ids and write the raw figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ids", type=int, default=1_000_000)
    parser.add_argument("--interactions", type=int, default=50_000_000)
    parser.add_argument("--length", type=int, default=20, help="ids per context")
    parser.add_argument("--clusters", type=int, default=5_000)
    parser.add_argument("--own", type=float, default=0.7, help="share of a context that is of its cluster")
    parser.add_argument("--zipf", type=float, default=1.0, help="popularity falls with this power of the rank")
    parser.add_argument("--run", type=int, default=16, help="ids per run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the interactions are written (default: a temporary folder)")
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the figures")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    seconds: dict[str, dict[str, float]] = {}
    peak_bytes: dict[str, int] = {}

    def done(phase: str, since: tuple[float, float]) -> tuple[float, float]:
        # On a busy machine the processor's seconds say what a free one would need.
        seconds[phase] = {"wall": time.perf_counter() - since[0], "processor": time.process_time() - since[1]}
        peak_bytes[phase] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(f"{phase}: {seconds[phase]}, peak {peak_bytes[phase] / 1e9:.2f} GB", flush=True)
        return time.perf_counter(), time.process_time()

    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        start = (time.perf_counter(), time.process_time())
        contexts, cluster = make_contexts(Path(folder) / "values", arguments, rng)
        start = done("make the data", start)
        counts = contexts.counts(arguments.ids)
        factors = id_factors(contexts, arguments.ids, arguments.seed)
        start = done("factors", start)
        starts = run_starts(arguments.ids, -(-arguments.ids // arguments.run))
        order = factor_order(factors, counts, starts)
        done("runs", start)
    shuffled = rng.permutation(arguments.ids)
    ids_purity, purity_of_interactions = (
        {name: purity(each, starts, cluster, weights) for name, each in (("semantic", order), ("random", shuffled))}
        for weights in ((counts > 0).astype(float), counts.astype(float))
    )
    figures = {
        "arguments": {name: str(value) for name, value in vars(arguments).items()},
        "processors": os.cpu_count(),
        "load_average": os.getloadavg(),
        "width": factors.shape[1],
        "ids_unseen": int(np.count_nonzero(counts == 0)),
        "seconds": seconds,
        "peak_resident_bytes": peak_bytes,
        "purity_of_ids": ids_purity,
        "purity_of_interactions": purity_of_interactions,
    }
    write_json(arguments.out, figures)
    print(figures)


if __name__ == "__main__":
    main()
