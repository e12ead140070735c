"""Path-based: an id's quotient chooses a row, its remainder the small network that the row goes through."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from typing_extensions import Self

from ondevice.embeddings.method import Method, Rows, Table, out_of_reach, require
from ondevice.embeddings.ops import Ops
from ondevice.embeddings.sharing import run_of
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS, UNKNOWN_ID


@dataclass(frozen=True)
class PathBased(Method):
    """`f_j(Q[i // c])` with `j = i mod c` (Shi et al., KDD 2020): stores `m * e + c * (2 * e * h + h + e)` numbers.

    Each of the `c` functions is a network with one hidden layer of `h` units, `f_j(x) = relu(x A_j + a_j) B_j + b_j`.
    For `n` items the `m` rows of Q are runs of neighbours as in `quotient_remainder`, where `m * c >= n` suffices.
    Padding and unknown have two more rows of Q, and a function together. In the paper the functions never gave a better
    model than multiplying two rows; they cost far more, too.

    The rows start like an ordinary embedding, the biases at zero and the weights such that vectors keep their size on
    average: with the standard deviation `1 / sqrt(e)` in front of the hidden units and `sqrt(2 / h)` behind them, since
    a rectifier lets half of the square through.

    Args:
        collisions: functions for items, and the most items that share a row, `c`.
        rows: rows of Q for items, `m`; the paper's number is `ceil(n / c)`.
        hidden: hidden units per function, `h`; 0 for a quarter of the width.
    """

    collisions: int
    rows: int
    hidden: int = 0

    def check(self) -> None:
        """Refuse sizes out of range and tables that only grow."""
        require("hidden", self.hidden, self.hidden >= 0, "at least 0")
        require("collisions", self.collisions, 2 <= self.collisions <= self.items, f"2 to {self.items}")
        least = -(-self.items // self.collisions)
        allowed = f"{least} to {self.items} for {self.items} items and {self.collisions} collisions"
        require("rows", self.rows, least <= self.rows <= self.items, allowed)
        if self.stored_parameters >= self.full_parameters:
            raise UsageError(
                f"path_based with {self.rows} rows and {self.collisions} functions would store "
                f"{self.stored_parameters} numbers, no fewer than the full table's {self.full_parameters}; "
                f"use method full."
            )

    @property
    def runs(self) -> int:
        """Return into how many runs the items are cut: one per row."""
        return self.rows

    @property
    def units(self) -> int:
        """Hidden units per function."""
        return _units(self.width, self.hidden)

    def tables(self) -> tuple[Table, ...]:
        """Declare the rows and, one row per function, the weights and biases of both layers."""
        functions, units = self.collisions + 1, self.units
        return (
            Table("quotient", self.rows + RESERVED_IDS, self.width),
            Table("hidden_weights", functions, self.width * units, "unit", gain=1 / math.sqrt(self.width)),
            Table("hidden_bias", functions, units, "zeros"),
            Table("output_weights", functions, units * self.width, "unit", gain=math.sqrt(2 / units)),
            Table("output_bias", functions, self.width, "zeros"),
        )

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Send the row of each id through its function; reserved ids have rows 0 and 1 and function 0."""
        items_from_zero = ids - RESERVED_IDS
        # For a reserved id the first argument is the smaller one, for an item the second.
        row = xp.minimum(ids, run_of(items_from_zero, self.items, self.rows, xp) + RESERVED_IDS)
        # No run is longer than `collisions`, so that neighbours of one run differ in the remainder.
        function = xp.minimum(xp.maximum(ids - UNKNOWN_ID, 0), items_from_zero % self.collisions + 1)
        hidden = _layer(rows("quotient", row), "hidden", function, rows, xp)
        return _layer(xp.maximum(hidden, 0.0), "output", function, rows, xp)

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the smallest number of functions, so the most rows, and fill the budget with rows."""
        require("ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
        items, hidden = vocabulary_size - RESERVED_IDS, options.get("hidden", 0)
        require("vocabulary_size", vocabulary_size, items >= 2, "at least 4 for path_based")
        require("hidden", hidden, hidden >= 0, "at least 0")
        function = function_parameters(width, _units(width, hidden))
        full = vocabulary_size * width
        budget = min(int(full / ratio), full - 1)
        # Beyond this number the functions grow faster than the rows shrink.
        most = min(items, max(2, math.isqrt(items * width // function) + 1))
        smallest, least = full, ""
        for collisions in range(2, most + 1):
            reserved = RESERVED_IDS * width + function
            rows = min((budget - reserved - collisions * function) // width, items)
            if rows * collisions >= items:
                return cls(vocabulary_size, width, collisions, rows, **options)
            needed = -(-items // collisions)
            stored = needed * width + collisions * function + reserved
            if stored < smallest:
                smallest = stored
                least = f"{needed + RESERVED_IDS} rows and {collisions + 1} functions of {function} numbers"
        raise out_of_reach("path_based", vocabulary_size, width, ratio, full / smallest, least)


def function_parameters(width: int, units: int) -> int:
    """Return how many numbers one function has: both layers' weights and biases."""
    return width * units + units + units * width + width


def _units(width: int, hidden: int) -> int:
    return hidden or max(1, width // 4)


def _layer(values: Any, name: str, function: Any, rows: Rows, xp: Ops) -> Any:
    """Apply a dense layer of each id's own function: `[..., inner]` to `[..., units]`."""
    weights = xp.unfold(rows(f"{name}_weights", function), values.shape[-1])
    # [..., 1, inner] x [..., inner, units] -> [..., 1, units]
    products = xp.join_last_axes(xp.products(xp.unfold(values, 1), weights))
    return products + rows(f"{name}_bias", function)
