"""Damage more files than the tests do: `python -m tests.fuzz [FAMILY ...] --cases 20000 --seed 1`.

A family is a file `test_fuzz_FAMILY.py` of this folder. Every case that ends in a traceback, takes too long or takes
more than a gigabyte is told with its number, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import resource
import sys
import traceback
from pathlib import Path

from tests.fuzz.damage import require_told

FAMILIES = sorted(path.stem.removeprefix("test_fuzz_") for path in Path(__file__).parent.glob("test_fuzz_*.py"))
LIMIT_KB = 1_000_000


def main() -> int:
    """Run families and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"of {', '.join(FAMILIES)} (default: all)")
    parser.add_argument("--cases", type=int, default=2_000, help="cases of each family (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed; the tests have 0 (default: %(default)s)")
    arguments = parser.parse_args()
    failed = 0
    for name in arguments.families or FAMILIES:
        family = importlib.import_module(f"tests.fuzz.test_fuzz_{name}")
        started_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = 0
        for number, case in enumerate(itertools.islice(family.cases(arguments.seed), arguments.cases)):
            try:
                require_told(family.run, case)
            except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
                found += 1
                print(f"{name}, case {number} of seed {arguments.seed}:\n{traceback.format_exc()}")
        taken_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - started_kb
        failed += found + (taken_kb > LIMIT_KB)
        print(f"{name}: {found} of {arguments.cases} cases failed, {taken_kb / 1000:.0f} MB more than before at most")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
