"""Processes that are never left behind: limited in time, and ended with whoever started them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

POLL_S = 0.1

Thing = TypeVar("Thing")
Done = TypeVar("Done")


def run_limited(command: Sequence[str], output: Path, errors: Path, overdue: Callable[[float], bool]) -> int | None:
    """Run a command and return its exit code, or None when it had to be stopped; no process is ever left.

    Args:
        command: program and arguments.
        output: file for what it writes to its output stream.
        errors: file for what it writes to its error stream.
        overdue: asked again and again with the seconds since the start; true stops the command.
    """
    process = None
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        try:
            start = time.monotonic()
            with _interrupt_deferred():
                # A session of its own: one signal reaches the process and all its children, and none of ours.
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True
                )
            while not overdue(time.monotonic() - start):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(POLL_S)
            return None
        finally:
            # Also on KeyboardInterrupt. Once waited for, the number may belong to another process.
            if process is not None and process.poll() is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def beside(
    work: Callable[[Thing, Callable[[], bool]], Done], things: Sequence[Thing], at_once: int | None = None
) -> list[Done]:
    """Do some work on things in threads beside each other and return what it gives, in order.

    Args:
        work: the work on one thing; it ends soon after what it is given besides, asked again and again, is true.
        things: what is worked on.
        at_once: how many at a time, at most.
    """
    cancelled = threading.Event()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            return list(pool.map(lambda thing: work(thing, cancelled.is_set), things))
        finally:
            # Also on KeyboardInterrupt: the pool waits for its threads, and they for the processes.
            cancelled.set()


@contextlib.contextmanager
def _interrupt_deferred() -> Iterator[None]:
    """Let an interrupt wait until the block is done.

    One that came while a process is being started would leave the process behind, with nobody who knows its number.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        before(signal.SIGINT, None)
