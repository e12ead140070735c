"""Static text embedding: table, masked mean, length one (as model2vec's); Sequential, and nothing but a vector out."""

from __future__ import annotations

import keras
import numpy as np

from tests import own_case
from tests.own_case import Case

TOKENS, LENGTH, WIDTH, TOPICS = 1_600, 12, 16, 8


def neighbours(topics: np.ndarray, vectors: np.ndarray) -> float:
    """Return how many texts have the topic of the text that is most similar to them."""
    vectors = np.asarray(vectors)
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -np.inf)
    return float(np.mean(topics[np.argmax(similar, axis=1)] == topics))


def case(compressed: bool) -> Case:
    """Return the case; every second word of a text is one of its topic."""
    rng = np.random.default_rng(9)
    topics = rng.integers(0, TOPICS, 3_000)
    words = own_case.often(rng, TOKENS // TOPICS, (3_000, LENGTH), 1) * TOPICS
    own = rng.random((3_000, LENGTH)) < 0.5
    x = (words + np.where(own, topics[:, None], rng.integers(0, TOPICS, words.shape))).astype(np.int32)
    x[np.arange(LENGTH)[None] >= rng.integers(5, LENGTH + 1, (3_000, 1))] = 0
    encoder = keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            own_case.table(compressed, "token_embedding", TOKENS, WIDTH, "product_codes", mask_zero=True),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.UnitNormalization(),
        ]
    )
    (x, y), (x_test, y_test) = own_case.split((x, topics), 300)
    own_case.fit(
        keras.Sequential([encoder, keras.layers.Dense(TOPICS, "softmax")]),
        x,
        y,
        "sparse_categorical_crossentropy",
        epochs=4,
        rate=0.03,
    )
    names = ("token_embedding",) if compressed else ()
    return Case(encoder, x_test, y_test, neighbours, 1 / TOPICS, names)
