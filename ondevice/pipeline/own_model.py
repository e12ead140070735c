"""A user's model and data as they come: a model or its file, a sample or none, batches of any kind."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ondevice import arrays
from ondevice.errors import OnDeviceError, UsageError

TARGET = "y"
"""Name of the array of a `.npz` file that holds what a model should answer."""


def require_file(model: Any) -> None:
    """Raise a `UsageError` if a model is given by a path where no file of Keras is."""
    if isinstance(model, (str, Path)) and not (Path(model).is_file() and Path(model).suffix == ".keras"):
        raise UsageError(f"model {str(model)!r} is no file that ends with .keras; `model.save` writes one.")


def built(model: Any) -> Any:
    """Return a built Keras model.

    Args:
        model: the model, or path of a `.keras` file.

    Raises:
        UsageError: it is none, or was never called.
        OnDeviceError: the file can't be read.
    """
    require_file(model)
    import keras

    # Registered, so that Keras can read a model with such layers.
    from ondevice.embeddings import swap  # noqa: F401

    if isinstance(model, (str, Path)):
        path = Path(model)
        try:
            arrays.require_unpacked_size(path)
            with zipfile.ZipFile(path) as archive:
                version = json.loads(archive.read("metadata.json"))["keras_version"]
            if version.startswith("2."):
                raise UsageError(f"model {str(path)!r} was saved by Keras {version}; allowed is one of Keras 3.")
            with warnings.catch_warnings():
                # Of layers that a file lacks Keras takes the initial weights, and warns of it.
                warnings.filterwarnings("error", message=".*freshly-initialized")
                model = keras.saving.load_model(path, compile=False)
        except (*arrays.DAMAGE, UserWarning) as error:
            said = str(error).strip().partition("\n")[0]
            raise OnDeviceError(f"model {str(path)!r} can't be read by Keras: {said}") from error
    if not isinstance(model, keras.Model):
        kind = f"{type(model).__module__}.{type(model).__name__}"
        raise UsageError(f"model is a {kind}; allowed is a model of Keras 3 (one of Keras 2 has to be built anew).")
    if not model.built:
        raise UsageError(f"model {model.name!r} is not built; call it with a batch first.")
    return model


def sample_of(model: Any) -> Any:
    """Return a batch of ones for a functional model whose inputs have fixed shapes: id 0 may be padding.

    Raises:
        UsageError: nothing tells the shapes.
    """
    tensors = getattr(model, "inputs", None)
    if not tensors or any(None in tensor.shape[1:] or tensor.dtype == "string" for tensor in tensors):
        raise UsageError(
            f"sample is not given; for model {model.name!r} it is needed to tell the shapes of its inputs."
        )
    arrays = {tensor.name: np.ones((2, *tensor.shape[1:]), tensor.dtype) for tensor in tensors}
    return arrays if len(arrays) > 1 else next(iter(arrays.values()))


def batches(data: Any) -> Iterator[tuple[Any, Any]]:
    """Give batches of inputs with what should be answered, or None where nobody says.

    Args:
        data: a pair of inputs and targets, inputs alone as a dict or an array, or whatever gives batches of these: a
            `tf.data.Dataset`, a `keras.utils.PyDataset`, a generator.
    """
    if isinstance(data, Mapping) or hasattr(data, "shape"):
        yield data, None
    elif isinstance(data, tuple):
        yield data[0], data[1] if len(data) > 1 else None
    elif isinstance(data, list) and all(isinstance(each, np.ndarray) for each in data):
        yield data, None
    else:
        given = (data[number] for number in range(len(data))) if hasattr(data, "num_batches") else data
        for batch in given:
            yield (batch[0], batch[1] if len(batch) > 1 else None) if isinstance(batch, tuple) else (batch, None)


def read_arrays(path: Path) -> tuple[Any, Any]:
    """Read a `.npz` file: one array per input, and what should be answered as `y`, or as `y/NAME` for several outputs.

    Args:
        path: the file; a slash in a name nests inputs.

    Returns:
        inputs as a dict, or the only array, and what should be answered, None where the file does not say.

    Raises:
        UsageError: there is no such file.
        OnDeviceError: it is damaged.
    """
    if not path.is_file():
        raise UsageError(f"data {str(path)!r} do not exist; `numpy.savez` writes such a file.")
    nested: dict[str, Any] = {}
    for name, values in arrays.read_archive(path, "data").items():
        *outer, last = name.split("/")
        place = nested
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = values
    target = nested.pop(TARGET, None)
    [*alone] = nested.values()
    return (alone[0] if len(alone) == 1 and not isinstance(alone[0], dict) else nested), target
