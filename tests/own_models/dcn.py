"""Deep and cross network over six ids (keras-rs `dcn`): functional, a dict of scalars, one probability."""

from __future__ import annotations

import keras
import keras_rs
import numpy as np

from tests import own_case
from tests.own_case import Case

WIDTH = 8

TABLES = {
    "user_id": (900, "double_hashing"),
    "movie_id": (1_500, "compositional"),
    "zip_code": (400, "robe"),
    "gender": (2, ""),
    "age": (7, ""),
    "occupation": (21, ""),
}


def network(compressed: bool) -> keras.Model:
    inputs = {name: keras.Input((), name=name, dtype="int32") for name in TABLES}
    vectors = [
        own_case.table(compressed and bool(method), f"{name}_embedding", rows, WIDTH, method)(inputs[name])
        for name, (rows, method) in TABLES.items()
    ]
    x = keras.layers.Concatenate()(vectors)
    for number in range(2):
        x = keras_rs.layers.FeatureCross(projection_dim=16, name=f"cross_{number}")(
            keras.layers.Concatenate(name=f"all_{number}")(vectors), x
        )
    x = keras.layers.Dense(16, "relu")(x)
    return keras.Model(inputs, keras.layers.Dense(1, "sigmoid", name="click")(x))


def case(compressed: bool) -> Case:
    """Return the case; ages and movies like each other or not."""
    rng = np.random.default_rng(1)
    x = {name: own_case.often(rng, rows, 3_000) for name, (rows, _) in TABLES.items()}
    taste = {name: rng.standard_normal(rows) for name, (rows, _) in TABLES.items()}
    cross = rng.standard_normal((7, 2))[x["age"], x["gender"]]
    y = own_case.clicks(rng, cross, taste["movie_id"][x["movie_id"]], taste["user_id"][x["user_id"]])
    (x, y), (x_test, y_test) = own_case.split((x, y), 300)
    model = network(compressed)
    own_case.fit(model, x, y, epochs=3)
    names = tuple(f"{name}_embedding" for name, (_, method) in TABLES.items() if method) if compressed else ()
    return Case(model, x_test, y_test[:, None], keras.metrics.AUC(), 0.5, names)
