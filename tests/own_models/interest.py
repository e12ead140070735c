"""Deep interest network in DeepCTR's manner: a history weighted by the target, whose table it shares by name."""

from __future__ import annotations

import keras
import numpy as np

from tests import own_case
from tests.own_case import Case

ITEMS, BRANDS, USERS, LENGTH, WIDTH = 900, 200, 700, 5, 8

FIELDS = {
    "user": (USERS, "user", "one_hot_hashing"),
    "gender": (2, "gender", ""),
    "item_id": (ITEMS, "item", "memcom"),
    "brand_id": (BRANDS, "brand", "double_hashing"),
    "hist_item_id": (ITEMS, "item", "memcom"),
    "hist_brand_id": (BRANDS, "brand", "double_hashing"),
}
"""Rows, name of the embedding and its method, by input; a sequence where the name begins with `hist`."""


def network(compressed: bool) -> keras.Model:
    inputs, tables, vectors = {}, {}, {}
    for name, (rows, embedding, method) in FIELDS.items():
        inputs[name] = keras.Input((LENGTH if name.startswith("hist") else 1,), name=name, dtype="int32")
        if embedding not in tables:
            tables[embedding] = own_case.table(
                compressed and bool(method), f"sparse_emb_{embedding}", rows, WIDTH, method
            )
        vectors[name] = tables[embedding](inputs[name])
    inputs["seq_length"] = keras.Input((1,), name="seq_length", dtype="int32")
    inputs["pay_score"] = keras.Input((1,), name="pay_score", dtype="float32")
    target = keras.layers.Concatenate()([vectors["item_id"], vectors["brand_id"]])
    history = keras.layers.Concatenate()([vectors["hist_item_id"], vectors["hist_brand_id"]])
    repeated = keras.ops.repeat(target, LENGTH, axis=1)
    pairs = keras.layers.Concatenate()([repeated, history, repeated - history, repeated * history])
    weights = keras.layers.Dense(1)(keras.layers.Dense(16, "sigmoid")(pairs))
    given = inputs["seq_length"] > np.arange(LENGTH, dtype=np.int32)[None]
    weights = keras.ops.where(given[:, :, None], weights, 0.0)
    interest = keras.ops.matmul(keras.ops.transpose(weights, (0, 2, 1)), history)
    parts = [keras.layers.Flatten()(part) for part in (vectors["user"], vectors["gender"], target, interest)]
    x = keras.layers.Concatenate()([*parts, inputs["pay_score"]])
    x = keras.layers.Dense(24, "relu")(x)
    return keras.Model(inputs, keras.layers.Dense(1, "sigmoid", name="prediction")(x))


def case(compressed: bool) -> Case:
    """Return the case; brands bought before are bought again, some items by everybody."""
    rng = np.random.default_rng(10)
    shapes = {name: (4_000, LENGTH if name.startswith("hist") else 1) for name in FIELDS}
    x = {name: own_case.often(rng, rows, shapes[name]) for name, (rows, _, _) in FIELDS.items()}
    x["seq_length"] = rng.integers(1, LENGTH + 1, (4_000, 1)).astype(np.int32)
    x["pay_score"] = rng.random((4_000, 1)).astype(np.float32)
    taste = {name: rng.standard_normal(FIELDS[name][0])[x[name][:, 0]] for name in ("user", "item_id", "brand_id")}
    y = own_case.clicks(rng, taste["item_id"], taste["brand_id"], 2 * x["pay_score"][:, 0])
    (x, y), (x_test, y_test) = own_case.split((x, y), 300)
    model = network(compressed)
    own_case.fit(model, x, y[:, None], epochs=3)
    names = ("sparse_emb_user", "sparse_emb_item", "sparse_emb_brand") if compressed else ()
    return Case(model, x_test, y_test[:, None], keras.metrics.AUC(), 0.5, names)
