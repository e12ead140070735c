"""Numbers are printed the same way everywhere, also where rounding carries into the next digit or unit."""

import pytest

from ondevice import units
from ondevice.errors import UsageError


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9_994, "9.99 kB"),
        (9_996, "10.0 kB"),
        (99_960, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (1_234_567, "1.23 MB"),
        (256_000_000, "256 MB"),
        (5_000_000_000, "5.00 GB"),
        (7_000_000_000_000_000, "7000 TB"),
    ],
)
def test_sizes(size_bytes: int, text: str) -> None:
    assert units.format_bytes(size_bytes) == text


def test_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        units.format_bytes(-1)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("1", 1),
        ("150000", 150_000),
        ("300kB", 300_000),
        ("300KB", 300_000),
        (" 2 MB ", 2_000_000),
        ("0.57MB", 570_000),
        ("1.5gb", 1_500_000_000),
        ("828 B", 828),
    ],
)
def test_sizes_are_read_as_they_are_printed(text: str, size_bytes: int) -> None:
    assert units.parse_bytes("budget", text) == size_bytes


@pytest.mark.parametrize(
    "text", ["", "kB", "0", "0.0004kB", "-3kB", "300 k", "300KiB", "3e5", "nan", "1,5MB", "3MB4", "٣kB"]
)
def test_what_is_no_size_is_named(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        units.parse_bytes("budget", text)
    assert str(raised.value) == (
        f"budget is {text!r}; allowed is a size of at least one byte, e.g. 150000, 300kB or 2MB."
    )


@pytest.mark.parametrize(("ratio", "text"), [(1, "1.00x"), (12.84, "12.8x"), (40, "40.0x"), (99.96, "100x")])
def test_ratios(ratio: float, text: str) -> None:
    assert units.format_ratio(ratio) == text


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [(0.0344, "0.034 ms"), (0.9996, "1.00 ms"), (2.6, "2.60 ms"), (12.34, "12.3 ms"), (1234.4, "1234 ms")],
)
def test_durations(time_ms: float, text: str) -> None:
    assert units.format_milliseconds(time_ms) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1000, "1.00 k"), (999_600, "1.00 M"), (3_762_345, "3.76 M"), (12_340_000_000, "12.3 G")],
)
def test_counts(count: int, text: str) -> None:
    assert units.format_count(count) == text


@pytest.mark.parametrize(
    ("change", "text"),
    [(-0.014, "-1.40%"), (0.0031, "+0.31%"), (0.0, "0.00%"), (-0.00004, "0.00%"), (1.5, "+150.00%")],
)
def test_changes_carry_their_sign(change: float, text: str) -> None:
    assert units.format_percent(change) == text


@pytest.mark.parametrize(("share", "text"), [(0.0, "0.0%"), (0.9871, "98.7%"), (1.0, "100.0%")])
def test_shares_have_no_sign(share: float, text: str) -> None:
    assert units.format_share(share) == text
