"""Write one report of several sweeps of other seeds, trained on several machines or days."""

from __future__ import annotations

import argparse
from pathlib import Path

from ondevice.cli.console import command_line, results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("sweeps", nargs="+", type=Path, metavar="SWEEP", help="folders that `ondevice sweep` wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")


def run(arguments: argparse.Namespace) -> int:
    """Join."""
    from ondevice.pipeline.join import join
    from ondevice.reporting.console import print_sweep

    found = join(arguments.sweeps, arguments.out, command=command_line())
    print_sweep(found, results(), arguments.out)
    return 0
