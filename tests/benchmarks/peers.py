"""Our files beside what others make of the same model, on every runtime of this machine, in one run.

Run it as `python tests/benchmarks/peers.py --out FILE.json`. Two graphs: the look-up of 50 ids alone, of 200,000 rows
of width 64; and a whole ranking model of 1,000,000 items, which answers the 10 best, and whose short cut to these is
compared with brute force. Weights are random, which changes no cost. Every file runs in several processes, in turns
with all others, so that what else happens on the machine meets all of them alike; raw samples are kept. Ratios are to
our int8 file of the same graph, above 1 where ours is the smaller. Times are those of this machine, one thread; they
are not phone time. TensorFlow's converter takes 17 GB of memory for a million items.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from peer_files import LENGTH, lookup_files, model_files

from ondevice.converters import flatbuffer
from ondevice.devices.device import Job, Outcome
from ondevice.devices.kinds.host import Host
from ondevice.files import write_json
from ondevice.ids import PADDING_ID, RESERVED_IDS

OURS = {"look-up": "ours int8", "model": "ours memcom int8_small"}
"""What ratios are to, by graph."""

REFERENCE = "stock float32"
"""What answers are compared with: of the same weights, but for MEmCom's."""

EVERY = ", every item scored"
"""Behind the name of a file, that of the same model without a short cut to the best items."""


def signature_of(path: Path) -> str:
    """Return the name of a file's only signature."""
    [signature] = flatbuffer.read(path).signatures
    return signature.name


def measured(files: dict[str, Path], ids: np.ndarray, runs: int, times: int) -> dict[tuple[str, str], list[Outcome]]:
    """Run every file on every runtime, in turns."""
    host, found = Host(), {}
    for _ in range(runs):
        for name, path in files.items():
            for runtime in host.installed():
                job = Job(path, runtime, signature_of(path), {"ids": ids}, warmups=10, repeats=times)
                found.setdefault((name, runtime), []).append(host.run(job))
    return found


def row(name: str, runtime: str, outcomes: Sequence[Outcome], size: int, reference: Outcome | None) -> dict[str, Any]:
    """Summarize one file on one runtime, with the raw samples of every process."""
    measurements = [outcome.measurement for outcome in outcomes]
    ran = [measurement for measurement in measurements if measurement.ok]
    failed = next((measurement for measurement in measurements if not measurement.ok), None)
    times = [ns for measurement in ran for ns in measurement.run_ns]
    whole = bool(ran) and failed is None
    return {
        "file": name,
        "runtime": runtime,
        "status": failed.status if failed else "ok",
        "message": failed.message if failed else "",
        "file_bytes": size,
        "load_ms": statistics.median(measurement.load_ms for measurement in ran) if whole else None,
        "memory_bytes": statistics.median(measurement.memory_growth_bytes for measurement in ran) if whole else None,
        "p50_ms": float(np.percentile(times, 50)) / 1e6 if whole else None,
        "p95_ms": float(np.percentile(times, 95)) / 1e6 if whole else None,
        "difference": difference(outcomes[0], reference) if whole and reference else None,
        "samples": [asdict(measurement) for measurement in measurements],
    }


def difference(outcome: Outcome, reference: Outcome) -> float | None:
    """Compare answers: root mean square error of vectors over their own, or the share of the best items that differ."""
    if not reference.measurement.ok:
        return None
    if "vectors" in reference.outputs:
        right = reference.outputs["vectors"].astype(np.float64)
        return float(np.sqrt(np.mean((outcome.outputs["vectors"] - right) ** 2) / np.mean(right**2)))
    pairs = zip(outcome.outputs["items"], reference.outputs["items"], strict=True)
    return float(np.mean([1 - np.isin(right, found).mean() for found, right in pairs]))


def agreement(files: dict[str, Path], size: int, queries: int) -> list[dict[str, Any]]:
    """Compare the answers of files that find the best items by a short cut with those that score every item.

    Args:
        files: paths by name; a pair is a name and the same with `EVERY` behind it.
        size: number of ids.
        queries: histories, drawn at random, of which every third has repeated ids and padding.
    """
    rng, host, rows = np.random.default_rng(2), Host(), []
    ids = rng.integers(RESERVED_IDS, size, (queries, 1, LENGTH)).astype(np.int32)
    ids[::3, :, LENGTH // 2 :] = PADDING_ID
    ids[::3, :, 1] = ids[::3, :, 0]
    for name in [name for name in files if name + EVERY in files]:
        for runtime in host.installed():
            short, every = (
                host.run(Job(files[each], runtime, signature_of(files[each]), {"ids": ids}))
                for each in (name, name + EVERY)
            )
            scores = [outcome.outputs["scores"] for outcome in (short, every)]
            items = [outcome.outputs["items"] for outcome in (short, every)]
            row = {"file": name, "runtime": runtime, "queries": queries}
            row["largest_score_difference"] = float(np.max(np.abs(scores[0] - scores[1])))
            # Scores that are equal although the items differ are those of ties.
            row["other_scores"] = int(np.any(scores[0] != scores[1], axis=(1, 2)).sum())
            row["other_items"] = int(np.any(items[0] != items[1], axis=(1, 2)).sum())
            print(row, flush=True)
            rows.append(row)
    return rows


def compared(graph: str, made: Iterable[tuple[str, bytes]], size: int, arguments: argparse.Namespace) -> list[dict]:
    """Measure the files of one graph and print a line per file and runtime."""
    # Every timed answer is to ids of its own: asked the same again and again, a small part of the table stays at hand.
    ids = np.random.default_rng(1).integers(RESERVED_IDS, size, (arguments.times, 1, LENGTH)).astype(np.int32)
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        files, sizes = {}, {}
        for number, (name, content) in enumerate(made):
            files[name] = Path(folder) / f"{number}.tflite"
            files[name].write_bytes(content)
            sizes[name] = len(content)
            print(f"{graph}: made {name}, {len(content):,} bytes", flush=True)
        agreed = agreement(files, size, arguments.queries)
        found = measured(files, ids, arguments.runs, arguments.times)
    rows = []
    for (name, runtime), outcomes in found.items():
        same_weights = "memcom" not in name and (REFERENCE, runtime) in found
        reference = found[REFERENCE, runtime][0] if same_weights else None
        rows.append({"graph": graph, **row(name, runtime, outcomes, sizes[name], reference)})
    ours = {each["runtime"]: each for each in rows if each["file"] == OURS[graph]}
    for each in rows:
        own = ours.get(each["runtime"], {})
        keys = ("file_bytes", "load_ms", "memory_bytes", "p50_ms", "p95_ms")
        each["ratios"] = {key: each[key] / own[key] for key in keys if each[key] is not None and own.get(key)}
        print({key: value for key, value in each.items() if key != "samples"}, flush=True)
    return [*rows, *({"graph": graph, **each} for each in agreed)]


def main() -> None:
    """Measure both graphs and write the raw samples."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the table that is looked up in alone")
    parser.add_argument("--items", type=int, default=1_000_000, help="items of the whole model")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--ratio", type=float, default=48.0, help="parameters of the full table over MEmCom's")
    parser.add_argument("--runs", type=int, default=5, help="processes per file and runtime")
    parser.add_argument("--times", type=int, default=200, help="timed inferences per process")
    parser.add_argument(
        "--queries", type=int, default=1_000, help="histories whose answers are compared with brute force"
    )
    parser.add_argument("--graphs", nargs="+", choices=list(OURS), default=list(OURS))
    parser.add_argument("--files", nargs="+", default=[""], help="beginnings of the names of the files to make")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()

    def wanted(name: str) -> bool:
        return any(name.startswith(beginning) for beginning in arguments.files)

    rows = []
    if "look-up" in arguments.graphs:
        rows += compared("look-up", lookup_files(arguments.rows, arguments.width, wanted), arguments.rows, arguments)
    if "model" in arguments.graphs:
        made = model_files(arguments.items, arguments.width, arguments.ratio, wanted)
        rows += compared("model", made, arguments.items + RESERVED_IDS, arguments)
    if arguments.out:
        settings = {key: value for key, value in vars(arguments).items() if key != "out"}
        write_json(arguments.out, {**settings, "machine": Host().machine(), "measured": rows})


if __name__ == "__main__":
    main()
