"""Tiny bundles of a model of one's own, made by hand: inputs of every kind, and outputs that rank or are numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.ondevice.web.hand_made import feature, tensor, vector, write_bundle

SONGS = ("", "[UNK]", "Blue Monday", "monday morning", "party Monday", "rock-17", "rock-18", "Über uns")
WORTH = np.array([0, 0, 1, 2, 3, 4, 5, 6], np.float32)
COUNTRIES = 5
INPUTS = (
    feature(
        "songs", "ids", (1, 4), "int32",
        size=len(SONGS), outside=1, padding=0, reserved=2, vocabulary="vocab-songs.txt",
    ),
    feature("country", "ids", (1, 1), "int32", size=COUNTRIES),
    feature("prices", "number", (1, 2), "float32"),
)  # fmt: skip
MEMBER = feature("member", "bool", (1, 1), "bool")

OUTPUTS = (tensor("rating", (1, 1), "float32"), tensor("parts", (1, 4), "float32"), tensor("rank", (1, 1), "int32"))
CALLS: tuple[dict[str, list[Any]], ...] = (
    {"songs": [5, 2, 0, 0], "country": [3], "prices": [2.5, -1.25], "member": [1]},
    {"songs": [0, 0, 0, 0], "country": [0], "prices": [0, 0], "member": [0]},
    {"songs": [7, 7, 6, 5], "country": [4], "prices": [1e3, 0.001], "member": [1]},
)


def expected(call: dict[str, list[Any]]) -> dict[str, list[float]]:
    """Return what the model answers, computed without it."""
    worth, price = float(WORTH[call["songs"]].sum()), float(sum(call["prices"]))
    parts = [worth, float(call["country"][0]), price, float(call.get("member", [0])[0])]
    return {"rating": [sum(parts)], "parts": parts, "rank": [call["songs"][0]]}


def write_own_bundle(folder: Path, member: str = "bool") -> None:
    """Write the bundle.

    Args:
        folder: folder to write.
        member: type of the input that is true or false: a browser's runtime takes no tensors of bool.
    """
    import tensorflow as tf

    def rate(songs: Any, country: Any, prices: Any, member: Any) -> Any:
        worth = tf.reduce_sum(tf.gather(tf.constant(WORTH), songs), axis=1, keepdims=True)
        price = tf.reduce_sum(prices, axis=1, keepdims=True)
        parts = tf.concat([worth, tf.cast(country, tf.float32), price, tf.cast(member, tf.float32)], axis=1)
        return {"rating": tf.reduce_sum(parts, axis=1, keepdims=True), "parts": parts, "rank": songs[:, :1]}

    vectors = [
        vector(f"row {number}", call, expected(call), ranges={"rating": 10.0, "parts": 10.0})
        for number, call in enumerate(CALLS)
    ]
    inputs = [*INPUTS, {**MEMBER, "dtype": member}]
    texts = [
        {"feature": "songs", "text": "Blue Monday", "ids": [2, 0, 0, 0]},
        {"feature": "songs", "text": "Blue", "ids": [1, 0, 0, 0]},
    ]
    write_bundle(
        folder, rate, {"vocab-songs.txt": SONGS}, vectors, texts,
        name="taste", inputs=inputs, outputs=OUTPUTS, head={"kind": "values"},
    )  # fmt: skip


def best_songs(songs: list[int], country: int) -> tuple[list[int], list[float]]:
    """Return the three best songs that are not given, and their scores."""
    scores = WORTH * (1 + country)
    free = [song for song in range(2, len(SONGS)) if song not in songs]
    best = sorted(free, key=lambda song: -scores[song])[:3]
    return best, [float(scores[song]) for song in best]


def write_ranking_bundle(folder: Path, exclude: str = "songs") -> None:
    """Write a bundle of a model of one's own that ranks.

    Args:
        folder: folder to write.
        exclude: name of the input whose ids are left out of the answer and name it, empty for none.
    """
    import tensorflow as tf

    def rank(songs: Any, country: Any) -> Any:
        scores = tf.constant(WORTH) * tf.cast(1 + country, tf.float32)
        given = tf.reduce_max(tf.one_hot(songs, len(SONGS)), axis=1)
        reserved = tf.constant([1.0, 1.0] + [0.0] * (len(SONGS) - 2))
        best = tf.math.top_k(scores - 1e9 * tf.maximum(given, reserved), 3)
        return {"items": best.indices, "scores": best.values}

    vectors = []
    for call in CALLS:
        inputs = {"songs": call["songs"], "country": call["country"]}
        items, scores = best_songs(call["songs"], call["country"][0])
        keys = [SONGS[item] for item in items] if exclude else []
        outputs = {"items": items, "scores": scores}
        vectors.append(vector(f"row {len(vectors)}", inputs, outputs, ranges={"scores": 36.0}, keys=keys))
    write_bundle(
        folder, rank, {"vocab-songs.txt": SONGS}, vectors,
        inputs=INPUTS[:2],
        outputs=[tensor("items", (1, 3), "int32"), tensor("scores", (1, 3), "float32")],
        head={"kind": "top_k", "k": 3, "exclude": exclude, "never": 2},
    )  # fmt: skip
