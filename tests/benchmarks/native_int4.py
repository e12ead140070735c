"""The look-up of int4 rows as a native table beside its portable form: bytes, time or instructions, equal vectors.

Run it as `python tests/benchmarks/native_int4.py --out FILE.json`. 50 ids are looked up in the full table of 200,000
rows of width 64 and in MEmCom of the same vocabulary at 16x, with random weights, which change no cost. Every file runs
on LiteRT in several processes, in turns with all others, so that what else happens on the machine meets all alike; raw
samples are kept. On an emulated phone instructions are counted, which are no time and repeat (`--device entry-2018`).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from peer_files import LENGTH, lookup_file, normal

from ondevice.converters import flatbuffer
from ondevice.converters.tflite import SIGNATURE
from ondevice.devices.device import Job
from ondevice.devices.profile import open_device
from ondevice.embeddings.method import registry
from ondevice.files import write_json

RATIO, INFERENCES = 16.0, 20
FORMS = {
    "portable int4": ("int4", "tflite-2.14"),
    "native int4": ("int4", "litert-2.3"),
    "int8": ("int8", "litert-2.3"),
}
"""Recipe and target of each file."""


def files(rows: int, width: int) -> Iterator[tuple[str, bytes]]:
    """Give every form of both methods, by its name."""
    for name in ("full", "memcom"):
        kind, rng = registry.load(name), np.random.default_rng(0)
        method = kind(rows, width) if name == "full" else kind.for_ratio(rows, width, RATIO)
        values = {table.name: normal(rng, table.rows, table.width) for table in method.tables()}
        for form, (recipe, target) in FORMS.items():
            yield f"{name}, {form}", lookup_file(method, values, recipe, target)


def main() -> None:
    """Measure every file and write the raw samples."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--device", default="host")
    parser.add_argument("--runs", type=int, default=15, help="processes per file")
    parser.add_argument("--times", type=int, default=50, help="timed inferences per process")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    device = open_device(arguments.device)
    ids = np.random.default_rng(1).integers(0, arguments.rows, (INFERENCES, 1, LENGTH)).astype(np.int32)
    rows, vectors = [], {}
    with tempfile.TemporaryDirectory(prefix="native-int4-") as folder:
        made = dict(files(arguments.rows, arguments.width))
        jobs = {name: Job(Path(folder) / f"{number}.tflite", "litert", SIGNATURE, {"ids": ids}, warmups=20,
                          repeats=arguments.times) for number, name in enumerate(made)}  # fmt: skip
        for name, job in jobs.items():
            job.model.write_bytes(made[name])
        outcomes = device.run_all(list(jobs.values()) * arguments.runs)
    for number, name in enumerate(jobs):
        own = outcomes[number :: len(jobs)]
        assert all(outcome.measurement.ok for outcome in own), own[0].measurement.message
        vectors[name] = own[0].outputs["vectors"].tobytes()
        each = [float(np.median(outcome.measurement.run_ns)) for outcome in own]
        summary = flatbuffer.read(made[name])
        rows.append(
            {
                "file": name,
                "file_bytes": len(made[name]),
                "operations": len(summary.operators),
                "minimum_runtime": summary.minimum_runtime,
                "clock": own[0].measurement.clock,
                "median": float(np.median(each)),
                "least": min(each),
                "samples": [asdict(outcome.measurement) for outcome in own],
            }
        )
        print({key: value for key, value in rows[-1].items() if key != "samples"}, flush=True)
    for method in ("full", "memcom"):
        assert vectors[f"{method}, native int4"] == vectors[f"{method}, portable int4"], "equal bit for bit"
    if arguments.out:
        settings = {key: str(value) if isinstance(value, Path) else value for key, value in vars(arguments).items()}
        write_json(arguments.out, {**settings, "machine": device.machine(), "measured": rows})


if __name__ == "__main__":
    main()
