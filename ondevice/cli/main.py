"""The command line: one sub-command per file of `commands/`, found by its file name."""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import os
import pkgutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NoReturn

from ondevice.cli import commands
from ondevice.errors import EXIT_FAILED, EXIT_USAGE, OnDeviceError, escaped
from ondevice.version import __version__

INTERRUPTED, PIPE_CLOSED, TERMINATED = 130, 141, 143
"""What a shell gives a program that was stopped by Ctrl-C, by a reader who has enough, and by `kill`."""
LONGEST = 300
"""Characters of an unexpected error that are shown."""


def command_modules() -> dict[str, ModuleType]:
    """Import every command; they are light, what they need they import when run."""
    names = sorted(module.name for module in pkgutil.iter_modules(commands.__path__))
    return {name: importlib.import_module(f"{commands.__name__}.{name}") for name in names}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"{self.prog}: error: {message}\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse unknown arguments here, where the command is known; argparse leaves them to the main parser."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown


def make_parser() -> argparse.ArgumentParser:
    """Build the parser from the command files."""
    parser = _Parser(
        prog="ondevice",
        description="Train recommenders with compressed embeddings, convert them to TFLite and prove that they work.",
        epilog="Start with `ondevice run`. `ondevice COMMAND --help` says more about a command.",
    )
    parser.add_argument("--version", action="version", version=f"ondevice {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in command_modules().items():
        summary, _, details = (module.__doc__ or "").partition("\n")
        subparser = subparsers.add_parser(
            name.replace("_", "-"), help=summary, description=summary, epilog=details.strip() or None
        )
        module.add_arguments(subparser)
        subparser.add_argument(
            "-v", "--verbose", dest="traced", action="store_true", help="show where an error came from"
        )
        subparser.set_defaults(run=module.run, resumes=getattr(module, "RESUMES", False))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 2 wrong usage, 3 a stated budget missed."""
    for stream in (sys.stdout, sys.stderr):
        # Names in files may hold what a terminal or a file of another encoding can't.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    parsed = make_parser().parse_args(arguments)
    _set_up()
    try:
        code = int(parsed.run(parsed))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read has enough; what is still to be written at the end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt as stop:
        goes_on = "; the same command goes on from here" if parsed.resumes else ""
        terminated = isinstance(stop, _Terminated)
        print(f"ondevice: {'terminated' if terminated else 'interrupted'}{goes_on}.", file=sys.stderr)
        return TERMINATED if terminated else INTERRUPTED
    except Exception as error:  # noqa: BLE001 - nobody who types a command is to read a traceback unasked
        if parsed.traced:
            traceback.print_exc()
        print(f"ondevice: {escaped(_sentence(error))}", file=sys.stderr)
        return error.exit_code if isinstance(error, OnDeviceError) else EXIT_FAILED


def _sentence(error: Exception) -> str:
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return "there is not enough memory for this; smaller data or fewer at once take less."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        return f"no space is left on the disk of the output or of temporary files, {tempfile.gettempdir()}."
    if isinstance(error, (OnDeviceError, OSError)):
        # Of a file or folder that can't be read or written the system's words are enough.
        return str(error)
    said = " ".join(str(error).split())[:LONGEST]
    return f"unexpected {type(error).__name__}: {said or 'no more is known'}; with -v it is shown where this came from."


class _Terminated(KeyboardInterrupt):
    """The process was asked to end, as by Ctrl-C."""


def _set_up() -> None:
    """Let a request to end be one to clean up, and keep other projects' settings of Keras out."""

    def terminate(number: int, frame: object) -> NoReturn:
        raise _Terminated

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, terminate)
    # TensorFlow and Keras read these when they are first imported, which only some commands do. Files are made of
    # TensorFlow's graphs of float32, whatever other projects have Keras use.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["KERAS_HOME"] = os.devnull
