"""Write the report of every validated bundle below a folder, as Markdown, JSON and HTML."""

from __future__ import annotations

import argparse
from pathlib import Path

from ondevice.cli.console import results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder with bundles and their validations")
    parser.add_argument("--out", type=Path, help="folder to write to (default: the same)")
    parser.add_argument(
        "--metric", help="metric shown first (default: the first of the task's, e.g. ndcg@20 or accuracy)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Report."""
    from ondevice.pipeline.report import report
    from ondevice.reporting.console import print_table

    found = report(arguments.folder, arguments.out, metric=arguments.metric)
    output = results()
    print_table(found, output)
    output.print(f"\nReport: {(arguments.out or arguments.folder) / 'report.html'}", soft_wrap=True)
    return 0
