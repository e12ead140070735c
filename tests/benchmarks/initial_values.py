"""What initial values and optimizers make of methods that multiply rows, each at its best learning rate.

Run it as `python tests/benchmarks/initial_values.py --dataset lastfm --data LASTFM --out FILE.json`. A method whose
vectors are products is trained from the initial values that it has here, from those of ordinary embeddings in every
table, whose products are 35 times too small, and from tables near one, whose products are 35 times too large; the full
table has its own alone. Every optimizer tries every learning rate; the best one on the validation items is kept for the
other seeds. Raw trials are kept.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ondevice.embeddings.method import Method, Table, registry
from ondevice.files import write_json
from ondevice.pipeline.train import configure, read_data
from ondevice.quiet import native_messages_kept_back
from ondevice.versions import machine, versions

METHODS: dict[str, dict[str, Any]] = {"full": {}, "memcom": {}, "quotient_remainder": {"operation": "multiply"}}
OPTIMIZERS = ("adamw", "amsgrad", "adagrad")


def everywhere(initializer: str) -> Callable[[Table], Table]:
    """Give every table the same initial values."""
    return lambda table: dataclasses.replace(table, initializer=initializer)


STARTS: dict[str, Callable[[Table], Table]] = {
    "own": lambda table: table,
    "as ordinary embeddings": everywhere("uniform"),
    "near one": everywhere("near_one"),
}


def starting(method: type[Method], start: str) -> Any:
    """Return the method's own `tables`, with other initial values."""
    own = method.tables
    return lambda self: tuple(STARTS[start](table) for table in own(self))


def trained(arguments: argparse.Namespace, data: Any, method: str, settings: dict[str, Any], seed: int) -> dict:
    """Train one model and return its metrics."""
    from ondevice.training.fit import fit

    order, ratio = ("as_given", 1.0) if method == "full" else (arguments.order, arguments.ratio)
    given = {"method": method, "order": order, "ratio": ratio, "seed": seed, "options": METHODS[method], **settings}
    config = configure(arguments.dataset, arguments.data, **given)
    with tempfile.TemporaryDirectory(prefix="initial-values-") as folder, native_messages_kept_back():
        result = fit(config, data, Path(folder) / "run", lambda done, total, share: None).result
    return {"validation": result.best_validation, "test": result.test, "epochs": len(result.history), "seed": seed}


def main() -> None:
    """Train everything, print a line per method, start and optimizer, and write all trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="lastfm")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--optimizers", nargs="+", choices=OPTIMIZERS, default=OPTIMIZERS)
    parser.add_argument("--ratio", type=float, default=16.0)
    parser.add_argument("--order", default="random", help="id order; in a random one every row has its full weight")
    parser.add_argument("--rates", nargs="+", type=float, default=[0.01, 0.05, 0.2])
    parser.add_argument("--weight-decay", type=float, default=0.1, help="what suits AdamW keeps Adagrad from learning")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    data = read_data(configure(arguments.dataset, arguments.data))
    rows = []
    for name, optimizer in itertools.product(arguments.methods, arguments.optimizers):
        kind = registry.load(name)
        own = kind.tables
        for start in STARTS if name != "full" else ("own",):
            kind.tables = starting(kind, start)
            try:
                decay = {"optimizer": optimizer, "weight_decay": arguments.weight_decay}
                settings = [{**decay, "learning_rate": rate} for rate in arguments.rates]
                searched = [(trained(arguments, data, name, each, arguments.seeds[0]), each) for each in settings]
                best = max(searched, key=lambda pair: pair[0]["validation"])
                rest = [trained(arguments, data, name, best[1], seed) for seed in arguments.seeds[1:]]
            finally:
                kind.tables = own
            kept = [trial["test"]["ndcg@20"] for trial in (best[0], *rest)]
            row = {"method": name, "start": start, **best[1], "mean": statistics.mean(kept)}
            row["spread"] = statistics.stdev(kept) if len(kept) > 1 else None
            print(row, flush=True)
            rows.append({**row, "kept": [best[0], *rest], "searched": [trial for trial, _ in searched]})
            asked = {key: value for key, value in vars(arguments).items() if key not in ("data", "out")}
            write_json(arguments.out, {"machine": machine(), "versions": versions(), **asked, "measured": rows})


if __name__ == "__main__":
    main()
