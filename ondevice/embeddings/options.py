"""Options of methods and output layers as people give them, checked against the fields of the member."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ondevice.errors import UsageError

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def check_options(options: Mapping[str, Any], kind: type[Any], whose: str) -> set[str]:
    """Refuse options that are not fields of a member or of another type; return the names of those that may be.

    Args:
        options: the options.
        kind: the member: a method, or another dataclass whose size is asked for apart.
        whose: what the message calls it.

    Raises:
        UsageError: an option is not one of its fields or of another type.
    """
    # A field without a default is what the ratio decides.
    allowed = {
        entry.name: entry.default for entry in dataclasses.fields(kind) if entry.default is not dataclasses.MISSING
    }
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        has = f"it has {', '.join(sorted(allowed))}" if allowed else "it has none"
        raise UsageError(f"option {unknown[0]!r} is not known to {whose}; {has}.")
    for name, value in options.items():
        wanted = type(allowed[name])
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise UsageError(f"option {name} is {value!r}; allowed is {_KINDS[wanted]}.")
    return set(allowed)
