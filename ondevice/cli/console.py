"""What commands share on the terminal: talk goes to the error stream, results to the output stream."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TextIO

from ondevice.errors import UsageError
from ondevice.units import parse_bytes

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_WITHOUT_TERMINAL = 120


def results() -> Console:
    """Return the console for results, on the output stream."""
    return _console(sys.stdout)


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    # Everything as it is: brackets and colons in a path are no markup and no emoji.
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def command_line() -> str:
    """Return the command as it was typed, for reports."""
    return " ".join(["ondevice", *(shlex.quote(word) for word in sys.argv[1:])])


@contextlib.contextmanager
def talk() -> Iterator[Console]:
    """Give the console for progress and remarks, on a copy of the error stream that native silence spares."""
    with os.fdopen(os.dup(2), "w", buffering=1) as stream:
        yield _console(stream)


@contextlib.contextmanager
def training_progress(
    console: Console,
) -> Iterator[tuple[Callable[[int, int, float], None], Callable[[str], None]]]:
    """Show a progress bar while training; give a function for the progress and one for the description."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[epoch]}"),
        TimeElapsedColumn(),
    )
    # Without a terminal a bar would leave nothing but a blank line.
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0, epoch="")

        def advance(done: int, total: int, share: float) -> None:
            bar.update(task, completed=done + share, total=total, epoch=f"epoch {min(done + 1, total)}/{total}")

        def describe(what: str) -> None:
            bar.update(task, description=what, completed=0, epoch="")

        yield advance, describe


@contextlib.contextmanager
def counting_progress(console: Console) -> Iterator[Callable[[int, int, str], None]]:
    """Show how many of many long steps are done and about when all will be; give a function that is told of each."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("about"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    shown = console.is_terminal
    # The speed is that since the start: a step may take longer than the seconds that are usually looked back.
    with Progress(*columns, console=console, transient=True, disable=not shown, speed_estimate_period=math.inf) as bar:
        task = bar.add_task("", total=None)

        def tell(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total)
            if what:
                console.print(f"[{done}/{total}] {what}")

        yield tell


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose a data set."""
    from pathlib import Path

    parser.add_argument("--dataset", default="synthetic", help="name of the data set (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="folder or file of the data; none for the synthetic catalogue")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="settings",
        help="a training setting, e.g. epochs=30; may be given several times",
    )


def add_size_arguments(parser: argparse.ArgumentParser, default: str, recipe: str) -> None:
    """Add the arguments that say how large the embedding may be.

    Args:
        parser: parser of the command.
        default: the ratio that is used if nothing is said, for the help text.
        recipe: option that names the recipe of a budget.
    """
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--ratio", type=float, help=f"compression of the embedding (default: {default})")
    either.add_argument(
        "--budget", metavar="SIZE", help="bytes the encoded embedding may take, e.g. 300kB, instead of a ratio"
    )
    parser.add_argument(recipe, help="recipe that the budget is counted in (default: int8)")


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose the output layer and its size."""
    parser.add_argument("--output", default="dense", metavar="NAME", help="output layer (default: %(default)s)")
    parser.add_argument(
        "--output-ratio",
        type=float,
        default=1.0,
        metavar="RATIO",
        help="bytes of the dense output layer as float32 over those of the output layer as int8 (default: as large as "
        "the layer can be)",
    )
    parser.add_argument(
        "--output-option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="output_options",
        help="a field of the output layer, e.g. bias=false; may be given several times",
    )


def add_teacher_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that let a model start or learn from a trained one."""
    from pathlib import Path

    parser.add_argument("--teacher", type=Path, metavar="RUN", help="run folder of a trained model of the same data")
    parser.add_argument(
        "--warm-start", action="store_true", help="start as near to the teacher as tables and output layer allow"
    )
    parser.add_argument(
        "--teacher-order", action="store_true", help="order the ids by the teacher's vectors, not by item factors"
    )
    parser.add_argument(
        "--distillation",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of the loss that comes from the teacher's scores, 0 to 1 (default: %(default)s)",
    )
    parser.add_argument(
        "--quantize-aware",
        default="",
        metavar="RECIPE",
        help="recipe whose encoding training knows of, for 4 bits and less, after a warm start",
    )


def parse_budget(text: str | None) -> int | None:
    """Return the bytes of a budget, if there is one.

    Raises:
        UsageError: it is no size.
    """
    return None if text is None else parse_bytes("budget", text)


def parse_settings(pairs: list[str]) -> dict[str, Any]:
    """Turn `NAME=VALUE` words into training settings.

    Raises:
        UsageError: a word is not of this form, the name is unknown or the value no number.
    """
    from ondevice.training.config import check_setting

    settings: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise UsageError(f"setting is {pair!r}; allowed is NAME=VALUE, e.g. epochs=30.")
        kind = check_setting(name)
        try:
            settings[name] = kind(text)
        except ValueError as error:
            raise UsageError(f"setting {name} is {text!r}; allowed is a value of type {kind.__name__}.") from error
    return settings


def parse_search(pairs: list[str]) -> dict[str, tuple[int | float | str, ...]]:
    """Turn `NAME=VALUE,VALUE` words into the values to choose from by training setting.

    Raises:
        UsageError: a word is not of this form, the name is unknown or given twice, or a value is no number.
    """
    search: dict[str, tuple[int | float | str, ...]] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        if name in search:
            raise UsageError(f"setting {name} is to be searched twice; allowed is once, with all its values.")
        search[name] = tuple(parse_settings([f"{name}={value}"])[name] for value in text.split(","))
    return search
