"""Run a bundle on the runtimes of a device and compare it with the reference model."""

from __future__ import annotations

import argparse
from pathlib import Path

from ondevice.cli.console import results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="bundle folder")
    parser.add_argument(
        "--run", type=Path, dest="run_folder", help="its training run, for real users and the task metric"
    )
    parser.add_argument("--device", default="host", help="device to run on (default: %(default)s)")
    parser.add_argument("--runtimes", nargs="+", help="runtimes of the device (default: all)")
    parser.add_argument("--users", type=int, help="evaluation users, at most (default: all)")
    parser.add_argument("--metric", default="ndcg@20", help="task metric (default: %(default)s)")
    parser.add_argument(
        "--max-loss",
        type=float,
        help="relative loss of the metric that is no failure (default: 0.01); missing a stated one alone exits with 3",
    )
    parser.add_argument("--out", type=Path, help="JSON file to write (default: beside the bundle)")


def run(arguments: argparse.Namespace) -> int:
    """Validate."""
    from ondevice.pipeline.validate import DEFAULT_MAX_LOSS, exit_code, validate

    validation = validate(
        arguments.bundle,
        arguments.run_folder,
        device=arguments.device,
        runtimes=arguments.runtimes,
        users=arguments.users,
        metric=arguments.metric,
        max_loss=DEFAULT_MAX_LOSS if arguments.max_loss is None else arguments.max_loss,
        out=arguments.out,
    )
    output = results()
    for result in validation.results:
        measurement = result.measurement
        verdict = "valid" if not result.failures else "INVALID"
        line = f"{measurement.runtime:<12} {verdict:<8}"
        if measurement.ok:
            line += f" p50 {measurement.latency_ms(50):.3f} ms, p95 {measurement.latency_ms(95):.3f} ms,"
            line += f" largest score error {result.largest_score_error_steps:.3g} steps"
        if result.quality is not None:
            quality = result.quality
            low, high = quality.interval
            line += f", {quality.metric} {quality.measured:.4f} ({quality.relative_change:+.2%}"
            line += f" to the reference, 95 % interval {low:+.2%} to {high:+.2%}, {quality.users:,} users)"
        output.print(line, soft_wrap=True, markup=False)
        for failure in result.failures:
            output.print(f"  [{failure.check}] {failure.message}", soft_wrap=True, markup=False)
    return exit_code(validation, budget_stated=arguments.max_loss is not None)
