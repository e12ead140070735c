"""A user's model and data as they come: data of every kind give the same batches, files the same arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ondevice.errors import OnDeviceError, UsageError
from ondevice.pipeline.own_model import batches, built, read_arrays, require_file, sample_of

X = {"user": np.arange(6, dtype=np.int32), "price": np.linspace(0, 1, 6, dtype=np.float32)[:, None]}
Y = np.array([0, 1, 1, 0, 1, 0], np.float32)


class Batches(keras.utils.PyDataset):
    """Batches of four, the last one shorter."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        rows = slice(4 * number, 4 * number + 4)
        return {name: values[rows] for name, values in X.items()}, Y[rows]


def generated() -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
    yield from (Batches()[number] for number in range(2))


PAIRS: dict[str, Callable[[], Any]] = {
    "arrays": lambda: (X, Y),
    "tf.data": lambda: tf.data.Dataset.from_tensor_slices((X, Y)).batch(4),
    "PyDataset": Batches,
    "generator": generated,
    "list of batches": lambda: [Batches()[0], Batches()[1]],
}


def joined(parts: list[Any]) -> np.ndarray:
    return np.concatenate([np.asarray(part) for part in parts])


@pytest.mark.parametrize("kind", PAIRS)
def test_every_kind_of_data_gives_the_same_rows(kind: str) -> None:
    inputs, targets = zip(*batches(PAIRS[kind]()), strict=True)
    assert {name: joined([each[name] for each in inputs]).tolist() for name in X} == {
        n: v.tolist() for n, v in X.items()
    }
    assert joined(list(targets)).tolist() == Y.tolist()
    assert len(inputs) == (1 if kind == "arrays" else 2)


@pytest.mark.parametrize(
    ("data", "batch"),
    [
        (X, X),
        (X["user"], X["user"]),
        ([X["user"], X["price"]], [X["user"], X["price"]]),
        ((X,), X),
        ((X, None), X),
    ],
)
def test_inputs_alone_have_no_targets(data: Any, batch: Any) -> None:
    [(inputs, targets)] = batches(data)
    assert targets is None
    assert keras.tree.map_structure(np.ndarray.tolist, inputs) == keras.tree.map_structure(np.ndarray.tolist, batch)


def test_batches_of_inputs_alone_have_no_targets() -> None:
    found = list(batches(tf.data.Dataset.from_tensor_slices(X).batch(4)))
    assert [target for _, target in found] == [None, None]
    assert joined([inputs["user"] for inputs, _ in found]).tolist() == X["user"].tolist()


def test_a_tensor_alone_is_one_batch() -> None:
    [(inputs, targets)] = batches(tf.constant(X["user"]))
    assert targets is None
    assert inputs.numpy().tolist() == X["user"].tolist()


def written(folder: Path, **arrays: np.ndarray) -> Path:
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def test_a_file_gives_inputs_by_name_and_the_target(tmp_path: Path) -> None:
    inputs, target = read_arrays(written(tmp_path, **X, y=Y))
    assert {name: values.tolist() for name, values in inputs.items()} == {n: v.tolist() for n, v in X.items()}
    assert target.tolist() == Y.tolist()


def test_slashes_nest_inputs_and_targets(tmp_path: Path) -> None:
    inputs, target = read_arrays(written(tmp_path, **{"a/b": X["user"], "a/c/d": X["price"], "y/out": Y}))
    assert inputs["a"].keys() == {"b", "c"}
    assert inputs["a"]["c"]["d"].shape == (6, 1)
    assert target["out"].tolist() == Y.tolist()


def test_the_only_array_stands_for_itself_and_a_nested_one_does_not(tmp_path: Path) -> None:
    inputs, target = read_arrays(written(tmp_path, user=X["user"]))
    assert isinstance(inputs, np.ndarray)
    assert target is None
    inputs, _ = read_arrays(written(tmp_path, **{"a/user": X["user"]}))
    assert inputs["a"]["user"].tolist() == X["user"].tolist()


def test_damaged_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"data .*no\.npz' do not exist; `numpy\.savez` writes such a file"):
        read_arrays(tmp_path / "no.npz")
    path = written(tmp_path, **X)
    content = path.read_bytes()
    for damaged in (b"", b"text", content[:40], content[:-60]):
        path.write_bytes(damaged)
        with pytest.raises(OnDeviceError, match=r"data .*data\.npz' can.t be read: "):
            read_arrays(path)


def test_arrays_of_objects_are_not_unpickled(tmp_path: Path) -> None:
    with pytest.raises(OnDeviceError, match=r"can.t be read: .*allow_pickle"):
        read_arrays(written(tmp_path, user=np.array([{"a": 1}], object)))


def functional() -> keras.Model:
    user, price = keras.Input((3,), dtype="int32", name="user"), keras.Input((1,), name="price")
    pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(9, 4)(user))
    joined = keras.layers.Concatenate()([pooled, price])
    return keras.Model({"user": user, "price": price}, keras.layers.Dense(1)(joined))


def test_a_functional_model_of_fixed_shapes_needs_no_sample() -> None:
    sample = sample_of(functional())
    assert {name: (values.shape[1:], values.dtype.name) for name, values in sample.items()} == {
        "user": ((3,), "int32"),
        "price": ((1,), "float32"),
    }
    assert functional()(sample).shape == (len(sample["user"]), 1)


def test_open_shapes_and_other_models_need_one() -> None:
    anything = keras.Input((None,), dtype="int32")
    of_any_length = keras.Model(anything, keras.layers.Embedding(9, 4)(anything), name="open")
    with pytest.raises(UsageError, match="sample is not given; for model 'open' it is needed"):
        sample_of(of_any_length)

    class Own(keras.Model):
        def call(self, ids: Any) -> Any:
            return ids

    with pytest.raises(UsageError, match="sample is not given"):
        sample_of(Own())


def test_models_come_as_objects_or_files(tmp_path: Path) -> None:
    model = functional()
    assert built(model) is model
    model.save(tmp_path / "model.keras")
    again = built(tmp_path / "model.keras")
    assert [weight.shape for weight in again.weights] == [weight.shape for weight in model.weights]
    assert built(str(tmp_path / "model.keras")).name == model.name


def test_what_is_no_built_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"model is a builtins\.dict; allowed is a model of Keras 3"):
        built({})
    with pytest.raises(UsageError, match="model 'new' is not built; call it with a batch first"):
        built(keras.Sequential([keras.layers.Dense(1)], name="new"))
    for path in (tmp_path / "no.keras", tmp_path):
        with pytest.raises(UsageError, match=r"is no file that ends with \.keras"):
            require_file(path)
    (tmp_path / "bad.keras").write_bytes(b"no archive")
    with pytest.raises(OnDeviceError, match=r"model .*bad\.keras' can't be read by Keras: "):
        built(tmp_path / "bad.keras")
