"""Which rows a look-up asks for, over the registry, at ten million ids: no runtime may overflow or round."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.embeddings.hashes import LARGEST, PRIME, hashed
from ondevice.embeddings.method import Method, registry
from ondevice.embeddings.ops import NumpyOps
from ondevice.embeddings.tensorflow_ops import TensorFlowOps

SIZE, LENGTH = 10_000_002, 64
METHODS: dict[str, Method] = {
    name: registry.load(name).for_ratio(SIZE, 64, 1.0 if name == "full" else 4.0) for name in registry.names()
}
METHODS["path_based three"] = registry.load("path_based").for_ratio(SIZE, 64, 4.0, partitions=3)
RUNTIMES = Host().installed()


def edges_and_samples(largest: int) -> np.ndarray:
    """Return ids where quotients change and ids from everywhere, int32 `[inferences, 1, LENGTH]`."""
    edges = [0, 1, 2, 3, *(PRIME + n for n in range(-1, 4)), 2**24 - 1, 2**24, 2**24 + 3, largest - 1, largest]
    samples = np.random.default_rng(0).integers(0, largest + 1, 10 * LENGTH - len(edges))
    return np.concatenate([np.minimum(edges, largest), samples]).astype(np.int32).reshape(-1, 1, LENGTH)


IDS, NUMBERS = edges_and_samples(SIZE - 1), edges_and_samples(LARGEST)


class NumpyIndices(NumpyOps):
    """Leaves out the products of rows, which no index depends on, but which take long for large tables."""

    zeros = staticmethod(np.zeros)

    def project(self, values: Any, matrix: Any) -> Any:
        """Return zeros of the product's shape."""
        return self.products(values, matrix)

    def products(self, left: Any, right: Any) -> Any:
        """Return zeros of the product's shape."""
        return self.zeros((*left.shape[:-1], right.shape[-1]), np.float32)


class TensorFlowIndices(TensorFlowOps):
    """The same with TensorFlow."""

    project, products = NumpyIndices.project, NumpyIndices.products

    @staticmethod
    def zeros(shape: tuple[int, ...], dtype: type) -> Any:
        """Return zeros."""
        import tensorflow as tf

        return tf.zeros(shape, dtype)


def rows_asked(method: Method, ids: Any, xp: NumpyIndices | TensorFlowIndices) -> dict[str, Any]:
    """Return the index of each time that the look-up asks for rows of its own, by table and number of the time."""
    asked: dict[str, Any] = {}
    tables = {table.name: table for table in method.tables()}

    def rows(name: str, index: Any) -> Any:
        if not tables[name].whole:
            asked[f"{name}_{len(asked)}"] = index
        return xp.zeros((*index.shape, tables[name].width), np.float32)

    method.lookup(ids, rows, xp)
    return asked


@pytest.fixture(scope="module", params=RUNTIMES)
def answers(request, tmp_path_factory) -> Mapping[str, np.ndarray]:
    """Return what one file with the arithmetic of all methods answers on a runtime."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("index")

    @tf.function(input_signature=[tf.TensorSpec([1, LENGTH], tf.int32, name=name) for name in ("ids", "numbers")])
    def recommend(ids: tf.Tensor, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        found = {
            f"{name}_{key}": index
            for name, method in METHODS.items()
            for key, index in rows_asked(method, ids, TensorFlowIndices()).items()
        }
        # An input can't be an output as well, and an index may be the ids themselves.
        found["hashed"] = hashed(numbers, 2**31 - 1, 3, TensorFlowOps())
        return {name: tf.identity(index) for name, index in found.items()}

    tf.saved_model.save(tf.Module(), str(folder), signatures={"recommend": recommend})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=["recommend"])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    model = Path(folder) / "index.tflite"
    model.write_bytes(converter.convert())
    job = Job(model, request.param, "recommend", {"ids": IDS, "numbers": NUMBERS}, warmups=0)
    outcome = Host().run(job)
    assert outcome.measurement.ok, outcome.measurement.message
    return outcome.outputs


@pytest.mark.parametrize("name", registry.names())
def test_rows_asked_for_are_the_same_on_every_runtime(name: str, answers: Mapping[str, np.ndarray]) -> None:
    expected = rows_asked(METHODS[name], IDS, NumpyIndices())
    largest = {table.name: table.rows - 1 for table in METHODS[name].tables()}
    for key, index in expected.items():
        assert index.dtype == np.int32
        assert index.min() >= 0
        assert index.max() <= largest[key.rpartition("_")[0]]
        np.testing.assert_array_equal(answers[f"{name}_{key}"], index)


def test_hashes_are_the_same_on_every_runtime(answers: Mapping[str, np.ndarray]) -> None:
    expected = hashed(NUMBERS, 2**31 - 1, 3, NumpyOps())
    assert expected.max() > 0.99 * LARGEST, "numbers come near the end of int32"
    np.testing.assert_array_equal(answers["hashed"], expected)


def test_tensorflow_has_every_operation_of_its_own() -> None:
    """One that it inherits would be computed once, when the graph is made."""
    defined = {name for name in vars(NumpyOps) if not name.startswith("_")}
    assert defined - {"batched"} <= set(vars(TensorFlowOps))
