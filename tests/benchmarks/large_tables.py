"""What `ondevice export` of a large embedding takes on this machine: seconds and peak memory.

Run it as `python tests/benchmarks/large_tables.py --items 10000000 --method memcom --out FILE.json`. The run folder
that is exported is made up, of random values: MEmCom ranks its own items (output layer `tied`); with any other method
the model tells two kinds of texts apart, so that the embedding is what there is to export. The export is the one of the
command, with every check, in a process of its own whose peak memory is that of the measurement.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ondevice import records
from ondevice import task as tasks
from ondevice.data.lists import Lists
from ondevice.data.vocabulary import Vocabulary
from ondevice.embeddings.method import registry
from ondevice.files import write_json
from ondevice.ids import PADDING_ID, RESERVED_IDS
from ondevice.models.output import registry as outputs
from ondevice.models.scores import SCORES
from ondevice.tokenizer import Tokenizer
from ondevice.training import run_folder
from ondevice.training.config import TrainConfig
from ondevice.training.evaluation import Evaluation
from ondevice.training.run_folder import TrainResult
from ondevice.versions import machine, versions

USERS, LENGTH, KEPT = 20, 50, 60
LABELS = ("one", "other")
KB = 1024
"""What `getrusage` counts memory in on Linux, bytes."""

EXPORT = "import sys, ondevice; ondevice.export_run(sys.argv[1], sys.argv[2], recipe=sys.argv[3])"


def make_run(folder: Path, arguments: argparse.Namespace) -> None:
    """Write a run folder of random values."""
    import keras

    from ondevice.models.network import pooled_network

    size, width = arguments.items + RESERVED_IDS, arguments.width
    ranks = arguments.method == "memcom"
    options = {"sharing": "block"} if ranks else {}
    method = registry.load(arguments.method).for_ratio(size, width, arguments.ratio, **options)
    kind = outputs.load("tied" if ranks else "dense")
    output = kind.for_ratio(method, width, 1.0) if ranks else kind(len(LABELS), width)
    config = TrainConfig(
        "synthetic" if ranks else "synthetic-texts", method=arguments.method, order="semantic", ratio=arguments.ratio,
        options=options, width=width, hidden=(width,), history_length=LENGTH, output="tied" if ranks else "dense",
    )  # fmt: skip
    keras.utils.set_random_seed(0)
    model = pooled_network(method, config.hidden, config.dropout, output)
    if ranks:
        rng = np.random.default_rng(2)
        for weight in (model.get_layer("embedding").tables["multiplier"], *model.get_layer(SCORES).own.values()):
            weight.assign(rng.normal(1, 0.1, weight.shape))
    else:
        # The converter leaves out a bias of zeros, which no trained model has.
        model.get_layer(SCORES).own["bias"].assign([0.1, -0.1])
    records.write(folder / run_folder.CONFIG_FILE, config)
    keys = ("<padding>", "<unknown>", *(f"item{number}" for number in range(arguments.items)))
    Vocabulary(keys).write(folder / run_folder.VOCABULARY_FILE)
    model.save(folder / run_folder.MODEL_FILE)
    histories = np.random.default_rng(0).integers(RESERVED_IDS, size, (USERS, LENGTH)).astype(np.int32)
    unused = np.full((USERS, KEPT if ranks else len(LABELS)), PADDING_ID, np.int32)
    lists = Lists.of(list(histories)) if ranks else Lists.of([[0]] * USERS)
    evaluation = Evaluation(histories, lists, lists, unused, unused.astype(np.float32), np.zeros(USERS, np.float32))
    evaluation.write(folder / run_folder.EVALUATION_FILE)
    result = TrainResult(
        run_folder.SCHEMA_VERSION, method.parameters(), "untrained", model.count_params(), 0, (), {}, {},
        task=tasks.RANKING if ranks else "text", labels=() if ranks else LABELS,
        tokenizer=None if ranks else Tokenizer(),
    )  # fmt: skip
    records.write(folder / run_folder.RESULT_FILE, result)


def taken(command: list[str]) -> dict[str, float]:
    """Run a command and return what it took."""
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} ended with {os.waitstatus_to_exitcode(status)}")
    seconds = time.perf_counter() - start
    return {
        "seconds": round(seconds, 1),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_bytes": usage.ru_maxrss * KB,
    }


def main() -> None:
    """Make a run, export it in a process of its own and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--method", default="memcom")
    parser.add_argument("--ratio", type=float, default=16.0)
    parser.add_argument("--recipe", default="int8")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        make_run(arguments.make, arguments)
        return
    with tempfile.TemporaryDirectory(prefix="large-") as name:
        run, bundle = Path(name) / "run", Path(name) / "bundle"
        run.mkdir()
        taken([sys.executable, *sys.argv, "--make", str(run)])
        found = taken([sys.executable, "-c", EXPORT, str(run), str(bundle), arguments.recipe])
        table_bytes = (arguments.items + RESERVED_IDS) * arguments.width * 4
        sizes = {path.name: path.stat().st_size for path in sorted(bundle.iterdir())}
    measured = {
        **found,
        "float_table_bytes": table_bytes,
        "peak_over_float_table": round(found["peak_bytes"] / table_bytes, 2),
        "bundle": sizes,
    }
    print(measured)
    if arguments.out:
        asked = {name: value for name, value in vars(arguments).items() if name not in ("out", "make")}
        write_json(arguments.out, {**asked, "machine": machine(), "versions": versions(), "measured": measured})


if __name__ == "__main__":
    main()
