"""Path-based: an id's quotient chooses a row, its remainder the small networks that the row goes through."""

from __future__ import annotations

import itertools
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
    With more partitions the digits of `j`, to bases that are as equal as can be, choose one function each, applied one
    after the other: far fewer functions for as many collisions. Padding and unknown have two more rows of Q, and a
    function of each partition together. In the paper the functions never gave a better model than multiplying two rows;
    they cost far more, too.

    The rows start like an ordinary embedding, the biases at zero and the weights such that vectors keep their size on
    average: with the standard deviation `1 / sqrt(e)` in front of the hidden units and `sqrt(2 / h)` behind them, since
    a rectifier lets half of the square through.

    Args:
        collisions: the most items that share a row, `c`, and with two partitions the functions for items.
        rows: rows of Q for items, `m`; the paper's number is `ceil(n / c)`.
        hidden: hidden units per function, `h`; 0 for a quarter of the width.
        partitions: the one that chooses the row and those that choose a function.
    """

    collisions: int
    rows: int
    hidden: int = 0
    partitions: int = 2

    def check(self) -> None:
        """Refuse sizes out of range and tables that only grow."""
        require("hidden", self.hidden, self.hidden >= 0, "at least 0")
        require("partitions", self.partitions, self.partitions >= 2, "at least 2")
        fewest = 2 ** (self.partitions - 1)
        require("collisions", self.collisions, fewest <= self.collisions <= self.items, f"{fewest} to {self.items}")
        least = -(-self.items // self.collisions)
        allowed = f"{least} to {self.items} for {self.items} items and {self.collisions} collisions"
        require("rows", self.rows, least <= self.rows <= self.items, allowed)
        if self.stored_parameters >= self.full_parameters:
            raise UsageError(
                f"path_based with {self.rows} rows and {sum(self.moduli)} functions would store "
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

    @property
    def moduli(self) -> tuple[int, ...]:
        """Functions for items that each partition but the first chooses from."""
        return _bases(self.collisions, self.partitions - 1)

    def tables(self) -> tuple[Table, ...]:
        """Declare the rows and, one row per function, the weights and biases of both layers of every partition."""
        width, units = self.width, self.units
        declared = [Table("quotient", self.rows + RESERVED_IDS, width)]
        for number, modulus in enumerate(self.moduli):
            hidden, output, functions = _name("hidden", number), _name("output", number), modulus + 1
            declared += [
                Table(f"{hidden}_weights", functions, width * units, "unit", gain=1 / math.sqrt(width)),
                Table(f"{hidden}_bias", functions, units, "zeros"),
                Table(f"{output}_weights", functions, units * width, "unit", gain=math.sqrt(2 / units)),
                Table(f"{output}_bias", functions, width, "zeros"),
            ]
        return tuple(declared)

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Send the row of each id through its functions; reserved ids have rows 0 and 1 and functions 0."""
        items_from_zero = ids - RESERVED_IDS
        # For a reserved id the first argument is the smaller one, for an item the second.
        row = xp.minimum(ids, run_of(items_from_zero, self.items, self.rows, xp) + RESERVED_IDS)
        # No run is longer than `collisions`, so that neighbours of one run differ in the remainder.
        left = items_from_zero % self.collisions
        reserved, vectors = xp.maximum(ids - UNKNOWN_ID, 0), rows("quotient", row)
        for number, modulus in enumerate(self.moduli):
            last = number == self.partitions - 2
            function = xp.minimum(reserved, (left if last else left % modulus) + 1)
            left = left if last else left // modulus
            hidden = _layer(vectors, _name("hidden", number), function, rows, xp)
            vectors = _layer(xp.maximum(hidden, 0.0), _name("output", number), function, rows, xp)
        return vectors

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the smallest number of functions, so the most rows, and fill the budget with rows."""
        require("ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
        items = vocabulary_size - RESERVED_IDS
        hidden, partitions = options.get("hidden", 0), options.get("partitions", 2)
        require("hidden", hidden, hidden >= 0, "at least 0")
        require("partitions", partitions, partitions >= 2, "at least 2")
        fewest = 2 ** (partitions - 1)
        enough = f"at least {fewest + RESERVED_IDS} for path_based of {partitions} partitions"
        require("vocabulary_size", vocabulary_size, items >= fewest, enough)
        function = function_parameters(width, _units(width, hidden))
        full = vocabulary_size * width
        budget = min(int(full / ratio), full - 1)
        smallest, least = full, ""
        moduli = [2] * (partitions - 1)
        while (functions := sum(moduli) + len(moduli)) * function < smallest:
            collisions = min(items, math.prod(moduli))
            fixed, needed = RESERVED_IDS * width + functions * function, -(-items // collisions)
            rows = min((budget - fixed) // width, items)
            if rows >= needed:
                return cls(vocabulary_size, width, collisions, rows, **options)
            if needed * width + fixed < smallest:
                smallest = needed * width + fixed
                least = f"{needed + RESERVED_IDS} rows and {functions} functions of {function} numbers"
            moduli[moduli.index(min(moduli))] += 1
        if not least:
            raise UsageError(
                f"path_based with {vocabulary_size} ids of width {width} would store no fewer numbers than the full "
                f"table's {full}; use method full."
            )
        raise out_of_reach("path_based", vocabulary_size, width, ratio, full / smallest, least)


def _bases(count: int, digits: int) -> tuple[int, ...]:
    """Return the bases, as equal and as small as can be, the larger ones first, to which numbers below `count` have so
    many digits.
    """
    base = next(base for base in itertools.count(2) if base**digits >= count)
    smaller = next(few for few in range(digits, -1, -1) if base ** (digits - few) * (base - 1) ** few >= count)
    return (base,) * (digits - smaller) + (base - 1,) * smaller


def _name(part: str, number: int) -> str:
    return f"{part}_{number + 1}" if number else part


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
