"""From an ordinary embedding to a compressed one in place: the layer stays the same object wherever a model has it.

It rests on members of Keras that are not public: `_tracker`, `_untrack_variable` and `_embeddings`.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from ondevice.embeddings.layer import MARK, CompressedEmbedding
from ondevice.embeddings.method import Method
from ondevice.errors import OnDeviceError

FUNCTIONS = ("train_function", "test_function", "predict_function")
"""What Keras compiles of a model and keeps."""
COMPRESSED: dict[type, type] = {}
"""The class that each class of Keras becomes."""


def compressed_kind(kind: type) -> None:
    """Make and register the compressed class of `keras.layers.Embedding`, or of one that is derived from it.

    It has the same name, by which Keras finds the variables of layers in lists.

    Args:
        kind: the class, which looks ids up by `super().call` and reads its table as `self.embeddings`.
    """
    if kind in COMPRESSED:
        return
    own = {name: getattr(CompressedEmbedding, name) for name in ("save_own_variables", "load_own_variables")}
    bases = (CompressedEmbedding,) if kind is keras.layers.Embedding else (kind, CompressedEmbedding)
    made = type(kind.__name__, bases, {**own, "__module__": __name__})
    COMPRESSED[kind] = keras.saving.register_keras_serializable(package="ondevice")(made)
    loads_compressed(kind)


def swap(
    layer: Any,
    method: Method | Mapping[str, Any],
    ordered: bool = False,
    reserved_ids: int | None = None,
    scheme: str = "",
) -> list[str]:
    """Turn a built `keras.layers.Embedding` into a compressed one, with initial values.

    Everything that holds its variable gets `layer.embeddings` instead, which answers with the vectors of all ids.

    Args:
        layer: the layer; its class is one of `COMPRESSED`.
        method: for so many ids and numbers as the layer has; or its config.
        ordered: whether ids have an order of their own.
        reserved_ids: as for `CompressedEmbedding`.
        scheme: as for `CompressedEmbedding`.

    Returns:
        names of the layers that held the variable.

    Raises:
        OnDeviceError: a function holds the variable, too; nothing is changed then.
    """
    old = layer._embeddings
    require_no_closure(layer.name, old)
    layer.embeddings_initializer, layer.embeddings_regularizer, layer.embeddings_constraint = None, None, None
    layer._tracker.unlock()
    layer._untrack_variable(old)
    del layer._embeddings
    layer.__class__ = COMPRESSED[type(layer)]
    layer.take(method, None, reserved_ids, None, ordered, scheme)
    layer.built = False
    CompressedEmbedding.build(layer)
    layer._tracker.lock()
    # No comprehension, which would be a function that holds the variable.
    followed = []
    for holder in _layers():
        if _follow(holder, old, layer.embeddings):
            followed.append(holder.name)
    for thing in gc.get_objects():
        if isinstance(thing, keras.Model) and _holds(thing._flatten_layers(), layer):
            for name in FUNCTIONS:
                if hasattr(thing, name):
                    setattr(thing, name, None)
        elif isinstance(thing, keras.optimizers.Optimizer) and _holds(thing._trainable_variables, old):
            # Its slots are of variables that are no more; it begins anew at its next step.
            thing.__dict__ = type(thing).from_config(thing.get_config()).__dict__
    return followed


def require_no_closure(name: str, variable: Any) -> None:
    """Refuse a variable that a function holds, where it can't be replaced.

    Args:
        name: name of its layer.
        variable: the variable.

    Raises:
        OnDeviceError: one does.
    """
    for holder in gc.get_referrers(variable):
        cell = type(holder).__name__ == "cell"
        tuples = isinstance(holder, tuple) and not hasattr(holder, "_fields") and _in_layer(holder)
        if cell or tuples:
            kind = "a function" if cell else "a tuple"
            raise OnDeviceError(
                f"{kind} holds the table of layer {name!r}, which can't be replaced there; allowed is an attribute of "
                f"a layer, or `layer.embeddings` where it is used."
            )


def _in_layer(holder: tuple[Any, ...]) -> bool:
    # TensorFlow wraps tuples that are attributes.
    values = (value for layer in _layers() for value in vars(layer).values())
    return any(holder is getattr(value, "__wrapped__", value) for value in values)


def _holds(values: Iterable[Any], wanted: Any) -> bool:
    # Not by `any`, whose generator would be one more function that holds the variable.
    for value in values:  # noqa: SIM110
        if value is wanted:
            return True
    return False


def _layers() -> Iterator[Any]:
    yield from (thing for thing in gc.get_objects() if isinstance(thing, keras.Layer))


def _follow(holder: Any, old: Any, new: Any) -> bool:
    """Put something else in the place of a variable in the attributes of a layer, and in lists and dicts of these."""
    found = False
    for name, value in list(vars(holder).items()):
        if value is old:
            unlocked = holder._tracker.locked
            if unlocked:
                holder._tracker.unlock()
            if _holds([*holder._trainable_variables, *holder._non_trainable_variables], old):
                holder._untrack_variable(old)
            setattr(holder, name, new)
            if unlocked:
                holder._tracker.lock()
            found = True
        elif isinstance(value, (list, dict)) and name not in ("_trainable_variables", "_non_trainable_variables"):
            for key, each in list(enumerate(value) if isinstance(value, list) else value.items()):
                if each is old:
                    value[key] = new
                    found = True
    return found


def _loads(kind: type) -> Any:
    own = kind.load_own_variables  # type: ignore[attr-defined]

    def load_own_variables(layer: Any, store: Any) -> None:
        if isinstance(layer, CompressedEmbedding) or MARK not in store.keys():  # noqa: SIM118 - Keras' has no more
            own(layer, store)
            return
        swap(layer, **json.loads(bytes(np.asarray(store[MARK], np.uint8))))
        layer.load_own_variables(store)

    return load_own_variables


def loads_compressed(kind: type) -> None:
    """Let an ordinary layer become a compressed one when it is given the variables of one.

    A model of a class of its own makes ordinary layers when it is loaded: what was saved says what they had become.

    Args:
        kind: the class, which gets another `load_own_variables`.
    """
    kind.load_own_variables = _loads(kind)  # type: ignore[attr-defined]


compressed_kind(keras.layers.Embedding)
if hasattr(keras.layers, "ReversibleEmbedding"):
    compressed_kind(keras.layers.ReversibleEmbedding)
