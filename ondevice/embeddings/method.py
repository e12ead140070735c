"""The base of every compressed-embedding method: what is stored, and how an id becomes a vector."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from ondevice.embeddings.ops import Ops
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.registry import Registry, member_name
from ondevice.units import counted, format_at_most

Rows = Callable[[str, Any], Any]
"""Gives rows of a named table: `rows(name, index [...]) -> [..., width of the table]`."""

FloatArray = npt.NDArray[np.float32]

FLOAT32_BYTES = 4


@dataclass(frozen=True)
class Table:
    """One stored table.

    Args:
        name: name within the method.
        rows: number of rows.
        width: numbers per row.
        initializer: `"uniform"` (like an ordinary embedding), `"uniform_of_two"` (rows of which two are added up),
            `"near_one"` (factors of a product that starts as an ordinary embedding), `"equal_shares"` (weights of as
            many rows as the table is wide), `"unit"` (matrices, with a gain), `"ones"` or `"zeros"`.
        per_id: whether row `i` belongs to id `i` alone and only weighs or chooses rows of other tables; such tables are
            exempt from weight decay, which would pull rarely seen ids towards zero and so erase them. Tables of whole
            vectors decay, also where each id has one of its own.
        trainable: whether gradient descent learns it; what it does not learn, `Method.chosen_tables` gives.
        whole: whether a look-up reads the table as a whole, as a projection; no scheme encodes such tables, since the
            converter would store the decoded numbers.
        scale_into: name of a per-id table whose numbers multiply the one row of this table that an id uses, empty if
            none; the row's quantization scale can be folded into them and need not be stored.
        gain: factor of the initial values.
        dtype: type of the numbers, `"float32"`, or `"uint8"` for codes: numbers that choose rows of other tables. They
            are chosen, not learned, and stored as they are, whatever the scheme.
    """

    name: str
    rows: int
    width: int
    initializer: str = "uniform"
    per_id: bool = False
    scale_into: str = ""
    trainable: bool = True
    whole: bool = False
    gain: float = 1.0
    dtype: str = "float32"

    @property
    def parameters(self) -> int:
        """Numbers stored."""
        return self.rows * self.width

    @property
    def bytes(self) -> int:
        """Bytes stored, before any encoding."""
        return self.parameters * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, eq=False)
class Counts:
    """What methods may know of the data before training.

    Args:
        falling: how often the ids occur in training in the order `frequency`: zeros for the reserved ids, then the
            items' counts, falling, int64 `[vocabulary_size]`.
        fields: number of items of each field that has any, rising, as the order `field` has them; one number where the
            data have no fields.
    """

    falling: npt.NDArray[np.int64]
    fields: tuple[int, ...]

    def __len__(self) -> int:
        """Return the number of ids, reserved ones included."""
        return len(self.falling)


@dataclass(frozen=True)
class Method(ABC):
    """A method for one vocabulary size and width; members are frozen dataclasses with plain fields.

    Args:
        vocabulary_size: number of ids, the reserved ids 0 (padding) and 1 (unknown) included.
        width: numbers per vector of the full table that the method stands for.
    """

    vocabulary_size: int
    width: int

    def __post_init__(self) -> None:
        least = self.least_ids
        require("vocabulary_size", self.vocabulary_size, self.vocabulary_size >= least, f"at least {least}")
        require("width", self.width, self.width >= 1, "at least 1")
        self.check()

    @property
    def least_ids(self) -> int:
        """The smallest vocabulary that the method makes sense for."""
        return RESERVED_IDS + 1

    @property
    def items(self) -> int:
        """Number of ids that are items."""
        return self.vocabulary_size - RESERVED_IDS

    @property
    def runs(self) -> int:
        """Into how many runs of neighbours that share a row the items are cut; one per item where none share."""
        return self.items

    @property
    def output_width(self) -> int:
        """Numbers per looked-up vector: the width, unless the method makes narrower vectors."""
        return self.width

    @property
    def unknown_from(self) -> int:
        """The first of the ids whose items count as unknown; the vocabulary size where none does."""
        return self.vocabulary_size

    @property
    def needs_order(self) -> str:
        """Name of the id order without which the method makes no sense, empty where any will do."""
        return ""

    @property
    def order_matters(self) -> bool:
        """Whether another id order makes another model; not where every id has numbers of its own only."""
        return True

    @property
    def stored_bytes(self) -> int:
        """Bytes stored before any encoding, every table counted."""
        return sum(table.bytes for table in self.stored().tables())

    @property
    def stored_parameters(self) -> int:
        """Numbers stored, every table counted; four codes of a byte take the place of one number and count as one."""
        return -(-self.stored_bytes // FLOAT32_BYTES)

    @property
    def full_parameters(self) -> int:
        """Numbers that the full table of this vocabulary and width would store."""
        return self.vocabulary_size * self.width

    @property
    def ratio(self) -> float:
        """Parameters of the full table over parameters stored, codes counted exactly."""
        return self.full_parameters * FLOAT32_BYTES / self.stored_bytes

    def check(self) -> None:  # noqa: B027 - a method without fields of its own has nothing to check
        """Raise a `UsageError` if the fields make no sense; called once at construction."""

    @abstractmethod
    def tables(self) -> tuple[Table, ...]:
        """Declare what is stored."""

    @abstractmethod
    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Turn ids into vectors.

        Args:
            ids: int32 `[...]`, each from 0 to `vocabulary_size - 1`.
            rows: gives rows of a named table; the only access to what is stored.
            xp: the operations that may be used, besides arithmetic operators.

        Returns:
            float32 `[..., output_width]`.
        """

    def stored(self) -> Method:
        """Return the method whose tables are kept after training: this one, unless training uses more than is kept."""
        return self

    def fold(self, tables: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Turn the trained tables into those of `stored()`, such that both look every id up alike.

        Args:
            tables: values of every table of this method by name, float32 `[rows, width of the table]`.
        """
        return dict(tables)

    def chosen_tables(
        self, vectors: FloatArray | None, seed: int, wanted: FloatArray | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """Return the values of the tables that are chosen before training instead of learned by gradient descent.

        Args:
            vectors: one vector per id such that similar ids have similar vectors, float32 `[vocabulary_size, any]`;
                None where nothing is known of the ids.
            seed: seed of whatever is random.
            wanted: how much each id counts where look-ups shall give these very vectors, `[vocabulary_size,
                output_width]`, as at a warm start, float32 `[vocabulary_size]`; without it nothing but which of them
                are similar counts.

        Returns:
            values by table name, for every table with `trainable=False`.
        """
        return {}

    def rechosen_tables(
        self, values: Mapping[str, npt.NDArray[Any]], errors: FloatArray, metric: FloatArray | None
    ) -> dict[str, npt.NDArray[Any]]:
        """Return tables that are chosen, chosen anew for what the others have learned; none without a better choice.

        Args:
            values: every table by name.
            errors: the vector each id should have less the one it has, float32 `[vocabulary_size, output_width]`.
            metric: `[output_width, any]`, by which errors are multiplied before they are squared.
        """
        return {}

    @classmethod
    def options_from_counts(cls, counts: Counts, options: Mapping[str, Any]) -> dict[str, Any]:
        """Complete the options with what the method takes from how often each id occurs in training.

        Args:
            counts: what is known of the data. A method that uses some of it needs the order that it is of.
            options: the options given.
        """
        return dict(options)

    @classmethod
    @abstractmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the method's own parameters so that it stores at most the full table's parameters over `ratio`.

        Args:
            vocabulary_size: number of ids, reserved ids included.
            width: numbers per vector of the full table.
            ratio: parameters of the full table over parameters stored, at least 1.
            options: fields of the method that do not change its size class, e.g. `sharing="block"`.

        Raises:
            UsageError: the method can't reach this ratio; the message names the nearest it can.
        """

    def parameters(self) -> dict[str, int | float | str | bool]:
        """Return the method's fields as plain values; `type(self)(**parameters)` is equal to `self`."""
        return dataclasses.asdict(self)


FULL = "full"
"""Name of the method that the others are compared with."""

registry: Registry[Method] = Registry("method", "ondevice.embeddings.methods", Method)


def method_config(method: Method) -> dict[str, Any]:
    """Return a method as plain values: its name and its parameters."""
    return {"name": member_name(type(method)), "parameters": method.parameters()}


def method_from_config(config: Mapping[str, Any]) -> Method:
    """Build a method from what `method_config` gave."""
    return registry.load(config["name"])(**config["parameters"])


def require(field: str, value: object, holds: bool, allowed: str) -> None:
    """Raise a `UsageError` that names the field, what came and what is allowed, unless the condition holds."""
    if not holds:
        raise UsageError(f"{field} is {value!r}; allowed is {allowed}.")


def rows_for_ratio(name: str, vocabulary_size: int, width: int, ratio: float, *, per_id: int, reserved: int) -> int:
    """Return how many shared rows fit a ratio beside some numbers per id.

    Args:
        name: name of the method, for the message.
        vocabulary_size: number of ids.
        width: numbers per shared row.
        ratio: parameters of the full table over parameters stored.
        per_id: numbers stored for each id besides.
        reserved: rows the method keeps besides, for padding and unknown.

    Raises:
        UsageError: not even one shared row fits.
    """
    require("ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
    budget = vocabulary_size * width / ratio - vocabulary_size * per_id
    rows = int(budget // width) - reserved
    if rows < 1:
        smallest = vocabulary_size * per_id + (1 + reserved) * width
        nearest = vocabulary_size * width / smallest
        numbers = f"{counted(per_id, 'number')} per id and " if per_id else ""
        raise out_of_reach(name, vocabulary_size, width, ratio, nearest, f"{numbers}{counted(1 + reserved, 'row')}")
    return rows


def out_of_reach(
    name: str, vocabulary_size: int, width: int, ratio: float, nearest: float, least: str, options: str = ""
) -> UsageError:
    """Return the error for a ratio that a method can't reach, which says why not and what it can.

    Args:
        name: name of the method.
        vocabulary_size: number of ids.
        width: numbers per vector.
        ratio: the ratio asked for.
        nearest: the highest that the method can reach.
        least: what it stores at least, for people.
        options: options that matter, for people.
    """
    return UsageError(
        f"ratio {ratio:g} is out of reach for {name}{options} with {vocabulary_size} ids of width {width}: it stores "
        f"{least} at least, so it can reach at most {format_at_most(nearest)}."
    )
