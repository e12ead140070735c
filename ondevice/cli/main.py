"""The command line: one sub-command per file of `commands/`, found by its file name."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NoReturn

from ondevice.cli import commands
from ondevice.errors import EXIT_FAILED, EXIT_USAGE, OnDeviceError
from ondevice.version import __version__

INTERRUPTED = 130
"""What a shell gives a program that was stopped by Ctrl-C."""


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
        subparser.set_defaults(run=module.run, resumes=getattr(module, "RESUMES", False))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 2 wrong usage, 3 a stated budget missed."""
    parsed = make_parser().parse_args(arguments)
    # TensorFlow reads these when it is first imported, which only some commands do.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        return int(parsed.run(parsed))
    except OnDeviceError as error:
        print(f"ondevice: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        # A file or folder that can't be read or written; the system's words name it.
        print(f"ondevice: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        goes_on = "; the same command goes on from here" if parsed.resumes else ""
        print(f"ondevice: interrupted{goes_on}.", file=sys.stderr)
        return INTERRUPTED
