"""Train one model; the run folder it writes can be exported."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from ondevice.cli.console import (
    add_data_arguments,
    add_output_arguments,
    add_size_arguments,
    add_teacher_arguments,
    parse_budget,
    parse_settings,
    results,
    talk,
    training_progress,
)

NEAR = 0.02
"""How far above the ratio asked for a model is before it is told."""


RESUMES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_data_arguments(parser)
    parser.add_argument("--method", default="memcom", help="embedding method (default: %(default)s)")
    parser.add_argument("--order", default="semantic", help="id order (default: %(default)s)")
    add_size_arguments(parser, "16, for full 1", "--recipe")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="options",
        help="a field of the method, e.g. bias=true or operation=concat; may be given several times",
    )
    add_output_arguments(parser)
    add_teacher_arguments(parser)
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="run folder to write, or an unfinished one to resume")


def run(arguments: argparse.Namespace) -> int:
    """Train."""
    from ondevice import task as tasks
    from ondevice.manifest import POPULARITY
    from ondevice.pipeline.size import DEFAULT_RECIPE, bytes_of_run
    from ondevice.pipeline.train import parse_options, train
    from ondevice.quiet import native_messages_kept_back
    from ondevice.units import format_ratio, format_share

    budget_bytes = parse_budget(arguments.budget)
    with talk() as console, native_messages_kept_back(), training_progress(console) as (advance, describe):
        describe(f"train {arguments.method}@{arguments.order}")
        done = train(
            arguments.dataset,
            arguments.data,
            method=arguments.method,
            order=arguments.order,
            ratio=arguments.ratio,
            budget_bytes=budget_bytes,
            recipe=arguments.recipe,
            seed=arguments.seed,
            options=parse_options(arguments.options),
            settings=parse_settings(arguments.settings),
            output=arguments.output,
            output_ratio=arguments.output_ratio,
            output_options=parse_options(arguments.output_options),
            teaching={
                "teacher": str(arguments.teacher or ""),
                "warm_start": arguments.warm_start,
                "teacher_order": arguments.teacher_order,
                "distillation": arguments.distillation,
                "quantize_aware": arguments.quantize_aware,
            },
            out=arguments.out,
            progress=advance,
        )
    output, task = results(), tasks.load(done.result.task)
    for name, value in done.result.test.items():
        output.print(f"{name:<12} {value:.4f}" if name != task.examples else f"{name:<12} {value:.0f}")
    for name in POPULARITY:
        found = done.result.by_popularity.get(name, {})
        if task.metric in found:
            sizes = f"{found['items']:.0f} items, {found['users']:.0f} users"
            output.print(f"{name:<12} {found[task.metric]:.4f} {task.metric} ({sizes})")
    method, asked = done.method(), done.config.ratio
    if budget_bytes is None and method.ratio > asked * (1 + NEAR):
        output.print(
            f"{'embedding':<12} {format_ratio(method.ratio)}, the nearest to {format_ratio(asked)} that it can be"
        )
    if budget_bytes is not None:
        recipe = arguments.recipe or DEFAULT_RECIPE
        used = bytes_of_run(done, recipe)
        output.print(
            f"{'embedding':<12} {used} of {budget_bytes} bytes as {recipe} ({format_share(used / budget_bytes)})"
        )
    output.print(f"\nRun folder: {done.folder}", soft_wrap=True)
    output.print(f"Next: ondevice export {shlex.quote(str(done.folder))} --out BUNDLE", soft_wrap=True)
    return 0
