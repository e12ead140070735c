"""Print what each method would cost for a vocabulary, width and ratio or budget, before any training."""

from __future__ import annotations

import argparse

from ondevice.cli.console import add_size_arguments, results

SHOWN = ("float32", "int8", "int4")
"""Recipes with a column of their own, beside the budget's."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--items", type=int, default=100_000, help="number of items or words (default: %(default)s)")
    parser.add_argument("--width", type=int, default=64, help="numbers per vector (default: %(default)s)")
    add_size_arguments(parser, "16", "--recipe")


def run(arguments: argparse.Namespace) -> int:
    """Print the catalogue."""
    from rich.table import Table

    from ondevice.pipeline import size as sizes
    from ondevice.pipeline.catalogue import catalogue
    from ondevice.units import format_bytes, format_share, parse_bytes

    budget_bytes = None if arguments.budget is None else parse_bytes("budget", arguments.budget)
    size = sizes.asked(arguments.ratio, budget_bytes, arguments.budget_recipe)
    entries = catalogue(
        arguments.items, arguments.width, arguments.ratio, budget_bytes=budget_bytes, recipe=arguments.budget_recipe
    )
    budget, recipe = size.budget_bytes, size.budget_recipe
    asked = f"within {format_bytes(budget)} as {recipe}" if budget else f"at {size.ratio:g}x"
    table = Table(title=f"{arguments.items:,} items of width {arguments.width} {asked}", title_justify="left")
    shown = list(dict.fromkeys([*SHOWN, *([recipe] if recipe else [])]))
    for heading in ("method", "stores", "parameters", "ratio", *map(_label, shown), "used"):
        table.add_column(heading, justify="left" if heading in ("method", "stores") else "right", overflow="fold")
    reasons = []
    for entry in entries:
        if entry.refusal:
            reasons.append(entry.refusal)
            continue
        payloads = (format_bytes(entry.payload_bytes[recipe]) for recipe in shown)
        used = format_share(entry.used)
        table.add_row(entry.method, entry.stores, f"{entry.parameters:,}", f"{entry.ratio:.2f}x", *payloads, used)
    output = results()
    output.print(table)
    output.print(f"used: share taken of the {'budget' if budget_bytes else 'parameters at this ratio'}.")
    for reason in reasons:
        output.print(f"Not possible: {reason}", soft_wrap=True)
    return 0


def _label(recipe: str) -> str:
    from pathlib import Path

    # A file of the user's own is called by its name alone.
    return Path(recipe).name
