"""What compressing costs models of plain Keras: at once, after two epochs of their own fit, and with distillation.

`python tests/benchmarks/compress_models.py --data FOLDER --cache MODELS --out results/compress.json` goes through every
problem, method and seed, and goes on where it was stopped; `--table` prints the table of what is there.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

import ondevice
from tests.benchmarks import planted_models
from tests.benchmarks.plain_models import Problem, problem, trained

RATIO, EPOCHS = 16.0, 2
METHODS = ("product_codes", "memcom", "quotient_remainder", "hashing")
REAL = ("toys", "gowalla", "kddcup")


class Numbered(keras.callbacks.Callback):
    """Tells examples which epoch it is, none of those that the model was trained with."""

    def __init__(self, examples: Any) -> None:
        super().__init__()
        self.examples = examples

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.examples.epoch = 1000 + epoch


def measure(name: str, given: Problem, seed: int, method: str, cache: Path) -> dict[str, Any]:
    """Compress one trained model and measure it at every stage; `full` is not compressed."""
    teacher, started = trained(name, given, seed, cache), time.monotonic()
    full, before = given.test(teacher), given.validation(teacher)
    found: dict[str, Any] = {"problem": name, "method": method, "seed": seed, "full": full, "full_validation": before}
    for stage in ("fit", "distilled"):
        model = trained(name, given, seed, cache)
        if method != "full":
            examples = given.examples(seed)
            data = (examples[batch] for batch in range(len(examples)))
            started = time.monotonic()
            report = ondevice.compress(model, RATIO, method=method, data=data, verbose=False)
            found |= {"before": report.before, "after": report.after, "seconds": time.monotonic() - started}
            found |= {"alone": given.test(model), "alone_validation": given.validation(model)}
        examples = given.examples(seed + 100)
        keras.utils.set_random_seed(seed)
        if stage == "fit":
            callbacks = [Numbered(examples), ondevice.GentleStart()]
            model.fit(examples, epochs=EPOCHS, verbose=0, shuffle=False, callbacks=callbacks)
        else:
            callbacks = [Numbered(examples)]
            ondevice.fit(model, examples, epochs=EPOCHS, teacher=teacher, verbose=0, callbacks=callbacks)
        found |= {stage: given.test(model), f"{stage}_validation": given.validation(model)}
    return found


def table(results: list[dict[str, Any]]) -> str:
    """Return the table in Markdown: mean change against the full model, with the spread over the seeds."""
    rows = [
        "| problem | full | method | tables, int8 | alone | user's fit | ondevice.fit | seeds |",
        "| --- " * 8 + "|",
    ]
    for name, method in dict.fromkeys((each["problem"], each["method"]) for each in results):
        some = [each for each in results if (each["problem"], each["method"]) == (name, method)]
        full = np.array([each["full"] for each in some])
        cells = []
        for stage in ("alone", "fit", "distilled"):
            changes = [100 * (each[stage] / each["full"] - 1) for each in some if stage in each]
            spread = f" ± {np.std(changes, ddof=1):.2f}" if len(changes) > 1 else ""
            cells.append(f"{np.mean(changes):+.2f} %{spread}" if changes else "")
        bytes_ = f"{some[0]['after'] / 1e3:.0f} of {some[0]['before'] / 1e3:.0f} kB" if "after" in some[0] else ""
        base = f"{full.mean():.4f}" + (f" ± {full.std(ddof=1):.4f}" if len(full) > 1 else "")
        rows.append(f"| {name} | {base} | {method} | {bytes_} | {' | '.join(cells)} | {len(some)} |")
    return "\n".join(rows)


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--problems", nargs="+", default=[*REAL, *planted_models.NAMES])
    parser.add_argument("--methods", nargs="+", default=["full", *METHODS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    results = json.loads(arguments.out.read_text()) if arguments.out.exists() else []
    done = {(each["problem"], each["method"], each["seed"]) for each in results}
    for seed in () if arguments.table else arguments.seeds:
        for name in arguments.problems:
            given = problem(name, arguments.data) if name in REAL else planted_models.problem(name)
            for method in arguments.methods:
                if (name, method, seed) not in done:
                    results.append(measure(name, given, seed, method, arguments.cache))
                    arguments.out.write_text(json.dumps(results, indent=1) + "\n")
                    print(table(results[-1:]).splitlines()[-1], flush=True)
    print(table(results))


if __name__ == "__main__":
    main()
