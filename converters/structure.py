"""Nested inputs and outputs of a model by flat names: `{"user": {"id": ...}}` has `user_id`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
from keras.src.models.functional import Functional

from ondevice.errors import UsageError

UNNAMED = re.compile(r"(input_layer|keras_tensor)(_\d+)?")
"""What Keras calls inputs that nobody has named: counted anew in each process, so of no use to an app."""
WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
"""Where Keras puts an underscore when it names a layer after its class."""


def flat(structure: Any, alone: str, names: Sequence[str] = ()) -> dict[str, Any]:
    """Return the leaves of dicts, lists and tuples by name, in order.

    Args:
        structure: the structure, or a leaf.
        alone: name of a leaf that is alone; with a number behind it where several have no names.
        names: names of the leaves of a list, or of a leaf that is alone.

    Raises:
        UsageError: two leaves have one name.
    """
    found: dict[str, Any] = {}
    for path, leaf in _leaves(structure, ()):
        listed = all(part.isdigit() for part in path)
        place = int(path[0]) if path and listed else 0
        name = "_".join(path) if not listed else names[place] if len(path) <= 1 and place < len(names) else ""
        name = re.sub(r"\W", "_", name) or "_".join([alone, *path])
        if name in found:
            raise UsageError(f"two of the model's {alone}s are called {name!r}; allowed is a name for each.")
        found[name] = leaf
    return found


def rebuilder(structure: Any, alone: str, names: Sequence[str] = ()) -> Callable[[Mapping[str, Any]], Any]:
    """Return what puts leaves by name into a structure like the one given."""
    order = iter(list(flat(structure, alone, names)))

    def named(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {key: named(each) for key, each in part.items()}
        if isinstance(part, (list, tuple)):
            return [named(each) for each in part]
        return next(order)

    shape = named(structure)

    def rebuild(leaves: Mapping[str, Any], part: Any = shape) -> Any:
        if isinstance(part, dict):
            return {key: rebuild(leaves, each) for key, each in part.items()}
        if isinstance(part, list):
            return [rebuild(leaves, each) for each in part]
        return leaves[part]

    return rebuild


def input_names(model: keras.Model) -> list[str]:
    """Return the names of a functional model's inputs in order; empty ones where nobody has named them."""
    if isinstance(model, keras.Sequential):
        return []
    if not isinstance(model, Functional):
        return []
    return ["" if UNNAMED.fullmatch(each.name) else each.name for each in model.inputs]


def output_names(model: keras.Model) -> list[str]:
    """Return the names of a functional model's outputs in order; empty ones where nobody has named their layers."""
    if not isinstance(model, Functional) or isinstance(model, keras.Sequential):
        return []
    names = []
    for tensor in model.outputs:
        layer = tensor._keras_history.operation
        own = re.fullmatch(WORD.sub("_", type(layer).__name__).lower() + r"(_\d+)?", layer.name)
        names.append("" if own else layer.name)
    return names


def _leaves(structure: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(structure, Mapping):
        for key, each in structure.items():
            yield from _leaves(each, (*path, str(key)))
    elif isinstance(structure, (list, tuple)):
        for number, each in enumerate(structure):
            yield from _leaves(each, (*path, str(number)))
    else:
        yield path, structure
