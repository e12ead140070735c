"""Small members of every family for the contract tests; a new member adds its samples here or fails a test."""

from __future__ import annotations

import numpy as np

from ondevice.embeddings.method import Method, registry
from ondevice.models.output import Output
from ondevice.models.output import registry as outputs

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
    "quotient_remainder multiply": _load("quotient_remainder")(SIZE, 8, 7, 8),
    "quotient_remainder even": _load("quotient_remainder")(SIZE, 8, 3, 17),
    "quotient_remainder add": _load("quotient_remainder")(SIZE, 8, 8, 9, "add"),
    "quotient_remainder concat": _load("quotient_remainder")(SIZE, 12, 5, 11, "concat"),
    "quotient_remainder own": _load("quotient_remainder")(SIZE, 8, 6, 8, threshold=5, own=5),
    "quotient_remainder own add": _load("quotient_remainder")(SIZE, 8, 7, 7, "add", 9, 9),
    "quotient_remainder own concat": _load("quotient_remainder")(SIZE, 12, 5, 11, "concat", 4, 4),
    "quotient_remainder own features": _load("quotient_remainder")(SIZE, 6, 6, 10, "features", 1, 1),
    "quotient_remainder features": _load("quotient_remainder")(SIZE, 6, 6, 10, "features"),
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
    "compositional features": _load("compositional")(SIZE, 6, "2x5x6", operation="features"),
    "compositional concat": _load("compositional")(SIZE, 12, "2x3x5x7", 4, "chinese_remainder", "concat"),
    "robe": _load("robe")(SIZE, 8, 11, 4),
    "one_hot_hashing": _load("one_hot_hashing")(SIZE, 8, 7),
    "one_hot_hashing signed": _load("one_hot_hashing")(SIZE, 6, 9, signed=True),
    "product_codes": _load("product_codes")(SIZE, 8, 4, 11),
    "product_codes uneven": _load("product_codes")(SIZE, 8, 3, 7),
    "mixed_dimension": _load("mixed_dimension")(SIZE, 8, "8x5x2x1", "4x9x15x23"),
    "mixed_dimension narrow": _load("mixed_dimension")(SIZE, 12, "3x2x2", "6x13x32"),
    "robe single": _load("robe")(SIZE, 6, 29, 1),
    "factorized": _load("factorized")(SIZE, 8, 4),
    "factorized single": _load("factorized")(SIZE, 6, 1),
    "factorized trained": _load("factorized")(SIZE, 8, 3, trained_width=5),
    "path_based": _load("path_based")(SIZE, 8, 4, 15, 2),
    "path_based even": _load("path_based")(SIZE, 6, 3, 17, 1),
    "path_based three": _load("path_based")(SIZE, 8, 6, 9, 2, 3),
    "tensor_train": _load("tensor_train")(SIZE, 8, 4, 5),
    "tensor_train narrow": _load("tensor_train")(SIZE, 5, 3, 2),
}
"""Methods of 51 items, a number that no block size here divides."""

_output = outputs.load

OUTPUTS: dict[str, Output] = {
    "dense": _output("dense")(SIZE, 8),
    "local_low_rank": _output("local_low_rank")(SIZE, 8, 5, 1, 2),
    "local_low_rank joined": _output("local_low_rank")(SIZE, 8, 10, 3, 4),
    "local_low_rank of one": _output("local_low_rank")(SIZE, 8, 17, 1, 1),
    "low_rank": _output("low_rank")(SIZE, 8, 3),
    "low_rank without bias": _output("low_rank")(SIZE, 8, 5, bias=False),
    "product_codes": _output("product_codes")(SIZE, 8, 3, codewords=5),
    "product_codes whole": _output("product_codes")(SIZE, 8, 8),
    "tied block": _output("tied")(SIZE, 8, METHODS["memcom block"]),
    "tied block even": _output("tied")(SIZE, 8, _load("memcom")(SIZE, 8, 17, sharing="block")),
    "tied block bias": _output("tied")(SIZE, 8, METHODS["memcom block"], bias=True),
    "tied block shared": _output("tied")(SIZE, 8, METHODS["memcom block"], own_multipliers=False),
    "tied block projected": _output("tied")(SIZE, 6, METHODS["memcom block"]),
    "tied mod": _output("tied")(SIZE, 8, METHODS["memcom mod"]),
    "tied mod bias": _output("tied")(SIZE, 12, METHODS["memcom mod"], bias=True),
    "tied mod shared": _output("tied")(SIZE, 8, METHODS["memcom mod"], own_multipliers=False),
}
"""Every output layer with each of its ways to work, for 51 items."""


def sample_tables(method: Method, seed: int) -> dict[str, np.ndarray]:
    """Return random values for every table, `[rows, width]`: float32, and codes as the method chooses them."""
    rng = np.random.default_rng(seed)
    drawn = {table.name: rng.standard_normal((table.rows, table.width)).astype(np.float32) for table in method.tables()}
    return drawn | method.chosen_tables(None, seed)
