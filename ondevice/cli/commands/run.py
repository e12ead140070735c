"""Do the whole path: train, export, validate and report several methods on one data set."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from ondevice.cli.console import (
    DATA,
    OUTPUT,
    add_size_arguments,
    add_training_arguments,
    command_line,
    configured,
    results,
    talk,
    training_progress,
)
from ondevice.devices.runtimes import DEFAULT_TARGET

RESUMES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_training_arguments(parser, [*DATA, *OUTPUT])
    parser.add_argument("--out", type=Path, help="folder to write (default: a new one below ondevice-runs)")
    parser.add_argument("--variants", nargs="+", metavar="METHOD@ORDER", help="models to train")
    add_size_arguments(parser, "16", "--budget-recipe")
    parser.add_argument(
        "--quality",
        default="default",
        help="default, or best: models as wide as the full table start from it and, where it is better, are trained "
        "once more to learn from its scores; the better one is kept (default: %(default)s)",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="seeds; each trains every model anew")
    parser.add_argument("--recipes", nargs="+", help="quantization recipes: names, or paths of files of your own")
    parser.add_argument("--target", default=DEFAULT_TARGET, help="runtime the files are for (default: %(default)s)")
    parser.add_argument(
        "--devices",
        nargs="+",
        default=[],
        help="devices that validate (default: host and, where it is installed, the emulated phone entry-2018)",
    )
    parser.add_argument(
        "--users",
        type=int,
        help="evaluation users or texts per file, at most (default: all, on an emulated phone 1,000)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the whole path."""
    from ondevice.pipeline.plan import DEFAULT_RECIPES, DEFAULT_VARIANTS, Plan
    from ondevice.pipeline.run import run as run_all
    from ondevice.quiet import native_messages_kept_back
    from ondevice.reporting.console import print_table

    plan = Plan(
        configured(arguments),
        arguments.variants or DEFAULT_VARIANTS,
        arguments.seeds,
        arguments.recipes or DEFAULT_RECIPES,
        arguments.target,
        arguments.devices,
        arguments.users,
        arguments.quality,
    )
    with talk() as console, native_messages_kept_back(), training_progress(console) as (advance, describe):

        def on_step(number: int, total: int, what: str) -> None:
            console.print(f"[{number}/{total}] {what}")
            describe(what)

        report, folder = run_all(plan, out=arguments.out, command=command_line(), on_step=on_step, progress=advance)
    output = results()
    print_table(report, output)
    # A file that is only there to compare with need not work; who wants to use one must be told of none that does not.
    usable = [model for model in report.models if model.valid or not model.manifest.comparison] or report.models
    # The compressed model that lost least, in the recipe that gives the smallest files.
    smallest = min(usable, key=lambda model: model.manifest.file_bytes).manifest.recipe
    candidates = [m for m in usable if m.manifest.recipe == smallest and m.variant != report.baseline]
    best = max(candidates or usable, key=lambda model: model.manifest.training.quality.get(report.metric, 0.0))
    bundle = folder / best.variant / f"seed-{best.manifest.training.seed}" / best.manifest.recipe
    output.print(f"\nReport: {folder / 'report.html'} (also report.md and report.json)", soft_wrap=True)
    output.print("Next, try:", soft_wrap=True)
    for command in (
        f"ondevice inspect {shlex.quote(str(bundle / 'model.tflite'))}",
        f"ondevice validate {shlex.quote(str(bundle))} --run {shlex.quote(str(bundle.parent / 'run'))}",
        "ondevice run --data ratings.csv --user USER --item ITEM",
    ):
        output.print(f"  {command}", soft_wrap=True)
    return 0 if all(model.valid or model.manifest.comparison for model in report.models) else 1
