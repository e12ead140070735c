"""Lowering refuses what it would convert silently wrong."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from converters.lower import lower
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import registry
from ondevice.errors import OnDeviceError
from ondevice.models.network import load_network
from ondevice.quantize.encode import encode

METHOD = registry.load("memcom").for_ratio(40, 8, 4.0)


def two_tables() -> keras.Model:
    """Return a model that looks two features up in two tables of one shape."""
    items, country = keras.Input((5,), dtype="int32", name="items"), keras.Input((5,), dtype="int32", name="country")
    vectors = [CompressedEmbedding.of(METHOD, name=f"{ids.name}_embedding")(ids) for ids in (items, country)]
    return keras.Model([items, country], keras.layers.Dense(1, name="scores")(keras.layers.add(vectors)[:, 0]))


def test_two_tables_are_refused(tmp_path: Path) -> None:
    model = two_tables()
    values = {table.name: np.ones((table.rows, table.width), np.float32) for table in METHOD.tables()}
    message = "has 2 compressed embeddings: country_embedding, items_embedding; allowed is one"
    with pytest.raises(OnDeviceError, match=message):
        lower(model, encode(METHOD, values, "float32"))
    model.save(tmp_path / "model.keras")
    with pytest.raises(OnDeviceError, match=message):
        load_network(tmp_path / "model.keras")


def test_models_without_scores_or_a_graph_are_refused() -> None:
    values = {table.name: np.ones((table.rows, table.width), np.float32) for table in METHOD.tables()}
    encoded = encode(METHOD, values, "float32")
    ids = keras.Input((5,), dtype="int32")
    with pytest.raises(OnDeviceError, match="has no layer 'scores'"):
        lower(keras.Model(ids, CompressedEmbedding.of(METHOD)(ids)), encoded)

    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.look_up = CompressedEmbedding.of(METHOD)

    with pytest.raises(OnDeviceError, match="is a Own; allowed is a functional model"):
        lower(Own(), encoded)
