"""A small model of one's own with a table of items and a smaller one of users, and examples for it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

IDS, WIDTH = 600, 16


def model_of(vocabulary: list[str] | None = None, width: int = WIDTH, ids: int = IDS) -> keras.Model:
    """Two tables with structure, one of them small, and a mean."""
    keras.utils.set_random_seed(0)
    if vocabulary is None:
        given = keras.Input((4,), dtype="int32", name="item")
        numbers = given
    else:
        given = keras.Input((4,), dtype="string", name="item")
        numbers = keras.layers.StringLookup(vocabulary=vocabulary, mask_token="", name="lookup")(given)
    user = keras.Input((1,), dtype="int32", name="user")
    items = keras.layers.Embedding(ids, width, name="item_table")(numbers)
    users = keras.layers.Embedding(20, width, name="user_table")(user)
    joined = keras.layers.Concatenate()([keras.ops.mean(items, axis=1), keras.ops.mean(users, axis=1)])
    model = keras.Model({"item": given, "user": user}, keras.layers.Dense(1, "sigmoid", name="click")(joined))
    rng = np.random.default_rng(0)
    kinds = rng.standard_normal((12, width))
    rows = kinds[rng.integers(0, 12, ids)] * rng.uniform(0.5, 1.5, (ids, 1)) + 0.05 * rng.standard_normal((ids, width))
    model.get_layer("item_table").set_weights([rows.astype(np.float32)])
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    return model


def data_of(rows: int = 256) -> tuple[dict[str, Any], Any]:
    rng = np.random.default_rng(1)
    x = {"item": rng.integers(0, IDS, (rows, 4)).astype(np.int32), "user": rng.integers(0, 20, (rows, 1), np.int32)}
    return x, rng.integers(0, 2, (rows, 1)).astype(np.float32)
