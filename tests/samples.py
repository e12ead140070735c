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
    "memcom multipliers mod": _load("memcom")(SIZE, 8, 5, multipliers=4),
    "memcom multipliers bias block": _load("memcom")(SIZE, 12, 5, "block", bias=True, multipliers=2),
    "quotient_remainder multiply": _load("quotient_remainder")(SIZE, 8, 7),
    "quotient_remainder add": _load("quotient_remainder")(SIZE, 8, 8, "add"),
    "quotient_remainder concat": _load("quotient_remainder")(SIZE, 12, 5, "concat"),
    "reduced_width": _load("reduced_width")(SIZE, 8, 5),
    "truncate_rare": _load("truncate_rare")(SIZE, 8, 9),
    "double_hashing": _load("double_hashing")(SIZE, 8, 7),
    "double_hashing frequent": _load("double_hashing")(SIZE, 8, 5, frequent=6),
    "hash_embedding 1": _load("hash_embedding")(SIZE, 8, 5, hashes=1),
    "hash_embedding 2 mod": _load("hash_embedding")(SIZE, 8, 5),
    "hash_embedding 3 block": _load("hash_embedding")(SIZE, 12, 6, "block", hashes=3),
    "compositional multiply": _load("compositional")(SIZE, 8, "3x4x5"),
    "compositional even": _load("compositional")(SIZE, 8, "5x17", 2),
    "compositional four": _load("compositional")(SIZE, 8, "2x2x3x7", 4, operation="add"),
    "compositional remainders": _load("compositional")(SIZE, 8, "4x5x7", 3, "chinese_remainder"),
    "compositional concat": _load("compositional")(SIZE, 12, "2x3x5x7", 4, "chinese_remainder", "concat"),
    "robe": _load("robe")(SIZE, 8, 11, 4),
    "robe single": _load("robe")(SIZE, 6, 29, 1),
}
"""Methods of 51 items, a number that no block size here divides."""


def sample_tables(method: Method, seed: int) -> dict[str, np.ndarray]:
    """Return random values for every table, float32 `[rows, width]`."""
    rng = np.random.default_rng(seed)
    return {table.name: rng.standard_normal((table.rows, table.width)).astype(np.float32) for table in method.tables()}
