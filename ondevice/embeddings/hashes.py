"""Hashing ids to rows on a device that multiplies 32-bit integers: written once for every method that hashes."""

from __future__ import annotations

from typing import Any

from ondevice.embeddings.method import require
from ondevice.embeddings.ops import Ops

PRIME = 46_337
"""The largest prime p with p * p below 2**31, so that products of two remainders fit int32."""

LARGEST = PRIME * PRIME - 1
"""The largest number that can be hashed: 2,147,117,568."""

_ROOT = 7_919


def check_hashable(vocabulary_size: int) -> None:
    """Raise a `UsageError` unless every id but padding, counted from zero, can be hashed."""
    most = LARGEST + 2
    require("vocabulary_size", vocabulary_size, vocabulary_size <= most, f"at most {most}, so that hashes fit int32")


def hashed(numbers: Any, buckets: int, function: int, xp: Ops) -> Any:
    """Spread numbers over buckets as evenly as chance would, zero always into the first one.

    A number is taken apart into quotient and remainder by `p = 46,337`. With `a` of its own, a hash function turns
    both over in three rounds modulo p: `u = a * remainder + quotient`, `v = u * u + quotient`, `w = v * v + u`. Each
    round can be undone, so `v * p + w` differs for every number; its remainder by the buckets is the bucket. Two
    rounds are not enough: their remainders by p still lie on a grid.

    Nothing is larger than `p * p - 1`, which is below 2**31. Zero maps to zero, so that whoever has rows outside the
    hashing needs no selection: their numbers are zero, and the bucket can be added.

    Args:
        numbers: int32 `[...]`, each from 0 to `LARGEST`.
        buckets: number of buckets, at least 1.
        function: which hash function, from 1 on.
        xp: the operations.

    Returns:
        int32 `[...]`, each from 0 to `buckets - 1`.
    """
    quotient, remainder = numbers // PRIME, numbers % PRIME
    first = (remainder * pow(_ROOT, function, PRIME) + quotient) % PRIME
    second = (first * first + quotient) % PRIME
    third = (second * second + first) % PRIME
    return (second * PRIME + third) % buckets
