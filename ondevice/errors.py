"""The errors a user can meet: one sentence that names the field, what came and what is allowed."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_BUDGET = 3
LONGEST_NAME = 160
"""Characters of a name that a sentence repeats."""


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


def escaped(text: str) -> str:
    """Return a text from a file as one line that can be shown: what a terminal would obey is spelled out.

    Args:
        text: the text.
    """
    if text.isprintable():
        return text
    # Blanks of other widths are not printable for Python, and harmless.
    return "".join(
        each if each.isprintable() or unicodedata.category(each) == "Zs" else each.encode("unicode_escape").decode()
        for each in text
    )


def quoted(name: str) -> str:
    """Return a name from a file for a sentence: escaped, cut where it is very long, and in quotes.

    Args:
        name: the name.
    """
    return f"'{escaped(name[:LONGEST_NAME])}{'...' if len(name) > LONGEST_NAME else ''}'"
