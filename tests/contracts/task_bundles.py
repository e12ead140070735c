"""What the tests of bundles of a task share: exporting once, and what is found without running the file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from ondevice.bundle import Bundle, open_bundle
from ondevice.pipeline.export_run import export_run
from ondevice.training.run_folder import Run
from ondevice.validation.vocabulary import vocabulary_failures

Exporting = Callable[[str, str], tuple[Run, Bundle]]


def exporter(tiny_run: Callable[[str], Run], root: Path) -> Exporting:
    """Return a function that exports a variant with a recipe at its first call and remembers it."""
    made: dict[str, tuple[Run, Bundle]] = {}

    def make(variant: str, recipe: str) -> tuple[Run, Bundle]:
        if variant not in made:
            run = tiny_run(variant)
            made[variant] = run, export_run(run.folder, root / variant.replace(" ", "-"), recipe=recipe)
        return made[variant]

    return make


def copied(bundle: Bundle, folder: Path) -> Path:
    """Return a copy of a bundle, to be changed."""
    return Path(shutil.copytree(bundle.folder, folder / "bundle"))


def failed_checks(folder: Path) -> set[str]:
    """Return what is found without running the file."""
    return {failure.check for failure in vocabulary_failures(open_bundle(folder))}
