"""Two towers and a click model on generated data in which everything that matters is planted."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from tests.benchmarks.plain_models import Problem

NAMES = ("two towers", "dlrm")
USERS, ITEMS, GROUPS, LINES, WIDTH = 4_000, 8_000, 40, 60_000, 32


class Lines(keras.utils.PyDataset):
    """Lines in batches, shuffled by seed and epoch."""

    def __init__(self, x: dict[str, np.ndarray], y: np.ndarray, seed: int) -> None:
        super().__init__()
        self.x, self.y, self.seed, self.epoch = x, y, seed, 0

    def __len__(self) -> int:
        return len(self.y) // 256

    def __getitem__(self, batch: int) -> Any:
        rows = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.y))[batch * 256 :][:256]
        return {name: column[rows] for name, column in self.x.items()}, self.y[rows]


def lines(rng: np.random.Generator, count: int, tastes: np.ndarray, kinds: np.ndarray) -> tuple[Any, Any]:
    """Draw users and items, the lower ids the more often, and clicks where tastes suit kinds."""
    x = {
        "user": (USERS * rng.random(count) ** 2).astype(np.int32),
        "item": (ITEMS * rng.random(count) ** 2).astype(np.int32),
        "hour": rng.integers(0, 24, count).astype(np.int32),
    }
    suits = np.einsum("ij,ij->i", tastes[x["user"]], kinds[x["item"]]) + 0.5 * np.sin(x["hour"] / 24 * 2 * np.pi)
    return x, (rng.random(count) < 1 / (1 + np.exp(-2 * suits))).astype(np.float32)


def problem(name: str) -> Problem:
    """Return a problem: users and items of groups whose vectors decide who clicks on what."""
    rng = np.random.default_rng(0)
    groups = rng.standard_normal((2, GROUPS, 6)) / 6**0.25
    tastes, kinds = (
        groups[side][rng.integers(0, GROUPS, size)] + 0.2 * rng.standard_normal((size, 6))
        for side, size in enumerate((USERS, ITEMS))
    )
    train, valid, test = (lines(rng, count, tastes, kinds) for count in (LINES * 4, 20_000, 20_000))

    def model() -> keras.Model:
        inputs = {each: keras.Input((), dtype="int32", name=each) for each in ("user", "item", "hour")}
        user = keras.layers.Embedding(USERS, WIDTH, name="user_table")(inputs["user"])
        item = keras.layers.Embedding(ITEMS, WIDTH, name="item_table")(inputs["item"])
        hour = keras.layers.Embedding(24, WIDTH, name="hour_table")(inputs["hour"])
        if name == "dlrm":
            products = [keras.layers.Dot(1)([one, other]) for one, other in ((user, item), (user, hour), (item, hour))]
            hidden = keras.layers.Dense(32, "relu")(keras.layers.Concatenate()([*products, user, item, hour]))
            answer = keras.layers.Dense(1, "sigmoid", name="click")(hidden)
        else:
            one = keras.layers.Dense(16)(keras.layers.Dense(32, "relu")(user))
            other = keras.layers.Dense(16)(keras.layers.Dense(32, "relu")(keras.layers.Concatenate()([item, hour])))
            answer = keras.layers.Dense(1, "sigmoid", name="click")(keras.layers.Dot(1)([one, other]))
        made = keras.Model(inputs, answer)
        made.compile(keras.optimizers.Adam(0.002), "binary_crossentropy")
        return made

    def auc(made: keras.Model, given: tuple[Any, Any]) -> float:
        return float(roc_auc_score(given[1], made.predict(given[0], batch_size=4096, verbose=0)[:, 0]))

    return Problem(
        model, lambda seed: Lines(*train, seed), 5, 2, lambda made: auc(made, valid), lambda made: auc(made, test)
    )
