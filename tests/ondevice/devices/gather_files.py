"""A table whose rows tell their ids, files that gather from it, and a look at living processes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ondevice.devices.device import Job

ROWS, WIDTH, LENGTH = 4_000, 64, 50
TABLE = np.arange(ROWS * WIDTH, dtype=np.float32).reshape(ROWS, WIDTH)
EVERY_ID = np.arange(ROWS, dtype=np.int32).reshape(-1, LENGTH)


def convert(folder: Path, **functions: Any) -> bytes:
    """Convert functions to a file with one signature each, as the project's own files are made."""
    import tensorflow as tf

    module = tf.Module()
    module.functions = functions
    tf.saved_model.save(module, str(folder), signatures=functions)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=list(functions))
    return bytes(converter.convert())


def job(model: Path, runtime: str, **changes: Any) -> Job:
    return Job(model, runtime, "recommend", **({"inputs": {"ids": EVERY_ID}} | changes))


def processes(folder: Path, program: str = "") -> list[int]:
    """Return the numbers of the living processes of a program that were started with a path in this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        # A process may end between being listed and being read.
        with contextlib.suppress(OSError):
            words = entry.read_bytes()
            if str(folder).encode() in words and program.encode() in words.split(b"\0")[0]:
                found.append(int(entry.parent.name))
    return found


def when_running(
    scratch: Path, do: Callable[[int], None], find: Callable[[Path], list[int]] = processes
) -> threading.Thread:
    """Start a thread that waits until `find` finds processes and calls `do` with the number of the first."""

    def watch() -> None:
        deadline = time.monotonic() + 30
        while not (found := find(scratch)) and time.monotonic() < deadline:
            time.sleep(0.01)
        do(found[0])

    thread = threading.Thread(target=watch)
    thread.start()
    return thread
