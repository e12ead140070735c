"""The next item by a recurrent network: Sequential, one tensor of ids, padding masked."""

from __future__ import annotations

import keras
import numpy as np

from tests import own_case
from tests.own_case import Case

ITEMS, LENGTH = 240, 10


def case(compressed: bool) -> Case:
    """Return the case; the next item is often the one that has the following number."""
    rng = np.random.default_rng(2)
    starts = own_case.often(rng, ITEMS - 1, (3_000, 1))
    walk = np.cumsum(rng.choice([1, 1, 1, 2], (3_000, LENGTH)), 1)
    items = 1 + (starts + walk) % (ITEMS - 1)
    x, y = items[:, :-1].astype(np.int32), items[:, -1].astype(np.int32)
    # Shorter histories are filled in front, so that the newest item is always the last one.
    x[np.arange(LENGTH - 1)[None] < rng.integers(0, LENGTH - 2, (len(x), 1))] = 0
    model = keras.Sequential(
        [
            keras.Input((LENGTH - 1,), dtype="int32"),
            own_case.table(
                compressed, "item_embedding", ITEMS, 16, "quotient_remainder", mask_zero=True, operation="add"
            ),
            keras.layers.GRU(24),
            keras.layers.Dense(ITEMS, "softmax"),
        ]
    )
    (x, y), (x_test, y_test) = own_case.split((x, y), 300)
    own_case.fit(model, x, y, "sparse_categorical_crossentropy", epochs=3, rate=0.03)
    metric = keras.metrics.SparseTopKCategoricalAccuracy(k=5)
    return Case(model, x_test, y_test, metric, 5 / ITEMS, ("item_embedding",) if compressed else ())
