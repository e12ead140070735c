"""Runs of neighbours that share a row: one rule for the id order and for the arithmetic on the device."""

from __future__ import annotations

import numpy as np
import pytest

from ondevice.embeddings.every_id import rows_used
from ondevice.embeddings.method import Method, registry
from ondevice.embeddings.ops import NumpyOps
from ondevice.embeddings.sharing import run_of
from ondevice.ids import RESERVED_IDS, run_starts


@pytest.mark.parametrize("items", range(1, 30))
def test_arithmetic_finds_the_runs_that_are_listed(items: int) -> None:
    for runs in range(1, items + 1):
        starts = run_starts(items, runs)
        lengths = np.diff(starts)
        assert (starts[0], starts[-1], len(lengths)) == (0, items, runs)
        assert lengths.min() >= 1
        assert lengths.max() - lengths.min() <= 1
        from_zero = np.arange(-RESERVED_IDS, items, dtype=np.int32)
        found = run_of(from_zero, items, runs, NumpyOps())
        assert found.dtype == np.int32
        assert found.tolist() == [-1] * RESERVED_IDS + np.repeat(np.arange(runs), lengths).tolist()


@pytest.mark.parametrize("runs", [1, 2, 2_499_999, 2_500_000, 3_333_333, 9_999_999, 10_000_000])
def test_ten_million_items_fit_int32(runs: int) -> None:
    items = 10_000_000
    starts = run_starts(items, runs)
    some = np.concatenate([starts[:50], starts[-50:], starts[len(starts) // 2 :][:50], starts[len(starts) // 3 :][:50]])
    edges = np.unique(np.concatenate([some - 1, some])).astype(np.int32)
    edges = edges[(edges >= 0) & (edges < items)]
    expected = np.searchsorted(starts, edges, side="right") - 1
    np.testing.assert_array_equal(run_of(edges, items, runs, NumpyOps()), expected)


class Counting(NumpyOps):
    """Counts the operations besides the operators."""

    calls = 0

    def maximum(self, left, right):
        self.calls += 1
        return super().maximum(left, right)


@pytest.mark.parametrize(("runs", "calls"), [(1, 0), (4, 0), (10, 0), (3, 1), (19, 1), (20, 1)])
def test_runs_of_one_length_cost_one_division(runs: int, calls: int) -> None:
    xp = Counting()
    run_of(np.arange(-RESERVED_IDS, 20, dtype=np.int32), 20, runs, xp)
    assert xp.calls == calls


def sharing_neighbours() -> list[Method]:
    """Return a method of each kind that shares rows between neighbours, for 51 items."""
    return [
        registry.load("hashing")(53, 8, 7, "block"),
        registry.load("memcom")(53, 8, 8, "block"),
        registry.load("hash_embedding")(53, 8, 20, "block", hashes=1),
        registry.load("quotient_remainder")(53, 8, 6, 10),
        registry.load("compositional")(53, 8, "3x4x5"),
    ]


@pytest.mark.parametrize("method", sharing_neighbours(), ids=lambda method: type(method).__name__)
def test_rows_begin_where_the_method_tells_the_order(method: Method) -> None:
    expected = run_starts(method.items, method.runs)[1:-1].tolist()
    rows = (rows_used(method, table.name)[RESERVED_IDS:, 0] for table in method.tables())
    assert expected in [(np.flatnonzero(np.diff(column)) + 1).tolist() for column in rows]
