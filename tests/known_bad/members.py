"""What a member of the known-bad suite is: how it is made, and which checks must reject it on which runtime."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from ondevice.bundle import MODEL_FILE
from ondevice.training.run_folder import Run
from tests.known_bad.model_edits import Graph, edited

Verdict = Mapping[str, frozenset[str]]
"""By runtime, the checks that must fail there, all of them and no others; none where the runtime gets it right."""

FAMILIES = ("bad_tables", "bad_layers", "bad_conversions", "bad_answers", "bad_constants", "bad_files")


@dataclass(frozen=True)
class Copy:
    """A copy of a good bundle, to be broken.

    Args:
        folder: the bundle's folder.
        run: the run that the good bundle was exported from; None where that was a model of one's own.
    """

    folder: Path
    run: Run | None

    @property
    def model(self) -> Path:
        """Path of the `.tflite` file."""
        return self.folder / MODEL_FILE

    def graph(self) -> AbstractContextManager[Graph]:
        """Give the graph, and write it back after the block."""
        return edited(self.model)


@dataclass(frozen=True)
class Member:
    """One known-bad bundle.

    Args:
        name: what is wrong with it.
        good: name of the good bundle that it is made of.
        breaks: breaks a copy; says in its docstring what happens and why nobody notices.
        expected: the verdict on a device that has none of its own.
        on: the verdict by device, where it differs.
        options: options of the validation that the defect needs to show; the good bundle passes with them, too.
        with_run: whether the validation is given the run, for the task metric.
        sealed: whether the manifest describes the constants as they are after the break.
        refused: if not empty, what the error says with which the bundle is not even opened.
    """

    name: str
    good: str
    breaks: Callable[[Copy], None]
    expected: Verdict
    on: Mapping[str, Verdict] = field(default_factory=dict)
    options: Mapping[str, float] = field(default_factory=dict)
    with_run: bool = False
    sealed: bool = True
    refused: str = ""

    @property
    def family(self) -> str:
        """Name of the module that it is declared in."""
        return self.breaks.__module__.rpartition(".")[2]

    def verdict(self, device: str) -> Verdict:
        """Return the checks that must fail on a device, by runtime."""
        return self.on.get(device, self.expected)


MEMBERS: dict[str, Member] = {}


def verdict(old: str = "", new: str = "") -> Verdict:
    """Return a verdict from the checks, separated by commas, that fail on tflite-2.14 and on LiteRT."""
    by_runtime = {"tflite-2.14": old, "litert": new}
    return {runtime: frozenset(filter(None, checks.split(", "))) for runtime, checks in by_runtime.items()}


def everywhere(checks: str) -> Verdict:
    """Return a verdict that is the same on every runtime."""
    return verdict(old=checks, new=checks)


def known_bad(
    good: str, expected: Verdict, **settings: object
) -> Callable[[Callable[[Copy], None]], Callable[[Copy], None]]:
    """Declare a known-bad bundle; the function's name is its name.

    Args:
        good: name of the good bundle that it is made of.
        expected: the verdict.
        settings: further fields of `Member`.
    """

    def declare(breaks: Callable[[Copy], None]) -> Callable[[Copy], None]:
        name = breaks.__name__.replace("_", " ")
        assert name not in MEMBERS, name
        MEMBERS[name] = Member(name, good, breaks, expected, **settings)
        return breaks

    return declare


def all_members() -> Mapping[str, Member]:
    """Import every family and return the members by name."""
    for family in FAMILIES:
        importlib.import_module(f"tests.known_bad.{family}")
    return MEMBERS
