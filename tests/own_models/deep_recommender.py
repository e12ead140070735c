"""Deep recommender: nested towers, titles and genres as padded tokens (keras-rs `deep_recommender`)."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tests import own_case
from tests.own_case import Case

USERS, MOVIES, TOKENS, GENRES, AGES, OCCUPATIONS = 600, 1_000, 800, 18, 10, 21
WIDTH = 8


def tokens(table: keras.layers.Layer) -> keras.Sequential:
    """Return the mean of the vectors of what is not padding."""
    return keras.Sequential([table, keras.layers.GlobalAveragePooling1D()])


class Tower(keras.layers.Layer):
    def __init__(self, parts: dict[str, keras.layers.Layer], name: str) -> None:
        super().__init__(name=name)
        self.parts = parts
        self.dense = keras.Sequential([keras.layers.Dense(24, "relu"), keras.layers.Dense(WIDTH)])

    def call(self, inputs: dict[str, Any]) -> Any:
        vectors = [part(inputs[name]) for name, part in self.parts.items()]
        return self.dense(keras.ops.concatenate(vectors, axis=-1))


@keras.saving.register_keras_serializable("own_models")
class DeepRecommender(own_case.Savable, keras.Model):
    def __init__(self, compressed: bool) -> None:
        super().__init__()
        self.compressed = compressed

        def table(name: str, rows: int, method: str = "", mask_zero: bool = False) -> keras.layers.Layer:
            return own_case.table(compressed and bool(method), f"{name}_embedding", rows, WIDTH, method, mask_zero)

        of_user = {"user_id": table("user", USERS, "memcom"), "age": table("age", AGES)}
        self.query = Tower({**of_user, "occupation": table("occupation", OCCUPATIONS)}, "query")
        of_movie = {"movie_id": table("movie", MOVIES, "factorized")}
        of_movie["title"] = tokens(table("title", TOKENS, "hashing", True))
        self.candidate = Tower({**of_movie, "genres": tokens(table("genre", GENRES, "", True))}, "candidate")
        self.probability = keras.layers.Dense(1, "sigmoid")

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        product = keras.ops.sum(self.query(inputs) * self.candidate(inputs), axis=-1, keepdims=True)
        return self.probability(product)


def padded(rng: np.random.Generator, rows: int, shape: tuple[int, int], least: int) -> np.ndarray:
    """Draw ids from one on, filled with zeros behind."""
    ids = own_case.often(rng, rows, shape, 1)
    ids[np.arange(shape[1])[None] >= rng.integers(least, shape[1] + 1, (len(ids), 1))] = 0
    return ids


def case(compressed: bool) -> Case:
    """Return the case; genres suit ages, titles everybody or nobody."""
    rng = np.random.default_rng(4)
    sizes = {"user_id": USERS, "age": AGES, "occupation": OCCUPATIONS, "movie_id": MOVIES}
    x = {name: own_case.often(rng, rows, 4_000) for name, rows in sizes.items()}
    # Keras' mean of nothing but padding is no number, so every movie has a word and a genre.
    x["title"], x["genres"] = padded(rng, TOKENS, (4_000, 6), 1), padded(rng, GENRES, (4_000, 4), 1)
    by_age = rng.standard_normal((AGES, GENRES))[x["age"][:, None], x["genres"]]
    words = (rng.standard_normal(TOKENS)[x["title"]] * (x["title"] > 0)).sum(1)
    y = own_case.clicks(rng, (by_age * (x["genres"] > 0)).mean(1), words)
    (x, y), (x_test, y_test) = own_case.split((x, y), 300)
    model = DeepRecommender(compressed)
    own_case.fit(model, x, y[:, None], epochs=4, rate=0.02)
    names = ("user_embedding", "movie_embedding", "title_embedding") if compressed else ()
    return Case(model, x_test, y_test[:, None], keras.metrics.AUC(), 0.5, names)
