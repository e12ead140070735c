"""A tiny text bundle, made by hand: each word votes for a label by the table of the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ondevice import bundle as bundles
from ondevice.files import sha256

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


def write_text_bundle(folder: Path, like: Path, scratch: Path) -> None:
    """Write the text bundle, with the fields that do not matter taken from a ranking bundle."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([1, LENGTH], tf.int32, name="ids")])
    def classify(ids: Any) -> Any:
        scores = tf.nn.softmax(tf.reduce_sum(tf.gather(tf.constant(VOTES), ids), axis=1) + BIAS)
        best = tf.math.top_k(scores, len(LABELS))
        return {"labels": best.indices, "scores": best.values}

    module = tf.Module()
    module.classify = classify
    tf.saved_model.save(module, str(scratch), signatures={"classify": classify})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(scratch), signature_keys=["classify"])
    folder.mkdir()
    (folder / bundles.MODEL_FILE).write_bytes(converter.convert())
    (folder / bundles.VOCABULARY_FILE).write_text("".join(f"{key}\n" for key in KEYS), encoding="utf-8")
    vectors = []
    for text in TEXTS:
        ids = encode(text)
        items, scores = expected(ids)
        keys = [LABELS[item] for item in items]
        named = {"name": text[:20] or "no text", "edge": not text, "ids": ids, "items": items, "keys": keys}
        vectors.append({**named, "scores": scores, "score_range": 1.0})
    texts = [{"text": text, "ids": encode(text)} for text in TEXTS]
    content = {"schema_version": bundles.SCHEMA_VERSION, "vectors": vectors, "texts": texts}
    (folder / bundles.TEST_VECTORS_FILE).write_text(json.dumps(content), encoding="utf-8")
    manifest = json.loads((like / bundles.MANIFEST_FILE).read_text())
    tensor = {"name": "labels", "shape": [1, len(LABELS)], "dtype": "int32"}
    manifest |= {
        "name": "votes",
        "task": "text",
        "labels": LABELS,
        "tokenizer": {"name": "words", "lowercase": True},
        "signature": "classify",
        "inputs": [{"name": "ids", "shape": [1, LENGTH], "dtype": "int32"}],
        "outputs": [tensor, {**tensor, "name": "scores", "dtype": "float32"}],
        "vocabulary_size": len(KEYS),
        "history_length": LENGTH,
        "top_k": len(LABELS),
        "excludes_history": False,
        "file_bytes": (folder / bundles.MODEL_FILE).stat().st_size,
        "appended_bytes": 0,
        "sha256": {name: sha256(folder / name) for name in manifest["sha256"]},
    }
    (folder / bundles.MANIFEST_FILE).write_text(json.dumps(manifest), encoding="utf-8")
