"""Run a bundle on the runtimes of a device and compare it with the reference model."""

from __future__ import annotations

import argparse
from pathlib import Path

from ondevice.cli.console import results
from ondevice.units import format_bytes

SANDBOX = "entry-2018"
"""A phone with a system of its own, in which a file can do no harm to this one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="bundle folder")
    parser.add_argument(
        "--run", type=Path, dest="run_folder", help="its training run, for real users or texts and the task metric"
    )
    parser.add_argument("--model", type=Path, metavar="MODEL.keras", help="the model it was exported from")
    parser.add_argument(
        "--data", type=Path, metavar="DATA.npz", help="examples for the model: one array per input, and targets as y"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--device", default="host", help="device to run on (default: %(default)s, in a process with all you may do)"
    )
    where.add_argument(
        "--sandbox",
        action="store_const",
        dest="device",
        const=SANDBOX,
        help="run it inside the emulated phone %(const)s and not by this machine's own runtimes: for a stranger's file",
    )
    parser.add_argument("--runtimes", nargs="+", help="runtimes of the device (default: all)")
    parser.add_argument(
        "--users", type=int, help="users, texts or examples, at most (default: all, on slow devices fewer)"
    )
    parser.add_argument(
        "--metric", help="metric of the task (default: its first, e.g. ndcg@20), or for a model one of Keras, e.g. auc"
    )
    parser.add_argument(
        "--max-loss",
        type=float,
        help="relative loss of the metric that is no failure (default: 0.01); missing a stated one alone exits with 3",
    )
    parser.add_argument(
        "--max-memory",
        type=float,
        metavar="MB",
        help="growth of memory that is no failure (default: any); missing it alone exits with 3",
    )
    parser.add_argument("--out", type=Path, help="JSON file to write (default: beside the bundle)")


def run(arguments: argparse.Namespace) -> int:
    """Validate."""
    from ondevice import task as tasks
    from ondevice.bundle import open_bundle
    from ondevice.errors import UsageError
    from ondevice.pipeline.validate import exit_code, too_old, validate, validate_run
    from ondevice.quiet import native_messages_kept_back

    shared = {
        name: getattr(arguments, name) for name in ("device", "runtimes", "metric", "max_loss", "max_memory", "out")
    }
    if arguments.run_folder is not None and (arguments.model or arguments.data):
        raise UsageError("--run is given beside --model or --data; allowed is a run, or a model with its data.")
    with native_messages_kept_back():
        if arguments.model is None and arguments.data is None:
            validation = validate_run(arguments.bundle, arguments.run_folder, users=arguments.users, **shared)
        else:
            validation = validate(arguments.bundle, arguments.model, arguments.data, examples=arguments.users, **shared)
    output = results()
    manifest = open_bundle(arguments.bundle).manifest
    examples = tasks.load(manifest.task).examples if manifest.task else "examples"
    for result in validation.results:
        measurement, quality = result.measurement, result.quality
        parts = []
        if measurement.ok and measurement.clock == "instructions":
            parts.append(f"{measurement.instructions:,} instructions")
        elif measurement.ok:
            parts += [f"p{percentile} {measurement.latency_ms(percentile):.3f} ms" for percentile in (50, 95)]
        if measurement.memory_growth_bytes >= 0:
            parts.append(f"memory growth {format_bytes(measurement.memory_growth_bytes)}")
        if result.largest_score_error_steps >= 0:
            parts.append(f"largest score error {result.largest_score_error_steps:.3g} steps")
        if quality is not None:
            low, high = quality.interval
            change = f"{quality.relative_change:+.2%} to the reference, 95 % interval {low:+.2%} to {high:+.2%}"
            parts.append(f"{quality.metric} {quality.measured:.4f} ({change}, {quality.users:,} {examples})")
        verdict = "valid" if not result.failures else "INVALID"
        line = f"{measurement.runtime:<12} {verdict:<8} {', '.join(parts)}"
        output.print(line.rstrip(), soft_wrap=True)
        for failure in result.failures:
            output.print(f"  [{failure.check}] {failure.message}", soft_wrap=True)
    for runtime in too_old(manifest, validation) if not arguments.runtimes else ():
        needs = f"the file is for {manifest.target_runtime} and needs release {manifest.minimum_runtime}"
        output.print(f"{runtime:<12} not asked: {needs}", soft_wrap=True)
    return exit_code(validation, loss_stated=arguments.max_loss is not None)
