"""Print what each method would cost for a vocabulary, width and ratio, before any training."""

from __future__ import annotations

import argparse

from ondevice.cli.console import results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--items", type=int, default=100_000, help="number of items (default: %(default)s)")
    parser.add_argument("--width", type=int, default=64, help="numbers per vector (default: %(default)s)")
    parser.add_argument("--ratio", type=float, default=16.0, help="compression (default: %(default)g)")


def run(arguments: argparse.Namespace) -> int:
    """Print the catalogue."""
    from rich.table import Table

    from ondevice.pipeline.catalogue import catalogue
    from ondevice.units import format_bytes

    table = Table(
        title=f"{arguments.items:,} items of width {arguments.width} at {arguments.ratio:g}x",
        title_justify="left",
    )
    for heading in ("method", "stores", "parameters", "ratio", "float32", "int8"):
        table.add_column(heading, justify="left" if heading in ("method", "stores") else "right", overflow="fold")
    reasons = []
    for entry in catalogue(arguments.items, arguments.width, arguments.ratio):
        if entry.refusal:
            reasons.append(entry.refusal)
            continue
        sizes = format_bytes(entry.payload_bytes["float32"]), format_bytes(entry.payload_bytes["int8"])
        table.add_row(entry.method, entry.stores, f"{entry.parameters:,}", f"{entry.ratio:.2f}x", *sizes)
    output = results()
    output.print(table)
    for reason in reasons:
        output.print(f"Not possible: {reason}", soft_wrap=True)
    return 0
