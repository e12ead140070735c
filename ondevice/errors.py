"""The errors a user can meet: one sentence that names the field, what came and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_BUDGET = 3


class OnDeviceError(Exception):
    """Something failed: a file is broken, a runtime refused, a check did not hold."""

    exit_code = EXIT_FAILED


class UsageError(OnDeviceError):
    """The request itself is wrong: an unknown name, a value outside its range, a missing file."""

    exit_code = EXIT_USAGE


def unknown_name(kind: str, name: str, choices: Iterable[str]) -> UsageError:
    """Build the error for a name that is not among the choices, with the nearest one as a suggestion.

    Args:
        kind: what the name should have named, e.g. `"method"`.
        name: what came.
        choices: the names that are allowed.
    """
    known = sorted(choices)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f", did you mean {near[0]!r}?" if near else "."
    return UsageError(f"unknown {kind} {name!r}{hint} Choose one of: {', '.join(known)}.")
