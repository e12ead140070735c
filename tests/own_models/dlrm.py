"""Deep learning recommendation model: a list of tables, numbers, pairwise products (keras-io `dlrm`)."""

from __future__ import annotations

from typing import Any

import keras
import keras_rs
import numpy as np

from tests import own_case
from tests.own_case import Case

WIDTH, NUMBERS = 16, 5

TABLES = ((1_200, "hash_embedding"), (1_200, "memcom"), (500, "mixed_dimension"), (30, ""))


@keras.saving.register_keras_serializable("own_models")
class DLRM(own_case.Savable, keras.Model):
    def __init__(self, compressed: bool) -> None:
        super().__init__()
        self.compressed = compressed
        # Two of them are of equal shape.
        self.tables = [
            own_case.table(compressed and bool(method), f"table_{number}", rows, WIDTH, method)
            for number, (rows, method) in enumerate(TABLES)
        ]
        self.bottom = keras.Sequential([keras.layers.Dense(24, "relu"), keras.layers.Dense(WIDTH, "relu")])
        self.interaction = keras_rs.layers.DotInteraction()
        self.top = keras.Sequential([keras.layers.Dense(24, "relu"), keras.layers.Dense(1, "sigmoid")])

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        numbers = self.bottom(inputs["numbers"])
        vectors = [table(inputs["categories"][:, place]) for place, table in enumerate(self.tables)]
        products = self.interaction([numbers, *vectors])
        return self.top(keras.ops.concatenate([numbers, products], axis=-1))


def case(compressed: bool) -> Case:
    """Return the case; two of the numbers and two of the categories decide."""
    rng = np.random.default_rng(5)
    numbers = rng.lognormal(0, 1, (4_000, NUMBERS)).astype(np.float32)
    categories = np.stack([own_case.often(rng, rows, 4_000) for rows, _ in TABLES], 1)
    liked = [rng.standard_normal(rows)[categories[:, place]] for place, (rows, _) in enumerate(TABLES)]
    y = own_case.clicks(rng, np.log(numbers[:, 0]) - np.log(numbers[:, 3]), liked[0] * liked[1], liked[3])
    x = {"numbers": np.log1p(numbers), "categories": categories}
    (x, y), (x_test, y_test) = own_case.split((x, y), 300)
    model = DLRM(compressed)
    own_case.fit(model, x, y[:, None], epochs=3)
    names = tuple(f"table_{number}" for number, (_, method) in enumerate(TABLES) if method) if compressed else ()
    return Case(model, x_test, y_test[:, None], keras.metrics.AUC(), 0.5, names)
