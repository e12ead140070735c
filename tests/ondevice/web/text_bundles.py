"""A tiny text bundle, made by hand: each word votes for a label by the table of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.ondevice.web.hand_made import feature, tensor, vector, write_bundle

KEYS = ("<padding>", "<unknown>", "awful", "boring", "it's", "fine", "great", "über")
LABELS = ("negative", "neutral", "positive")
LENGTH = 6
VOTES = np.array(
    [[0, 0, 0], [0, 0, 0], [3, 0, 0], [2, 1, 0], [0, 0, 0], [0, 2, 0.5], [0, 0, 3], [0, 0, 2.5]], np.float32
)
BIAS = np.array([0.1, 0.3, 0.2], np.float32)
TEXTS = ("It's GREAT<br />, really great!", "awful", "", "Über-fine; it's fine, it's fine, boring")


def encode(text: str) -> list[int]:
    """Cut a text into words by the rule of the tokenizer, letter by letter, and return the ids the file takes."""
    words, word = [], ""
    for letter in [*text, " "]:
        lowered = letter.lower() if letter.isascii() else letter
        if (letter.isascii() and letter.isalnum()) or letter == "'" or ord(letter) >= 0x80:
            word += lowered
        elif word:
            words, word = [*words, word], ""
    ids = [KEYS.index(each) if each in KEYS else 1 for each in words][-LENGTH:]
    return ids + [0] * (LENGTH - len(ids))


def expected(ids: list[int]) -> tuple[list[int], list[float]]:
    """Return the labels, best first, and their probabilities."""
    scores = VOTES[ids].sum(axis=0) + BIAS
    shares = np.exp(scores) / np.exp(scores).sum()
    order = np.argsort(-shares, kind="stable")
    return order.tolist(), shares[order].tolist()


def write_text_bundle(folder: Path) -> None:
    """Write the text bundle."""
    import tensorflow as tf

    def classify(ids: Any) -> Any:
        scores = tf.nn.softmax(tf.reduce_sum(tf.gather(tf.constant(VOTES), ids), axis=1) + BIAS)
        best = tf.math.top_k(scores, len(LABELS))
        return {"labels": best.indices, "scores": best.values}

    vectors = []
    for text in TEXTS:
        ids = encode(text)
        labels, scores = expected(ids)
        named = {"edge": not text, "ranges": {"scores": 1.0}, "keys": [LABELS[label] for label in labels]}
        vectors.append(vector(text[:20] or "no text", {"ids": ids}, {"labels": labels, "scores": scores}, **named))
    tokenizer = {"name": "words", "lowercase": True}
    typed = {"size": len(KEYS), "outside": 1, "padding": 0, "reserved": 2, "vocabulary": "vocab.txt"}
    write_bundle(
        folder,
        classify,
        {"vocab.txt": KEYS},
        vectors,
        [{"feature": "ids", "text": text, "ids": encode(text)} for text in TEXTS],
        name="votes",
        task="text",
        signature="classify",
        inputs=[feature("ids", "ids", (1, LENGTH), "int32", tokenizer=tokenizer, **typed)],
        outputs=[tensor("labels", (1, len(LABELS)), "int32"), tensor("scores", (1, len(LABELS)), "float32")],
        head={"kind": "probabilities", "k": len(LABELS), "labels": LABELS},
    )
