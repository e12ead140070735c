"""What is asked of each table: settings for all, and others for those that a pattern names."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ondevice.compression.order import order_names
from ondevice.embeddings.method import registry as methods
from ondevice.embeddings.method import require
from ondevice.errors import UsageError, unknown_name
from ondevice.quantize.scheme import registry as schemes

KEEP = "keep"
"""Instead of a method: the table stays as it is."""


@dataclass(frozen=True)
class Settings:
    """What is asked of one table.

    Args:
        method: name of the method, or `"keep"`.
        ratio: parameters of the table over parameters stored; None where a budget decides.
        order: name of the id order, `"vectors"` for the one that the trained vectors give; the method's without it.
        scheme: name of the scheme that export encodes its tables with; that of the recipe without it.
        options: further fields of the method.

    Raises:
        UsageError: a name is unknown or the ratio out of range.
    """

    method: str
    ratio: float | None = None
    order: str = ""
    scheme: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what, value, allowed in (
            ("method", self.method, [KEEP, *methods.names()]),
            ("order", self.order, ["", *order_names()]),
            ("scheme", self.scheme, ["", *schemes.names()]),
        ):
            if value not in allowed:
                raise unknown_name(what, value, [name for name in allowed if name])
        number = isinstance(self.ratio, (int, float)) and not isinstance(self.ratio, bool)
        fine = self.ratio is None or (number and 1 <= self.ratio < math.inf)
        require("ratio", self.ratio, fine, "a number of at least 1")


def settings_of(
    names: Iterable[str], general: Settings, config: Mapping[str, Any] | None
) -> tuple[dict[str, Settings], set[str]]:
    """Return what is asked of each layer.

    Args:
        names: names of the layers.
        general: what is asked of those that no pattern names.
        config: by pattern, a regular expression of the whole name: `"keep"`, the name of a method, or fields of
            `Settings`. Of several that match the last one counts.

    Returns:
        the settings by name, and the names that stand there in full: what can't be done for one of these is an error,
        where other tables stay and the report says why.

    Raises:
        UsageError: a pattern matches no layer, or a field is unknown or out of range.
    """
    names = list(names)
    found, named = dict.fromkeys(names, general), set()
    for pattern, given in (config or {}).items():
        try:
            hits = [name for name in names if re.fullmatch(pattern, name)]
        except re.error as error:
            raise UsageError(f"config names {pattern!r}, which is no regular expression: {error}.") from error
        if not hits:
            raise UsageError(f"config names {pattern!r}, which no table has; allowed are {', '.join(names)}.")
        fields = {"method": given} if isinstance(given, str) else given
        if not isinstance(fields, Mapping):
            raise UsageError(f"config of {pattern!r} is {given!r}; allowed is a name or a table of fields.")
        known = [entry.name for entry in dataclasses.fields(Settings)]
        for name in fields:
            if name not in known:
                raise unknown_name(f"field of {pattern!r} in config", name, known)
        found |= {name: dataclasses.replace(general, **fields) for name in hits}
        named |= {pattern} & set(names)
    return found, named
