"""What it changes to add up the gradients of a row that a batch uses several times before they are squared.

Run it as `python tests/benchmarks/summed_gradients.py --dataset lastfm --data LASTFM --folder RUNS --out FILE.json`.
Every model is trained with `adamw` as it is here, and with Keras' own, which squares the gradient of each use. The runs
are kept, so that the same command goes on where it was. Raw metrics are kept, the best validation metric beside them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from unittest import mock

import keras

from ondevice.files import write_json
from ondevice.pipeline.train import configure, read_data, train
from ondevice.quiet import native_messages_kept_back
from ondevice.training import row_gradients
from ondevice.training.run_folder import is_finished, open_run
from ondevice.versions import machine, versions

METRIC = "ndcg@20"
MODELS = {"full": ("as_given", 1.0), "memcom": ("semantic", 16.0), "quotient_remainder": ("random", 16.0)}
"""Order and ratio by method."""
OPTIMIZERS = {"sums squared": row_gradients.SummedAdamW, "squares of uses": keras.optimizers.AdamW}


def main() -> None:
    """Train everything, print a line per run, and write all trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="lastfm")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--methods", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--rates", nargs="+", type=float, help="learning rates beside which each is compared")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--folder", type=Path, required=True, help="where the runs are kept")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    data = read_data(configure(arguments.dataset, arguments.data))
    rows = []
    for seed in arguments.seeds:
        for method in arguments.methods:
            for rate in arguments.rates or [None]:
                for name, optimizer in OPTIMIZERS.items():
                    order, ratio = MODELS[method]
                    settings = {} if rate is None else {"learning_rate": rate}
                    config = configure(
                        arguments.dataset,
                        arguments.data,
                        method=method,
                        order=order,
                        ratio=ratio,
                        seed=seed,
                        **settings,
                    )
                    folder = arguments.folder / f"{method}-{config.learning_rate:g}-{seed}-{name.replace(' ', '-')}"
                    if not is_finished(folder):
                        with native_messages_kept_back(), mock.patch.object(row_gradients, "SummedAdamW", optimizer):
                            train(config, folder, split_data=data)
                    run = open_run(folder)
                    row = {
                        "method": method,
                        "order": order,
                        "ratio": ratio,
                        "seed": seed,
                        "learning_rate": config.learning_rate,
                        "second moment": name,
                        "validation": max(epoch.validation for epoch in run.result.history),
                        METRIC: run.result.test[METRIC],
                    }
                    print(f"{method} {config.learning_rate:g} seed {seed}, {name}: {row[METRIC]:.4f}", flush=True)
                    rows.append(row)
    write_json(
        arguments.out, {"machine": machine(), "versions": versions(), "dataset": arguments.dataset, "runs": rows}
    )


if __name__ == "__main__":
    main()
