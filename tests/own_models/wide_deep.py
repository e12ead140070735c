"""Wide and deep over strings and numbers: functional, with StringLookup and Normalization inside."""

from __future__ import annotations

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from tests import own_case
from tests.own_case import Case

CAMPAIGNS, CITIES, GENDERS = 1_200, 300, 2
TABLES = {
    "campaign": (CAMPAIGNS, 16, "tensor_train"),
    "city": (CITIES, 8, "hashing"),
    "gender": (GENDERS, 4, ""),
}


def keys(name: str, rows: int) -> list[str]:
    return [f"{name} {number}" for number in range(rows)]


def network(compressed: bool, numbers: dict[str, np.ndarray]) -> keras.Model:
    inputs, wide, deep = {}, [], []
    for name, (rows, width, method) in TABLES.items():
        inputs[name] = keras.Input((1,), name=name, dtype="string")
        ids = keras.layers.StringLookup(vocabulary=keys(name, rows), name=f"{name}_lookup")(inputs[name])
        # The look-up layer has one id more, the first, for strings that it does not know.
        vectors = own_case.table(compressed and bool(method), f"{name}_embedding", rows + 1, width, method)(ids)
        deep.append(keras.layers.Flatten()(vectors))
        wide.append(keras.layers.Flatten()(keras.layers.Embedding(rows + 1, 1, name=f"{name}_wide")(ids)))
    for name, values in numbers.items():
        inputs[name] = keras.Input((1,), name=name, dtype="float32")
        scale = keras.layers.Normalization(name=f"{name}_scale")
        scale.adapt(values[:, None])
        deep.append(scale(inputs[name]))
    x = keras.layers.Dense(24, "relu")(keras.layers.Concatenate()(deep))
    x = keras.layers.Add()([keras.layers.Dense(1, use_bias=False)(x), *wide])
    return keras.Model(inputs, keras.layers.Activation("sigmoid", name="click")(x))


def case(compressed: bool) -> Case:
    """Return the case; income, campaign and city decide."""
    rng = np.random.default_rng(3)
    ids = {name: own_case.often(rng, rows, 3_000) for name, (rows, _, _) in TABLES.items()}
    taste = {name: rng.standard_normal(rows)[ids[name]] for name, (rows, _, _) in TABLES.items()}
    numbers = {"age": rng.normal(40, 12, 3_000), "income": rng.normal(50_000, 9_000, 3_000)}
    income = (numbers["income"] - 50_000) / 9_000
    y = own_case.clicks(rng, income, taste["campaign"], taste["city"])
    x = {name: np.array(keys(name, rows))[ids[name]][:, None] for name, (rows, _, _) in TABLES.items()}
    x |= {name: values[:, None].astype(np.float32) for name, values in numbers.items()}
    (x, y), (x_test, y_test) = own_case.split((x, y), 300)
    model = network(compressed, numbers)
    own_case.fit(model, x, y[:, None], epochs=3)
    names = tuple(f"{name}_embedding" for name, (_, _, method) in TABLES.items() if method) if compressed else ()
    return Case(model, x_test, y_test, roc_auc_score, 0.5, names)
