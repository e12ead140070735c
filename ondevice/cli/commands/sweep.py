"""Compare many methods at equal bytes with one protocol; an interrupted sweep goes on where it was."""

from __future__ import annotations

import argparse
from pathlib import Path

from ondevice.cli.console import (
    add_data_arguments,
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
    add_data_arguments(parser)
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
    from ondevice.reporting.sweep.console import print_sweep

    with talk() as console, counting_progress(console) as on_done:
        found = sweep(
            arguments.dataset,
            arguments.data,
            methods=arguments.methods,
            ratios=arguments.ratios,
            orders=arguments.orders,
            seeds=arguments.seeds,
            warm=arguments.warm,
            search=parse_search(arguments.search),
            settings=parse_settings(arguments.settings),
            jobs=arguments.jobs,
            out=arguments.out,
            command=command_line(),
            on_done=on_done,
        )
    print_sweep(found, results(), arguments.out)
    return 0
