"""Self-attentive sequential recommendation: scores over the items' own table (keras-rs `sas_rec`)."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tests import own_case
from tests.own_case import Case

ITEMS, LENGTH, WIDTH, GROUP, K = 241, 12, 16, 12, 10


class Block(keras.layers.Layer):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attention = keras.layers.MultiHeadAttention(2, WIDTH // 2)
        self.first, self.second = keras.layers.LayerNormalization(), keras.layers.LayerNormalization()
        self.inner, self.outer = keras.layers.Dense(32, "gelu"), keras.layers.Dense(WIDTH)

    def call(self, x: Any, mask: Any) -> Any:
        normal = self.first(x)
        x = x + self.attention(normal, normal, attention_mask=mask[:, None, :], use_causal_mask=True)
        return x + self.outer(self.inner(self.second(x)))


@keras.saving.register_keras_serializable("own_models")
class SASRec(own_case.Savable, keras.Model):
    def __init__(self, compressed: bool) -> None:
        super().__init__()
        self.compressed = compressed
        self.items = own_case.table(compressed, "item_embedding", ITEMS, WIDTH, "memcom", sharing="block")
        self.positions = keras.layers.Embedding(LENGTH, WIDTH, name="position_embedding")
        self.blocks = [Block(name=f"block_{number}") for number in range(2)]
        self.normal = keras.layers.LayerNormalization()

    def catalogue(self) -> Any:
        """Return the vectors of all items, which are those that the histories are looked up in."""
        if isinstance(self.items, keras.layers.Embedding):
            return self.items.embeddings
        return self.items(keras.ops.arange(ITEMS, dtype="int32"))

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        ids, mask = inputs["item_ids"], inputs["padding_mask"]
        x = self.items(ids) + self.positions(keras.ops.arange(LENGTH, dtype="int32"))
        for block in self.blocks:
            x = block(x, mask)
        # The vector of the newest item, behind which there is padding.
        newest = keras.ops.sum(keras.ops.cast(mask, "int32"), axis=1) - 1
        hidden = keras.ops.take_along_axis(self.normal(x), newest[:, None, None], axis=1)[:, 0]
        return keras.ops.matmul(hidden, keras.ops.transpose(self.catalogue()))


def top(scores: np.ndarray, seen: np.ndarray) -> dict[str, np.ndarray]:
    """Return the items that the file answers with: the best ones that are not in the history."""
    rows = np.arange(len(scores))[:, None]
    scores = scores.copy()
    scores[rows, seen] = -np.inf
    scores[:, 0] = -np.inf
    items = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    return {"items": items, "scores": scores[rows, items]}


def reciprocal_rank(items: np.ndarray, answers: dict[str, np.ndarray]) -> float:
    """Return the mean of one over the rank of the right item, of nothing where it is not among the answers."""
    found = np.asarray(answers["items"]) == np.asarray(items)[:, None]
    return float(np.mean(np.sum(found / (1 + np.arange(found.shape[1])), axis=1)))


def case(compressed: bool) -> Case:
    """Return the case; a history stays within a group of twelve items."""
    rng = np.random.default_rng(6)
    order = np.argsort(rng.random((2_000, GROUP)), axis=1)
    items = (1 + GROUP * rng.integers(0, (ITEMS - 1) // GROUP, (2_000, 1)) + order).astype(np.int32)
    x, length = np.zeros((2_000, LENGTH), np.int32), rng.integers(4, GROUP - 1, 2_000)
    x[:, :GROUP] = np.where(np.arange(GROUP)[None] < length[:, None], items, 0)
    x, y = {"item_ids": x, "padding_mask": x > 0}, items[np.arange(2_000), length]
    (x, y), (x_test, y_test) = own_case.split((x, y), 300)
    model = SASRec(compressed)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    own_case.fit(model, x, y, loss, epochs=5, rate=0.02)
    head = ("top_k", {"k": K, "exclude": "item_ids", "never": 1})
    chance = float(np.sum(1 / (1 + np.arange(K)))) / ITEMS
    names = ("item_embedding",) if compressed else ()
    return Case(
        model,
        x_test,
        y_test,
        reciprocal_rank,
        chance,
        names,
        head,
        predict=lambda scores: top(scores, x_test["item_ids"]),
    )
