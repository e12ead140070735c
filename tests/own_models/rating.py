"""Rating and click together: nested inputs, two outputs, genres summed by EmbedReduce (keras-rs `multi_task`)."""

from __future__ import annotations

from typing import Any

import keras
import keras_rs
import numpy as np

from tests import own_case
from tests.own_case import Case

USERS, MOVIES, GENRES, WIDTH = 1_500, 900, 19, 16


@keras.saving.register_keras_serializable("own_models")
class Rating(own_case.Savable, keras.Model):
    def __init__(self, compressed: bool) -> None:
        super().__init__()
        self.compressed = compressed
        self.users = own_case.table(compressed, "user_embedding", USERS, WIDTH, "path_based")
        self.movies = own_case.table(compressed, "movie_embedding", MOVIES, WIDTH, "quotient_remainder")
        self.genres = keras_rs.layers.EmbedReduce(GENRES, WIDTH, combiner="mean", name="genre_embedding")
        self.hidden = keras.layers.Dense(24, "relu")
        self.rating = keras.layers.Dense(1, name="rating")
        self.click = keras.layers.Dense(1, "sigmoid", name="click")

    def call(self, inputs: dict[str, Any], training: bool = False) -> dict[str, Any]:
        user, movie = inputs["user"], inputs["movie"]
        vectors = [self.users(user["id"]), self.movies(movie["id"])]
        vectors.append(self.genres(movie["genres"], weights=movie["genre_weights"]))
        hidden = self.hidden(keras.ops.concatenate([*vectors, user["age"]], axis=-1))
        return {"rating": self.rating(hidden), "click": self.click(hidden)}


def correlation(y: dict[str, np.ndarray], answers: dict[str, np.ndarray]) -> float:
    """Return how well ratings correlate with those that were given."""
    return float(np.corrcoef(np.ravel(y["rating"]), np.ravel(answers["rating"]))[0, 1])


def case(compressed: bool) -> Case:
    """Return the case; ratings come from movie, genres and age, clicks from ratings."""
    rng = np.random.default_rng(8)
    user, movie = own_case.often(rng, USERS, 3_000), own_case.often(rng, MOVIES, 3_000)
    genres = own_case.often(rng, GENRES, (3_000, 4))
    weights = (np.arange(4)[None] < rng.integers(1, 5, (3_000, 1))).astype(np.float32)
    age = rng.random((3_000, 1)).astype(np.float32)
    by_genre = (rng.standard_normal(GENRES)[genres] * weights).sum(1) / weights.sum(1)
    rating = 3 + 0.5 * rng.standard_normal(MOVIES)[movie] + by_genre + age[:, 0] + rng.normal(0, 0.3, 3_000)
    x = {"user": {"id": user, "age": age}, "movie": {"id": movie, "genres": genres, "genre_weights": weights}}
    y = {"rating": rating[:, None].astype(np.float32), "click": own_case.clicks(rng, rating)[:, None]}
    (x, y), (x_test, y_test) = own_case.split((x, y), 300)
    model = Rating(compressed)
    own_case.fit(model, x, y, {"rating": "mse", "click": "binary_crossentropy"}, epochs=4)
    names = ("user_embedding", "movie_embedding") if compressed else ()
    return Case(model, x_test, y_test, correlation, 0.0, names)
