"""Compare many methods at equal bytes with one protocol; an interrupted sweep goes on where it was."""

from __future__ import annotations

import argparse
from pathlib import Path

from ondevice.cli.console import (
    DATA,
    add_training_arguments,
    command_line,
    counting_progress,
    parse_search,
    parse_settings,
    results,
    talk,
)

RESUMES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_training_arguments(parser, DATA)
    parser.add_argument(
        "--methods", nargs="+", default=[], metavar="METHOD[:OPTION=VALUE]", help="methods (default: all of them)"
    )
    parser.add_argument("--ratios", nargs="+", type=float, default=[4, 16, 40], help="compression of the embedding")
    parser.add_argument("--orders", nargs="+", default=["random", "semantic"], help="id orders")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="seeds")
    parser.add_argument(
        "--warm", nargs="+", default=[], metavar="METHOD", help="methods that also start from the trained full table"
    )
    parser.add_argument(
        "--search",
        action="append",
        default=[],
        metavar="NAME=VALUE,VALUE",
        help="a training setting and the values to choose from on the validation items, for every model alike",
    )
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="folder to write, or to go on with")


def run(arguments: argparse.Namespace) -> int:
    """Sweep."""
    from ondevice.pipeline.sweep import sweep
    from ondevice.pipeline.sweep_plan import SweepPlan
    from ondevice.reporting.console import print_sweep

    plan = SweepPlan(
        arguments.dataset,
        str(arguments.data or ""),
        arguments.methods or SweepPlan.methods,
        arguments.ratios,
        arguments.orders,
        arguments.seeds,
        arguments.warm,
        parse_search(arguments.search),
        parse_settings(arguments.settings),
    )
    with talk() as console, counting_progress(console) as on_done:
        found = sweep(plan, arguments.out, jobs=arguments.jobs, command=command_line(), on_done=on_done)
    print_sweep(found, results(), arguments.out)
    return 0
