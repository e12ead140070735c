"""Train one model; the run folder it writes can be exported."""

from __future__ import annotations

import argparse
from pathlib import Path

from ondevice.cli.console import (
    add_data_arguments,
    parse_options,
    parse_settings,
    results,
    talk,
    training_progress,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_data_arguments(parser)
    parser.add_argument("--method", default="memcom", help="embedding method (default: %(default)s)")
    parser.add_argument("--order", default="semantic", help="id order (default: %(default)s)")
    parser.add_argument("--ratio", type=float, help="compression of the embedding (default: 16, for full 1)")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="options",
        help="a field of the method, e.g. bias=true or operation=concat; may be given several times",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="run folder to write, or an unfinished one to resume")


def run(arguments: argparse.Namespace) -> int:
    """Train."""
    from ondevice.pipeline.train import train
    from ondevice.quiet import native_messages_kept_back

    ratio = arguments.ratio if arguments.ratio is not None else (1.0 if arguments.method == "full" else 16.0)
    with talk() as console, native_messages_kept_back(), training_progress(console) as (advance, describe):
        describe(f"train {arguments.method}@{arguments.order}")
        done = train(
            arguments.dataset,
            arguments.data,
            method=arguments.method,
            order=arguments.order,
            ratio=ratio,
            seed=arguments.seed,
            options=parse_options(arguments.options),
            settings=parse_settings(arguments.settings),
            out=arguments.out,
            progress=advance,
        )
    output = results()
    for name, value in done.result.test.items():
        output.print(f"{name:<12} {value:.4f}" if name != "users" else f"{name:<12} {value:.0f}")
    output.print(f"\nRun folder: {done.folder}\nNext: ondevice export {done.folder} --out BUNDLE", soft_wrap=True)
    return 0
