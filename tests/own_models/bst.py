"""Behaviour sequence transformer: strings of watched movies and of the target share one table, ratings are numbers."""

from __future__ import annotations

import keras
import numpy as np

from tests import own_case
from tests.own_case import Case

MOVIES, USERS, LENGTH, WIDTH = 400, 300, 6, 16


def network(compressed: bool, keys: dict[str, list[str]]) -> keras.Model:
    target = keras.Input((), name="target_movie", dtype="string")
    watched = keras.Input((LENGTH,), name="watched_movies", dtype="string")
    ratings = keras.Input((LENGTH,), name="watched_ratings", dtype="float32")
    user = keras.Input((), name="user_id", dtype="string")
    # One id each for all unknown strings, and for the strings in place of movies that were not watched.
    number_of = keras.layers.StringLookup(vocabulary=keys["movie"], mask_token="", name="movie_lookup")
    movies = own_case.table(compressed, "movie_embedding", MOVIES + 2, WIDTH, "memcom")
    users = own_case.table(compressed, "user_embedding", USERS + 1, WIDTH, "truncate_rare")
    numbers = number_of(watched)
    place = keras.layers.Embedding(LENGTH, WIDTH, name="place_embedding")(np.arange(LENGTH, dtype=np.int32)[None])
    sequence = keras.layers.Add()([movies(numbers), place])
    sequence = keras.layers.Multiply()([sequence, keras.layers.Reshape((LENGTH, 1))(ratings)])
    target_vector = keras.layers.Reshape((1, WIDTH))(movies(number_of(target)))
    x = keras.layers.Concatenate(axis=1)([sequence, target_vector])
    attended = keras.layers.MultiHeadAttention(2, WIDTH // 2, dropout=0.1)(x, x)
    x = keras.layers.LayerNormalization()(keras.layers.Add()([x, attended]))
    user_number = keras.layers.StringLookup(vocabulary=keys["user"], name="user_lookup")(user)
    x = keras.layers.Concatenate()([keras.layers.Flatten()(x), users(user_number)])
    x = keras.layers.Dense(24, "leaky_relu")(x)
    inputs = [user, watched, ratings, target]
    return keras.Model(inputs, keras.layers.Dense(1, "sigmoid", name="liked")(x))


def case(compressed: bool) -> Case:
    """Return the case; some movies are liked by most, and lovers of one kind like more of it."""
    rng = np.random.default_rng(7)
    keys = {"movie": [f"movie_{n}" for n in range(MOVIES)], "user": [f"user_{n}" for n in range(USERS)]}
    kind = rng.choice([-1.0, 1.0], MOVIES)
    target, watched = own_case.often(rng, MOVIES, 3_000), own_case.often(rng, MOVIES, (3_000, LENGTH))
    ratings = rng.integers(1, 6, (3_000, LENGTH)).astype(np.float32) / 5
    user = own_case.often(rng, USERS, 3_000)
    fan = ((ratings - 0.6) * kind[watched]).sum(1) * kind[target]
    y = own_case.clicks(rng, fan, 1.5 * rng.standard_normal(MOVIES)[target])
    names = np.array([*keys["movie"], ""])
    # Early rows have watched little, and one movie in a hundred is unknown.
    watched = np.where(np.arange(LENGTH)[None] < rng.integers(1, LENGTH + 1, (3_000, 1)), watched, MOVIES)
    strings = np.where(rng.random(watched.shape) < 0.01, "movie_new", names[watched])
    x = {"user_id": np.array(keys["user"])[user], "watched_movies": strings, "watched_ratings": ratings}
    x["target_movie"] = names[target]
    (x, y), (x_test, y_test) = own_case.split((x, y), 300)
    model = network(compressed, keys)
    own_case.fit(model, x, y[:, None], epochs=4)
    compressed_names = ("movie_embedding", "user_embedding") if compressed else ()
    return Case(model, x_test, y_test[:, None], keras.metrics.AUC(), 0.5, compressed_names)
