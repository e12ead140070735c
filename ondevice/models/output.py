"""The base of every output layer: what is stored, how a hidden vector becomes a score per id, and the best of them."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from ondevice.embeddings.method import FloatArray, Method, method_config, method_from_config, require
from ondevice.embeddings.run_layout import RunLayout
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.models.output_parts import Tables, Weight
from ondevice.registry import Registry, member_name
from ondevice.topk.parts import INT8, Arrays, Part
from ondevice.units import format_at_most


@dataclass(frozen=True)
class Output(ABC):
    """An output layer for one vocabulary size and width; members are frozen dataclasses with plain fields.

    Args:
        vocabulary_size: number of ids, and of scores; of labels, where these are answered.
        width: numbers of the hidden vector.
    """

    vocabulary_size: int
    width: int

    def __post_init__(self) -> None:
        require("vocabulary_size", self.vocabulary_size, self.vocabulary_size >= 1, "at least 1")
        require("width", self.width, self.width >= 1, "at least 1")
        self.check()

    def check(self) -> None:  # noqa: B027 - a member without fields of its own has nothing to check
        """Raise a `UsageError` if the fields make no sense; called once at construction."""

    @property
    def uses_tables(self) -> tuple[str, ...]:
        """Names of the embedding's tables that the layer also uses; a member with some has a field `method`."""
        return ()

    @property
    def reads_whole(self) -> tuple[str, ...]:
        """Names of those that every answer multiplies with as a whole, number by number: encoded, these are no gain."""
        return ()

    @property
    def layouts(self) -> dict[str, RunLayout]:
        """How files lay out tables of one number per id that the layer reads run by run, by name; see `Tables`."""
        return {}

    @property
    def wanted_runs(self) -> int:
        """Into how many runs of neighbours the id order should cut the items, if the embedding doesn't mind."""
        return self.vocabulary_size - RESERVED_IDS

    @property
    def gathered(self) -> tuple[str, ...]:
        """Names of arrays of an exported file of which `best` gathers rows and reads nothing else."""
        return ()

    @abstractmethod
    def weights(self) -> tuple[Weight, ...]:
        """Declare what the layer has of its own."""

    @abstractmethod
    def parts(self, number_format: str, arrays: Arrays | None = None) -> tuple[Part, ...]:
        """Declare what an exported file holds for the layer alone.

        Args:
            number_format: one of `FORMATS`.
            arrays: what `stored` gave, for a layer with parts whose size depends on the values; without, it is a guess.
        """

    @abstractmethod
    def training_scores(self, hidden: Any, weights: Mapping[str, Any]) -> Any:
        """Score every id while training, with TensorFlow.

        Args:
            hidden: float32 `[batch, width]`.
            weights: values by name of what `weights` declares, and of the tables used.

        Returns:
            float32 `[batch, vocabulary_size]`.
        """

    @abstractmethod
    def as_dense(self, weights: Arrays) -> tuple[FloatArray, FloatArray]:
        """Return the dense layer that gives the same scores: kernel `[width, vocabulary_size]` and bias, with NumPy.

        Args:
            weights: as for `training_scores`.
        """

    @abstractmethod
    def fitted(
        self, kernel: FloatArray, bias: FloatArray, seed: int, vectors: FloatArray | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """Return the weights with which the layer comes near a dense one that was trained.

        Args:
            kernel: float32 `[width, vocabulary_size]`.
            bias: float32 `[vocabulary_size]`.
            seed: seed of whatever is random.
            vectors: the trained input vectors `[vocabulary_size, any]`, for a layer that uses the embedding's tables.

        Returns:
            values by name of what `weights` declares, and of the embedding's tables that the layer fits as well.
        """

    def chosen(self, vectors: FloatArray | None, seed: int) -> dict[str, npt.NDArray[np.uint8]]:
        """Return the weights that are chosen before training instead of learned.

        Args:
            vectors: one vector per id such that similar ids have similar vectors, float32 `[vocabulary_size, any]`;
                None where nothing is known of the ids.
            seed: seed of whatever is random.
        """
        return {}

    @abstractmethod
    def stored(self, weights: Arrays, number_format: str, tables: Tables | None) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays that the exported graph is made of.

        Matrices of dense layers are float32 here in every format, since the quantizer of dense layers comes later; for
        int4 they are whole numbers, which it finds by that.

        Args:
            weights: as for `training_scores`.
            number_format: one of `FORMATS`.
            tables: the embedding's tables, for a layer that uses some.
        """

    @abstractmethod
    def scores(self, hidden: Any, arrays: Arrays, place: Any) -> Any:
        """Score every id in the exported graph, with TensorFlow operations that become builtin ones.

        Args:
            hidden: float32 `[1, width]`.
            arrays: what `stored` gave.
            place: int32 `[1]`, zero, which the converter can't know. Rows are gathered at this place from constants
                that have to be decoded as a whole, since the converter would decode a constant itself and store that.

        Returns:
            float32 `[1, vocabulary_size]`.
        """

    def best(
        self, hidden: Any, excluded: Any, k: int, arrays: Arrays, place: Any, tables: Tables | None
    ) -> tuple[Any, Any]:
        """Return the best items and their scores in the exported graph: exact, of equal scores the smaller id first.

        Args:
            hidden: float32 `[1, width]`.
            excluded: int32 `[1, entries]`, ids that must not be returned, besides padding and unknown.
            k: number of items.
            arrays: what `stored` gave.
            place: as for `scores`.
            tables: as for `stored`.

        Returns:
            items int32 `[1, k]` and scores float32 `[1, k]`, falling.
        """
        from ondevice.topk.best import best_of_one

        return best_of_one(self.scores(hidden, arrays, place), excluded, k)

    @classmethod
    @abstractmethod
    def for_ratio(cls, method: Method, width: int, ratio: float, **options: Any) -> Self:
        """Choose the layer's own parameters so that its int8 bytes are at most the float32 dense layer's over `ratio`.

        Args:
            method: the network's embedding method.
            width: numbers of the hidden vector.
            ratio: bytes of the dense layer as float32 over the bytes of this layer as int8, at least 1.
            options: fields of the layer that do not change its size class.

        Raises:
            UsageError: the layer can't reach this ratio; the message names the nearest it can.
        """

    def payload_bytes(self, number_format: str) -> int:
        """Return the bytes of everything that an exported file holds for the layer alone.

        Args:
            number_format: one of `FORMATS`.
        """
        return sum(part.payload_bytes for part in self.parts(number_format))

    @property
    def ratio(self) -> float:
        """Bytes of the dense layer as float32 over the bytes of this layer as int8."""
        own = self.payload_bytes(INT8)
        return dense_bytes(self.vocabulary_size, self.width) / own if own else math.inf

    def parameters(self) -> dict[str, int | float | str | bool]:
        """Return the layer's own fields as plain values, without the sizes and the embedding method."""
        shared = {"vocabulary_size", "width", "method"}
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name not in shared}


registry: Registry[Output] = Registry("output layer", "ondevice.models.outputs", Output)


def dense_bytes(vocabulary_size: int, width: int) -> int:
    """Return the bytes of the dense output layer as float32, biases included."""
    return (width + 1) * vocabulary_size * 4


def output_name(output: Output) -> str:
    """Return the name of a member."""
    return member_name(type(output))


def output_config(output: Output) -> dict[str, Any]:
    """Return an output layer as plain values."""
    config = {
        "name": output_name(output),
        "vocabulary_size": output.vocabulary_size,
        "width": output.width,
        "parameters": output.parameters(),
    }
    method = getattr(output, "method", None)
    return config if method is None else {**config, "method": method_config(method)}


def output_from_config(config: Mapping[str, Any]) -> Output:
    """Build an output layer from what `output_config` gave."""
    fields = {"vocabulary_size": config["vocabulary_size"], "width": config["width"], **config["parameters"]}
    if "method" in config:
        fields["method"] = method_from_config(config["method"])
    return registry.load(config["name"])(**fields)


def require_ratio(output: Output, ratio: float) -> None:
    """Raise a `UsageError` that names the nearest ratio unless the smallest layer of its kind reaches this one.

    Args:
        output: the smallest layer of its kind.
        ratio: the ratio asked for.
    """
    require("output_ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
    if output.ratio < ratio:
        raise UsageError(
            f"output_ratio {ratio:g} is out of reach for {output_name(output)} with {output.vocabulary_size} ids and "
            f"{output.width} hidden units: it can reach at most {format_at_most(output.ratio)}."
        )
