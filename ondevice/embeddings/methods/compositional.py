"""Compositional: several small tables, whose combination of rows is different for every id."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

from typing_extensions import Self

from ondevice.embeddings.method import Method, Rows, Table, out_of_reach, require
from ondevice.embeddings.ops import Ops
from ondevice.embeddings.sharing import run_of
from ondevice.errors import unknown_name
from ondevice.ids import RESERVED_IDS

PARTITIONS = (2, 3, 4)
MIXED_RADIX = "mixed_radix"
CHINESE_REMAINDER = "chinese_remainder"
SCHEMES = (CHINESE_REMAINDER, MIXED_RADIX)
OPERATIONS = ("multiply", "add", "concat", "features")
NEAR = 12
"""How far below the mean `for_ratio` looks for coprime moduli before it tries a smaller sum."""


@dataclass(frozen=True)
class Compositional(Method):
    """`E1[p1(i)] (op) ... (op) Ek[pk(i)]` (Shi et al., KDD 2020): stores `(m1 + ... + mk) * e` numbers.

    For concat the rows are `e / k` wide; padding and unknown have up to two rows of their own in each table. No two
    items agree in all partitions:

    * `mixed_radix`: `pj(i) = (i // (m1 * ... * m(j-1))) mod mj`, with a product of at least `n` items. The last
      partition cuts the items into `mk` runs, whose lengths differ by one at most. That is the paper's last digit where
      the product is `n`; elsewhere the paper's runs are longer, and the last rows of the last table are for no item.
    * `chinese_remainder`: `pj(i) = i mod mj`, pairwise coprime, with a product of at least `n`.

    The last table starts like an ordinary embedding, the others near one for `multiply` and at zero for `add`, so that
    what they are joined to starts like one, too; for `concat` and `features` all do. Nothing in the index arithmetic
    is larger than the id.

    Args:
        moduli: rows for items of each table, e.g. `"2x3x2"`.
        partitions: how many tables, `k`.
        scheme: `"mixed_radix"` or `"chinese_remainder"`.
        operation: how the rows are joined: `"multiply"`, `"add"`, `"concat"` of a k-th of the width each, or
            `"features"`, the paper's feature generation: side by side in full width, `k` times the width in all.
    """

    moduli: str
    partitions: int = 3
    scheme: str = MIXED_RADIX
    operation: str = "multiply"

    @property
    def rows_for_items(self) -> tuple[int, ...]:
        """The moduli as numbers."""
        return tuple(int(modulus) for modulus in self.moduli.split("x"))

    def check(self) -> None:
        """Refuse unknown names, a width that cannot be divided and partitions that do not tell all items apart."""
        _check_options(self.vocabulary_size, self.width, self.partitions, self.scheme, self.operation)
        allowed = f"{self.partitions} whole numbers of at least 2, e.g. {'x'.join('2' * self.partitions)}"
        words = self.moduli.split("x")
        require("moduli", self.moduli, len(words) == self.partitions and all(w.isdecimal() for w in words), allowed)
        moduli = self.rows_for_items
        require("moduli", self.moduli, min(moduli) >= 2, allowed)
        require("moduli", self.moduli, math.prod(moduli) >= self.items, f"a product of at least {self.items} items")
        require("moduli", self.moduli, max(moduli) < self.items, f"less than {self.items} each")
        if self.scheme == CHINESE_REMAINDER:
            require("moduli", self.moduli, _coprime(moduli), f"pairwise coprime numbers for {self.scheme}")
        else:
            # Otherwise some rows would belong to no item.
            limit = f"a product without the last of at most {self.items} items"
            require("moduli", self.moduli, math.prod(moduli[:-1]) <= self.items, limit)

    @property
    def runs(self) -> int:
        """Return into how many runs the items are cut: with mixed radix one per row of the last table."""
        return self.rows_for_items[-1] if self.scheme == MIXED_RADIX else self.items

    @property
    def output_width(self) -> int:
        """Numbers per looked-up vector."""
        return self.partitions * self.width if self.operation == "features" else self.width

    def tables(self) -> tuple[Table, ...]:
        """Declare one table per partition, the rows of the reserved ids in front."""
        width = self.width // self.partitions if self.operation == "concat" else self.width
        others = {"multiply": "near_one", "add": "zeros", "concat": "uniform", "features": "uniform"}[self.operation]
        last = self.partitions - 1
        return tuple(
            Table(_name(number), modulus + reserved, width, "uniform" if number == last else others)
            for number, (modulus, reserved) in enumerate(
                zip(self.rows_for_items, _reserved_rows(self.scheme, self.partitions), strict=True)
            )
        )

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Join the rows of each id from the first partition to the last; reserved ids have rows of their own."""
        items_from_zero = ids - RESERVED_IDS
        moduli = self.rows_for_items
        remainders = moduli[:-1] if self.scheme == MIXED_RADIX else moduli
        parts, divisor = [], 1
        for number, modulus in enumerate(remainders):
            digits = items_from_zero // divisor if divisor > 1 else items_from_zero
            # For a reserved id the first argument is the smaller one, for an item the second.
            parts.append(rows(_name(number), xp.minimum(ids, digits % modulus + RESERVED_IDS)))
            if self.scheme == MIXED_RADIX:
                divisor *= modulus
        if self.scheme == MIXED_RADIX:
            run = run_of(items_from_zero, self.items, moduli[-1], xp)
            parts.append(rows(_name(len(remainders)), run + 1))
        if self.operation in ("concat", "features"):
            return xp.concat(parts)
        joined = parts[0]
        for part in parts[1:]:
            joined = joined * part if self.operation == "multiply" else joined + part
        return joined

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the moduli with the largest sum that fits.

        With `mixed_radix` the last table is as large as can be and the others are as small as they may, equal to each
        other: its rows are shared by runs of neighbours, which pays where neighbours are similar. With
        `chinese_remainder` all tables are nearly equal.
        """
        require("ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
        partitions, scheme = options.get("partitions", 3), options.get("scheme", MIXED_RADIX)
        operation = options.get("operation", "multiply")
        _check_options(vocabulary_size, width, partitions, scheme, operation)
        items = vocabulary_size - RESERVED_IDS
        row = width // partitions if operation == "concat" else width
        reserved = sum(_reserved_rows(scheme, partitions))
        choose = _small_and_one_large if scheme == MIXED_RADIX else _nearly_equal_coprime

        total = int(vocabulary_size * width / ratio // row) - reserved
        moduli = choose(items, partitions, total)
        if moduli:
            return cls(vocabulary_size, width, "x".join(map(str, moduli)), **options)
        # No sum below k times the k-th root of the product can do.
        least = max(2 * partitions, int(partitions * items ** (1 / partitions)) - 1)
        smallest = sum(next(found for total in itertools.count(least) if (found := choose(items, partitions, total))))
        nearest = vocabulary_size * width / ((smallest + reserved) * row)
        made_with = f" ({partitions} partitions, {scheme})"
        rows = f"{smallest + reserved} rows of {row} numbers"
        raise out_of_reach("compositional", vocabulary_size, width, ratio, nearest, rows, made_with)


def _check_options(vocabulary_size: int, width: int, partitions: int, scheme: str, operation: str) -> None:
    if scheme not in SCHEMES:
        raise unknown_name("scheme of partitions", scheme, SCHEMES)
    if operation not in OPERATIONS:
        raise unknown_name("operation", operation, OPERATIONS)
    require("partitions", partitions, partitions in PARTITIONS, "2, 3 or 4")
    least = 2**partitions + RESERVED_IDS
    require(
        "vocabulary_size", vocabulary_size, vocabulary_size >= least, f"at least {least} for {partitions} partitions"
    )
    if operation == "concat":
        require("width", width, width % partitions == 0, f"a multiple of {partitions} for concat of as many partitions")


def _name(number: int) -> str:
    return f"partition_{number + 1}"


def _reserved_rows(scheme: str, partitions: int) -> tuple[int, ...]:
    """Return the rows each table keeps for padding and unknown; in the runs of mixed radix one row does for both."""
    return (RESERVED_IDS,) * (partitions - 1) + (1 if scheme == MIXED_RADIX else RESERVED_IDS,)


def _coprime(moduli: tuple[int, ...]) -> bool:
    return all(math.gcd(one, other) == 1 for one, other in itertools.combinations(moduli, 2))


def _small_and_one_large(items: int, partitions: int, total: int) -> tuple[int, ...]:
    """Return moduli of at most this sum with the largest last one, nothing if no product reaches the items."""
    others = partitions - 1
    for small in range(2 * others, total - 1):
        moduli = tuple((small + number) // others for number in range(others))
        last = min(total - small, items - 1)
        if math.prod(moduli) > items:
            break
        if math.prod(moduli) * last >= items:
            return (*moduli, last)
    return ()


def _nearly_equal_coprime(items: int, partitions: int, total: int) -> tuple[int, ...]:
    """Return pairwise coprime moduli of at most this sum, as near to it as can be, nothing if no product suffices."""
    while total >= 2 * partitions and (total / partitions) ** partitions >= items:
        mean = total // partitions
        for others in itertools.combinations(range(mean, max(mean - NEAR, 1), -1), partitions - 1):
            moduli = (*sorted(others), total - sum(others))
            if max(moduli) < items and math.prod(moduli) >= items and _coprime(moduli):
                return moduli
        total -= 1
    return ()
