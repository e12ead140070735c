"""How long validating a bundle on a device takes, and how far equal runs differ there.

Run it as `python tests/benchmarks/device_repeats.py BUNDLE --run RUN --device entry-2018 --times 3 --out FILE.json`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from ondevice import records
from ondevice.files import write_json
from ondevice.pipeline.validate import validate_run


def main() -> None:
    """Validate several times, keep every validation, print the spread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--device", default="entry-2018")
    parser.add_argument("--users", type=int)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="JSON file for every validation")
    arguments = parser.parse_args()
    seconds, validations = [], []
    for _ in range(arguments.times):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            validation = validate_run(
                arguments.bundle,
                arguments.run,
                device=arguments.device,
                users=arguments.users,
                out=Path(folder) / "validation.json",
            )
            seconds.append(time.perf_counter() - start)
        validations.append(validation)
    write_json(arguments.out, {"seconds": seconds, "validations": [records.to_json(each) for each in validations]})
    print("seconds:", *(f"{value:.1f}" for value in seconds))
    for number, result in enumerate(validations[0].results):
        measured = [validation.results[number].measurement for validation in validations]
        verdicts = {"valid" if not v.results[number].failures else "INVALID" for v in validations}
        print(result.measurement.runtime, *sorted(verdicts))
        for what, values in (
            ("ns or instructions of one answer", [each.instructions for each in measured]),
            ("ns or instructions of loading", [each.load_ns for each in measured]),
            ("bytes of memory growth", [each.memory_growth_bytes for each in measured]),
        ):
            spread = (max(values) - min(values)) / np.median(values)
            print(f"  {what}: {' '.join(f'{value:,}' for value in values)} (spread {spread:.4%})")


if __name__ == "__main__":
    main()
