"""What a trained full table is worth to a compressed one: as its start, for its order, and to learn from.

Run it as `python tests/benchmarks/teaching.py --dataset lastfm --data LASTFM --folder RUNS --out FILE.json`. For
every seed the full table is trained, then the compressed model by itself and with every way to be taught; what the
best quality would keep of these is shown, too. The runs are kept, so that the same command goes on where it was.
Differences to the model by itself are paired over users, each user's metric averaged over the seeds. Raw metrics are
kept.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats

from ondevice.files import write_json
from ondevice.pipeline import quality
from ondevice.pipeline.train import configure, read_data, train
from ondevice.quiet import native_messages_kept_back
from ondevice.training.config import TrainConfig
from ondevice.training.run_folder import Run, is_finished, open_run
from ondevice.versions import machine, versions

METRIC = "ndcg@20"

WAYS: dict[str, dict[str, Any]] = {
    "by itself": {},
    "warm start": {"warm_start": True},
    "order of the teacher's vectors": {"teacher_order": True},
    "distillation 0.5": {"distillation": 0.5},
    "warm start, distillation 0.5": {"warm_start": True, "distillation": 0.5},
    "warm start, order": {"warm_start": True, "teacher_order": True},
    "warm start, order, distillation 0.5": {"warm_start": True, "teacher_order": True, "distillation": 0.5},
}


KEPT = "--quality best"
TRIED = {quality.WARM_START: "warm start", quality.DISTILLATION: "warm start, distillation 0.5"}
"""The ways that it tries, in the order in which it does."""


def trained(config: TrainConfig, data: Any, folder: Path) -> Run:
    """Train one model, or open the run of before."""
    if is_finished(folder):
        return open_run(folder)
    with native_messages_kept_back():
        return train(config, folder, split_data=data)


def kept(full: Run, alone: Run, folder: Path, learned: Callable[[str], Run]) -> Run:
    """Return the run that the best quality would keep.

    Args:
        full: the full table's run.
        alone: the compressed model's run by itself.
        folder: where the choice is kept.
        learned: trains in one of the ways, or opens the run of before.
    """

    def link(way: str, _config: TrainConfig, out: Path) -> None:
        out.symlink_to(learned(TRIED[way]).folder.resolve())

    ways = quality.ways_to_train(alone.config, quality.BEST, full.folder, alone.method())
    quality.train_best(ways, folder, link)
    return open_run(folder)


def of_seed(arguments: argparse.Namespace, data: Any, ways: Iterable[str], seed: int) -> dict[str, Run]:
    """Train the full table, the model in every way and what the best quality needs, and return the runs by name."""
    folder = arguments.folder / f"seed-{seed}"
    full_table = configure(arguments.dataset, arguments.data, method="full", order="as_given", seed=seed)
    full = trained(full_table, data, folder / "full")
    model = {"method": arguments.method, "order": arguments.order, "ratio": arguments.ratio, "seed": seed}

    def learned(name: str) -> Run:
        teaching = {"teacher": full.folder, **WAYS[name]} if WAYS[name] else {}
        config = configure(arguments.dataset, arguments.data, **model, **teaching)
        return trained(config, data, folder / name.replace(" ", "-"))

    runs = {"full table": full, **{name: learned(name) for name in ways}}
    runs[KEPT] = kept(full, runs["by itself"], folder / "kept", learned)
    for name, run in runs.items():
        print(f"seed {seed}, {name}: {run.result.test[METRIC]:.4f}", flush=True)
    return runs


def main() -> None:
    """Train everything, print a line per way, and write all trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="lastfm")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--method", default="memcom")
    parser.add_argument("--order", default="semantic")
    parser.add_argument("--ratio", type=float, default=16.0)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS), help="beside the model by itself")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--folder", type=Path, required=True, help="where the runs are kept")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    data = read_data(configure(arguments.dataset, arguments.data))
    ways = [name for name, way in WAYS.items() if not way or name in arguments.ways]
    seeds = [of_seed(arguments, data, ways, seed) for seed in arguments.seeds]
    runs = {name: [of[name] for of in seeds] for name in seeds[0]}
    alone = np.mean([run.test_values() for run in runs["by itself"]], axis=0)
    rows = []
    for name, found in runs.items():
        metrics = [run.result.test[METRIC] for run in found]
        row: dict[str, Any] = {"way": name, METRIC: metrics, "mean": statistics.mean(metrics)}
        row["spread"] = statistics.stdev(metrics) if len(metrics) > 1 else None
        if name != "by itself":
            test = scipy.stats.ttest_rel(np.mean([run.test_values() for run in found], axis=0), alone)
            interval = test.confidence_interval(0.95)
            row["change"] = row["mean"] / float(alone.mean()) - 1
            row["change, 95 %"] = [float(bound) / float(alone.mean()) for bound in (interval.low, interval.high)]
            row["p"] = float(test.pvalue)
        row["validation"] = [run.result.best_validation for run in found]
        row["epochs"] = [len(run.result.history) for run in found]
        row["seconds"] = [run.result.seconds for run in found]
        rows.append(row)
        print({key: value for key, value in row.items() if key not in ("epochs", "seconds")}, flush=True)
    asked = {key: value for key, value in vars(arguments).items() if key not in ("data", "folder", "out")}
    write_json(arguments.out, {"machine": machine(), "versions": versions(), **asked, "measured": rows})


if __name__ == "__main__":
    main()
