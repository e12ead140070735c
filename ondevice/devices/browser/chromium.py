"""Chromium without a window: finding it, opening pages in it, and what became of one."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondevice.devices.guest import tools

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
"""What keeps the browser from talking to anybody but the page's server; the library turns the sandbox off."""

CRASHED = "the browser's process of the page died; it also does so when memory runs out"
POLL_MS = 20
START_S = 60


@dataclass(frozen=True)
class Ending:
    """What became of a page: `"done"`, or the status of a measurement with what there is to say."""

    status: str
    message: str = ""


def program() -> str | None:
    """Return the path of the browser, or None."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


def missing() -> str:
    """Say what keeps the browser from being driven and what to do about it; empty if nothing does."""
    if program() is None:
        return f"Chromium is not installed; run: {tools.install_command(['chromium'])}"
    if importlib.util.find_spec("playwright") is None:
        return "playwright, which drives the browser, is not installed; run: pip install playwright"
    return ""


def version() -> str:
    """Return the browser's name and version, or that there is none."""
    found = program()
    return _version(found) if found else "not installed"


@functools.cache
def _version(path: str) -> str:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, errors="replace", check=False)
    found = re.search(r"^\D*[\d.]+", done.stdout.strip())
    return found[0] if found else "unknown"


@contextlib.contextmanager
def browser(**options: Any) -> Iterator[BrowserContext]:
    """Give a browser with a profile of its own; neither is left behind.

    Args:
        options: of the library's `launch_persistent_context`, e.g. the size of the window.
    """
    from playwright.sync_api import sync_playwright

    with (
        tempfile.TemporaryDirectory(prefix="ondevice-browser-", ignore_cleanup_errors=True) as profile,
        sync_playwright() as library,
    ):
        opened = library.chromium.launch_persistent_context(
            Path(profile),
            executable_path=program(),
            args=FLAGS,
            timeout=START_S * 1e3,
            **options,
        )
        try:
            yield opened
        finally:
            opened.close()


def visit(url: str, done: Callable[[], bool], limit_s: float, cancelled: Callable[[], bool]) -> Ending:
    """Open a page in a browser of its own and wait until it is done, breaks down or takes too long.

    Args:
        url: address of the page.
        done: whether the page has brought its result.
        limit_s: seconds it may take.
        cancelled: asked again and again; true ends the visit.
    """
    from playwright.sync_api import Error

    crashes: list[object] = []
    try:
        with browser() as opened:
            page = opened.pages[0]
            page.on("crash", lambda page: crashes.append(page))
            start = time.monotonic()
            page.goto(url, wait_until="commit")
            while not done():
                if crashes:
                    return Ending("crashed", CRASHED)
                if cancelled() or time.monotonic() - start > limit_s:
                    return Ending("timed out", f"no result within {limit_s:g} s")
                page.wait_for_timeout(POLL_MS)
            return Ending("done")
    except Error as error:
        said, *logs = error.message.strip().splitlines()
        own = [line.partition("[err] ")[2].strip() for line in logs if "[err] " in line]
        said += f": {own[-1]}" if own else ""
        # Of a process that dies early the library tells in the middle of what it is asked.
        if crashes or "crashed" in said:
            return Ending("crashed", CRASHED)
        return Ending("device failed", f"the browser broke down: {said}")
