"""What a short text asks for: functional, tokens as ids, one of a few labels."""

from __future__ import annotations

import keras
import numpy as np

from tests import own_case
from tests.own_case import Case

TOKENS, LENGTH, WIDTH = 1_000, 8, 16
LABELS = ("alarm", "music", "weather", "call")


def case(compressed: bool) -> Case:
    """Return the case; every second word hints at the label."""
    rng = np.random.default_rng(11)
    labels = rng.integers(0, len(LABELS), 3_000)
    words = own_case.often(rng, TOKENS // len(LABELS), (3_000, LENGTH), 1) * len(LABELS)
    hints = rng.random(words.shape) < 0.5
    x = (words + np.where(hints, labels[:, None], rng.integers(0, len(LABELS), words.shape))).astype(np.int32)
    x[np.arange(LENGTH)[None] >= rng.integers(2, LENGTH + 1, (3_000, 1))] = 0
    ids = keras.Input((LENGTH,), name="tokens", dtype="int32")
    vectors = own_case.table(compressed, "token_embedding", TOKENS, WIDTH, "compositional", mask_zero=True)(ids)
    hidden = keras.layers.Dense(16, "relu")(keras.layers.GlobalAveragePooling1D()(vectors))
    model = keras.Model(ids, keras.layers.Dense(len(LABELS), "softmax", name="intent")(hidden))
    (x, y), (x_test, y_test) = own_case.split((x, labels), 300)
    own_case.fit(model, x, y, "sparse_categorical_crossentropy", epochs=3, rate=0.02)
    head = ("probabilities", {"labels": list(LABELS)})
    names = ("token_embedding",) if compressed else ()
    metric = keras.metrics.SparseCategoricalAccuracy()
    return Case(model, x_test, y_test, metric, 1 / len(LABELS), names, head)
