"""Train one model; the run folder it writes can be exported."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice.cli.console import (
    add_size_arguments,
    add_training_arguments,
    configured,
    results,
    talk,
    training_progress,
)

if TYPE_CHECKING:
    from ondevice.data.split_data import SplitData

NEAR = 0.02
"""How far above the ratio asked for a model is before it is told."""


RESUMES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_training_arguments(parser)
    add_size_arguments(parser, "16, for full 1", "--recipe")
    parser.add_argument("--out", type=Path, required=True, help="run folder to write, or an unfinished one to resume")


def run(arguments: argparse.Namespace) -> int:
    """Train."""
    from ondevice import task as tasks
    from ondevice.manifest import POPULARITY
    from ondevice.pipeline.size import bytes_of_run
    from ondevice.pipeline.train import train
    from ondevice.quiet import native_messages_kept_back
    from ondevice.units import format_ratio, format_share

    config = configured(arguments)
    with talk() as console, native_messages_kept_back(), training_progress(console) as (advance, describe):
        describe(f"train {config.method}@{config.order}")

        def tell(data: SplitData) -> None:
            console.print(f"Data: {data.summary()}.", soft_wrap=True)

        done = train(config, arguments.out, told=tell, progress=advance)
    output, task = results(), tasks.load(done.result.task)
    for name, value in done.result.test.items():
        output.print(f"{name:<12} {value:.4f}" if name != task.examples else f"{name:<12} {value:.0f}")
    for name in POPULARITY:
        found = done.result.by_popularity.get(name, {})
        if task.metric in found:
            sizes = f"{found['items']:.0f} items, {found['users']:.0f} users"
            output.print(f"{name:<12} {found[task.metric]:.4f} {task.metric} ({sizes})")
    method, budget, recipe = done.method(), config.budget_bytes, config.budget_recipe
    if budget:
        used = bytes_of_run(done, recipe)
        output.print(f"{'embedding':<12} {used} of {budget} bytes as {recipe} ({format_share(used / budget)})")
    elif method.ratio > config.ratio * (1 + NEAR):
        nearest = f"{format_ratio(method.ratio)}, the nearest to {format_ratio(config.ratio)} that it can be"
        output.print(f"{'embedding':<12} {nearest}")
    output.print(f"\nRun folder: {done.folder}", soft_wrap=True)
    output.print(f"Next: ondevice export {shlex.quote(str(done.folder))} --out BUNDLE", soft_wrap=True)
    return 0
