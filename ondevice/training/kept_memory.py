"""Memory that training frees stays with the process for the next step, which would otherwise get it page by page."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator, Mapping

# Numbers of glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4

_KEEP = {_MMAP_MAX: 0, _TRIM_THRESHOLD: -1, _TOP_PAD: 1 << 28}
"""No array has a mapping of its own, which goes with it; nothing is given back; heaps of threads stay when empty."""

_GIVE_BACK = {_MMAP_MAX: 1 << 16, _MMAP_THRESHOLD: 32 << 20, _TRIM_THRESHOLD: 64 << 20, _TOP_PAD: 128 << 10}
"""What glibc arrives at by itself in a process that has freed large arrays."""


LARGEST = 128 << 20
"""Bytes of the largest array up to which memory is kept."""


@contextlib.contextmanager
def freed_memory_kept(largest: int) -> Iterator[None]:
    """Keep the memory that the block frees until its end; without effect where the C library is not glibc.

    A step makes and frees arrays of `[batch, vocabulary_size]` numbers. By default glibc returns each to the system,
    which gives new pages filled with zeros for the next: that can take as long as the computing, as
    `tests/benchmarks/kept_memory.py` measures. Kept memory is not always where the next array fits, so that a process
    can grow by several of its largest arrays: where these have more than `LARGEST` bytes, they are given back.

    Args:
        largest: bytes of the largest array that the block makes again and again.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" and largest <= LARGEST else None
    if libc is None or not hasattr(libc, "gnu_get_libc_version"):
        yield
        return
    _set(libc, _KEEP)
    try:
        yield
    finally:
        _set(libc, _GIVE_BACK)
        libc.malloc_trim(ctypes.c_size_t(0))


def _set(libc: ctypes.CDLL, values: Mapping[int, int]) -> None:
    for name, value in values.items():
        # It returns 0 for a number that it does not know.
        if not libc.mallopt(name, value):
            raise RuntimeError(f"mallopt({name}, {value}) failed")
