"""Small members of every family for the contract tests; a new member adds its samples here or fails a test."""

from __future__ import annotations

import numpy as np

from ondevice.embeddings.method import Method, registry

_load = registry.load
SIZE = 53

METHODS: dict[str, Method] = {
    "full": _load("full")(SIZE, 8),
    "hashing mod": _load("hashing")(SIZE, 8, 7),
    "hashing block": _load("hashing")(SIZE, 8, 7, "block"),
    "memcom mod": _load("memcom")(SIZE, 8, 5),
    "memcom block": _load("memcom")(SIZE, 8, 5, sharing="block"),
    "memcom bias mod": _load("memcom")(SIZE, 6, 5, bias=True),
    "memcom bias block": _load("memcom")(SIZE, 6, 9, "block", bias=True),
    "quotient_remainder multiply": _load("quotient_remainder")(SIZE, 8, 7),
    "quotient_remainder add": _load("quotient_remainder")(SIZE, 8, 8, "add"),
    "quotient_remainder concat": _load("quotient_remainder")(SIZE, 12, 5, "concat"),
}
"""Methods of 51 items, a number that no block size here divides."""


def sample_tables(method: Method, seed: int) -> dict[str, np.ndarray]:
    """Return random values for every table, float32 `[rows, width]`."""
    rng = np.random.default_rng(seed)
    return {table.name: rng.standard_normal((table.rows, table.width)).astype(np.float32) for table in method.tables()}
