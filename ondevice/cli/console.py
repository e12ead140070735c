"""What commands share on the terminal: talk goes to the error stream, results to the output stream."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import inspect
import math
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ondevice.errors import UsageError
from ondevice.units import parse_bytes

if TYPE_CHECKING:
    from rich.console import Console

    from ondevice.training.config import TrainConfig

WIDTH_WITHOUT_TERMINAL = 120


def results() -> Console:
    """Return the console for results, on the output stream."""
    return _console(sys.stdout)


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    # Everything as it is: brackets and colons in a path are no markup and no emoji.
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def arguments_of(function: Callable[..., Any], arguments: argparse.Namespace) -> dict[str, Any]:
    """Return those of a command's arguments that a function has, too."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in vars(arguments).items() if name in known}


def command_line() -> str:
    """Return the command as it was typed, for reports."""
    return " ".join(["ondevice", *(shlex.quote(word) for word in sys.argv[1:])])


@contextlib.contextmanager
def talk() -> Iterator[Console]:
    """Give the console for progress and remarks, on a copy of the error stream that native silence spares."""
    with os.fdopen(os.dup(2), "w", buffering=1) as stream:
        yield _console(stream)


@contextlib.contextmanager
def training_progress(console: Console) -> Iterator[tuple[Callable[[int, int, float], None], Callable[[str], None]]]:
    """Show a progress bar while training; give a function for the progress and one for the description."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[epoch]}"), TimeElapsedColumn())
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


TABLE = {
    "user": "column of the user (default: the one that is named so)",
    "item": "column of the item (default: the one that is named so)",
    "time": "column of the time, a number or a date (default: the one that is named so; none for no time)",
    "rating": "column of the rating, of use beside --min-rating (default: the one that is named so)",
    "min-rating": "lowest rating that counts (default: every row counts)",
    "title": "column of what an item is called (default: the one that is named so; none for no titles)",
    "split": "last-out, time:DATE, time:10%%, random:10%% or given (default: last-out, without times random:10%%)",
    "separator": "what stands between two values of a text (default: a comma in .csv, else a tab)",
    "names": "names of the columns with commas between, for a text whose first line does not say them",
}
"""Arguments of a table, one row for each thing that a user did: which column is what, and what becomes of the rows."""

DATA = ("--dataset", "--data", "--set", *(f"--{name}" for name in TABLE))
OUTPUT = ("--output", "--output-ratio", "--output-option")


def add_training_arguments(parser: argparse.ArgumentParser, names: Sequence[str] = ()) -> None:
    """Add the arguments that say a field of `TrainConfig`, or only some of them; `--set` says any of many."""

    def add(name: str, says: str, **how: Any) -> None:
        if not names or name in names:
            parser.add_argument(name, help=says, **how)

    pairs: dict[str, Any] = {"action": "append", "default": [], "metavar": "NAME=VALUE"}
    several = "may be given several times"
    add("--dataset", "name of the data set (default: what the data look like, without data synthetic)")
    add("--data", "folder or file of the data; none for the synthetic catalogue", type=Path)
    for name, says in TABLE.items():
        add(f"--{name}", f"of a table: {says}", type=float if name == "min-rating" else str)
    add("--set", f"a training setting, e.g. epochs=30; {several}", dest="settings", **pairs)
    add("--method", "embedding method (default: %(default)s)", default="memcom")
    add("--order", "id order (default: %(default)s)", default="semantic")
    options = "a field of the method, e.g. bias=true or operation=concat"
    add("--option", f"{options}; {several}", dest="options", **pairs)
    add("--output", "output layer (default: %(default)s)", default="dense", metavar="NAME")
    ratio = "bytes of the dense output layer as float32 over those of the output layer as int8"
    add("--output-ratio", f"{ratio} (default: as large as the layer can be)", type=float, metavar="RATIO")
    add("--output-option", f"a field of the output layer, e.g. bias=false; {several}", dest="output_options", **pairs)
    add("--teacher", "run folder of a trained model of the same data", type=Path, metavar="RUN")
    add("--warm-start", "start as near to the teacher as tables and output layer allow", action="store_true")
    add("--teacher-order", "order the ids by the teacher's vectors, not by item factors", action="store_true")
    share = "share of the loss that comes from the teacher's scores, 0 to 1 (default: %(default)s)"
    add("--distillation", share, type=float, default=0.0, metavar="SHARE")
    aware = "recipe whose encoding training knows of, for 4 bits and less, after a warm start"
    add("--quantize-aware", aware, metavar="RECIPE")
    add("--seed", "seed of everything random (default: %(default)s)", type=int, default=0)


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
    parser.add_argument(recipe, dest="budget_recipe", help="recipe that the budget is counted in (default: int8)")


def configured(arguments: argparse.Namespace) -> TrainConfig:
    """Build the settings of a training from a command's arguments.

    Raises:
        UsageError: a word is of another form, a name is unknown or a value is out of range.
    """
    from ondevice.pipeline.train import configure, parse_options
    from ondevice.training.config import TrainConfig

    words = vars(arguments)
    names = [field.name for field in dataclasses.fields(TrainConfig)] + [name.replace("-", "_") for name in TABLE]
    given = {name: words[name] for name in names if words.get(name) is not None}
    if arguments.budget is not None:
        given["budget_bytes"] = parse_bytes("budget", arguments.budget)
    given |= {name: parse_options(given[name]) for name in ("options", "output_options") if name in given}
    return configure(**{**given, **parse_settings(arguments.settings)})


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
