"""Numbers as people read and write them: the only formatter of sizes, times, counts, ratios and percentages.

Sizes are decimal (1 kB = 1,000 bytes, 1 MB = 1,000,000 bytes), as app stores, download budgets and published
model sizes count them.
"""

from __future__ import annotations

import math
import re

from ondevice.errors import UsageError

_SIZE_UNITS = ("B", "kB", "MB", "GB", "TB")
_COUNT_UNITS = ("", "k", "M", "G", "T")


def format_bytes(size_bytes: int) -> str:
    """Format a size with three digits, e.g. `'1.23 MB'`; below 1 kB the exact number, e.g. `'828 B'`.

    Args:
        size_bytes: bytes, 0 or more.
    """
    if size_bytes < 0:
        raise ValueError(f"size_bytes must not be negative, got {size_bytes}.")
    if size_bytes < 1000:
        return f"{size_bytes} B"
    value, power = _scaled(size_bytes, len(_SIZE_UNITS))
    return f"{_three_digits(value)} {_SIZE_UNITS[power]}"


def parse_bytes(field: str, text: str) -> int:
    """Read a size, e.g. `'150000'`, `'300kB'` or `'1.5 MB'`, large or small letters alike.

    Args:
        field: what the size is of, for the message.
        text: a number of bytes, or of one of the units that sizes are printed in.

    Raises:
        UsageError: it is no size of at least one byte.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([a-z]*)", text.strip().lower(), re.ASCII)
    units = {"": 0, **{unit.lower(): power for power, unit in enumerate(_SIZE_UNITS)}}
    if found and found[2] in units and (size := round(float(found[1]) * 1000 ** units[found[2]])) >= 1:
        return size
    raise UsageError(f"{field} is {text!r}; allowed is a size of at least one byte, e.g. 150000, 300kB or 2MB.")


def format_at_most(ratio: float) -> str:
    """Return a ratio in decimals, rounded down to two of them: who asks for it as it is written can have it."""
    return f"{math.floor(ratio * 100) / 100:.2f}".rstrip("0").rstrip(".")


def counted(count: int, what: str) -> str:
    """Return a count with its noun, in the plural where it is not one."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def format_ratio(ratio: float) -> str:
    """Format how many times smaller something became, e.g. `'12.8x'`.

    Args:
        ratio: before divided by after.
    """
    return f"{_three_digits(ratio)}x"


def format_milliseconds(time_ms: float) -> str:
    """Format a duration, e.g. `'0.034 ms'`, `'2.60 ms'`, `'1234 ms'`.

    Args:
        time_ms: milliseconds, 0 or more.
    """
    return f"{time_ms:.3f} ms" if time_ms < 0.9995 else f"{_three_digits(time_ms)} ms"


def format_percent(change: float) -> str:
    """Format a relative change with its sign, e.g. `'-1.40%'`, `'+0.03%'`, `'0.00%'`.

    Args:
        change: the change as a fraction, -0.014 for 1.4 percent less.
    """
    text = f"{100 * change:+.2f}%"
    # A change that rounds to nothing has no direction.
    return "0.00%" if text in ("+0.00%", "-0.00%") else text


def format_setting(value: int | float | str) -> str:
    """Format the value of a training setting, e.g. `'0.02'`, `'18'`, `'amsgrad'`."""
    return value if isinstance(value, str) else f"{value:g}"


def format_count(count: int) -> str:
    """Format a large number of things with three digits, e.g. `'3.76 M'`; below 1,000 the exact number.

    Args:
        count: how many, 0 or more.
    """
    if count < 1000:
        return str(count)
    value, power = _scaled(count, len(_COUNT_UNITS))
    return f"{_three_digits(value)} {_COUNT_UNITS[power]}"


def format_share(share: float) -> str:
    """Format a part of a whole without sign, e.g. `'98.7%'`.

    Args:
        share: the part as a fraction, 0 to 1.
    """
    return f"{100 * share:.1f}%"


def format_decibels(ratio_db: float) -> str:
    """Format a ratio of powers, e.g. `'48.3 dB'`.

    Args:
        ratio_db: 10 times its decimal logarithm.
    """
    return f"{ratio_db:.1f} dB"


def _scaled(number: int, units: int) -> tuple[float, int]:
    """Return a number in the largest of several units, each a thousand of the one before, and which unit that is."""
    value, power = float(number), 0
    # 999.5 kB would be printed as "1000 kB", so the next unit starts where rounding reaches it.
    while value >= 999.5 and power < units - 1:
        value, power = value / 1000, power + 1
    return value, power


def _three_digits(value: float) -> str:
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
