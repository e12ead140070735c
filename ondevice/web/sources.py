"""Where the sources of the pages are, and how they get into a folder that is served."""

from __future__ import annotations

import shutil
from pathlib import Path

PAGE = Path(__file__).parent / "page"
"""The page for people: one HTML file, its style and its modules."""

RUNNER = Path(__file__).parent / "runner"
"""What is laid over the page where a browser is used as a device: another HTML file and a module."""


def copy_sources(source: Path, folder: Path) -> None:
    """Copy the sources of a page, over what is there.

    Args:
        source: `PAGE` or `RUNNER`.
        folder: an existing folder.
    """
    for path in sorted(source.iterdir()):
        shutil.copyfile(path, folder / path.name)
