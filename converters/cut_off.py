"""What stands before an id is cut off: the layers that make ids of an app's keys become vocabularies beside the file.

No runtime of a phone has their operations, or it has them with state that newer ones refuse. A table is cut off, too,
where the app is to give the one row that it needs, as that of its user.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import keras

from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.errors import OnDeviceError

KINDS = (
    keras.layers.StringLookup,
    keras.layers.IntegerLookup,
    keras.layers.Hashing,
    keras.layers.TextVectorization,
    keras.layers.HashedCrossing,
)
TABLES = (keras.layers.Embedding, CompressedEmbedding)
PADDING, UNKNOWN = "<padding>", "<unknown>"
"""What a vocabulary's file calls the keys of masked and of unknown ids."""
SETTINGS = ("num_bins", "salt", "mask_value", "standardize", "split", "output_sequence_length")
"""What an app has to know of a layer to make the same ids."""


@dataclass(frozen=True, eq=False)
class Cut:
    """One call of a layer that makes ids, or that makes a row of ids.

    Args:
        layer: the layer.
        given: the tensors it was given.
        made: the ids, or the row, that it made.
    """

    layer: Any
    given: tuple[Any, ...]
    made: Any

    def require(self) -> None:
        """Refuse a layer whose ids an app can't make.

        Raises:
            OnDeviceError: it is one.
        """
        name, mode = self.layer.name, getattr(self.layer, "output_mode", "int")
        for holds, what, instead in (
            (mode == "int", f"gives output_mode {mode!r}", "'int', with CategoryEncoding behind it"),
            (
                _number(self.layer, "num_oov_indices", 1) <= 1,
                "spreads unknown keys over several ids",
                "num_oov_indices=1",
            ),
            (self.made.shape.is_fully_defined(), f"makes ids of shape {self.made.shape}", "output_sequence_length"),
            (getattr(self.layer, "_ngrams_arg", None) is None, "makes n-grams", "ngrams=None"),
        ):
            if not holds:
                raise OnDeviceError(f"layer {name!r} {what}; allowed is {instead}.")

    @property
    def is_row(self) -> bool:
        """Whether a row was made, and no ids."""
        return isinstance(self.layer, TABLES)

    @property
    def size(self) -> int:
        """Number of ids."""
        bins = getattr(self.layer, "num_bins", None)
        return int(bins) if bins is not None else len(self.layer.get_vocabulary())

    @property
    def keys(self) -> list[str]:
        """The key of each id; none of a layer that hashes."""
        if not hasattr(self.layer, "get_vocabulary"):
            return []
        keys = [str(key) for key in self.layer.get_vocabulary()]
        for place, name in ((self.padding, PADDING), (self.unknown, UNKNOWN)):
            if place is not None:
                keys[place] = name
        return keys

    @property
    def padding(self) -> int | None:
        """The id of what is masked."""
        inner = getattr(self.layer, "_lookup_layer", self.layer)
        masked = getattr(inner, "mask_token", getattr(inner, "mask_value", None)) is not None
        return 0 if masked else None

    @property
    def unknown(self) -> int | None:
        """The id of what the vocabulary does not hold."""
        inner = getattr(self.layer, "_lookup_layer", self.layer)
        if not _number(inner, "num_oov_indices", 0):
            return None
        return 0 if self.padding is None else 1

    @property
    def reserved(self) -> int:
        """How many of the first ids are no keys."""
        return sum(place is not None for place in (self.padding, self.unknown))

    @property
    def outside(self) -> int:
        """The id that every id outside counts as."""
        return next((place for place in (self.unknown, self.padding) if place is not None), 0)

    @property
    def made_by(self) -> dict[str, int | float | str | bool]:
        """The layer's kind and what else an app has to know to make the same ids."""
        settings = {name: getattr(self.layer, name, getattr(self.layer, f"_{name}", None)) for name in SETTINGS}
        plain = {name: value for name, value in settings.items() if isinstance(value, (int, float, str, bool))}
        return {"layer": type(self.layer).__name__, **plain}


def _number(layer: Any, name: str, default: int) -> int:
    return int(getattr(layer, name, default) or 0)


@contextmanager
def watched(cuts: list[Cut], rows: Collection[str] = ()) -> Iterator[None]:
    """Note every call of a layer that makes ids, or of one of the tables named, within a `with` block."""

    def noted(own: Callable[..., Any]) -> Callable[..., Any]:
        def call(layer: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            made = own(layer, inputs, *args, **kwargs)
            # One within another, as in TextVectorization, is a part of it.
            cuts[:] = [cut for cut in cuts if cut.layer is not getattr(layer, "_lookup_layer", None)]
            given = tuple(inputs) if isinstance(inputs, (list, tuple)) else (inputs,)
            cuts.append(Cut(layer, given, made))
            return made

        return call

    with _instead(noted, rows):
        yield


@contextmanager
def cut_off(made: Sequence[Any], rows: Collection[str] = ()) -> Iterator[None]:
    """Let such layers give what is there already, call by call in order, within a `with` block."""
    left = list(made)

    with _instead(lambda own: lambda layer, inputs, *args, **kwargs: left.pop(0), rows):
        yield


@contextmanager
def _instead(change: Callable[[Callable[..., Any]], Callable[..., Any]], rows: Collection[str]) -> Iterator[None]:
    def for_rows(own: Callable[..., Any]) -> Callable[..., Any]:
        changed = change(own)

        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            return (changed if layer.name in rows else own)(layer, *args, **kwargs)

        return call

    with ExitStack() as stack:
        for kind in KINDS:
            stack.enter_context(patch.object(kind, "call", change(kind.call)))
        for kind in TABLES if rows else ():
            stack.enter_context(patch.object(kind, "call", for_rows(kind.call)))
        yield
