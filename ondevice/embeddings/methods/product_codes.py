"""Product codes: each id has a few codes of one byte, and each code chooses a piece of the vector."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from ondevice.embeddings.method import FLOAT32_BYTES, FloatArray, Method, Rows, Table, out_of_reach, require
from ondevice.embeddings.ops import Ops
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.units import counted

LARGEST_CODEBOOK = 256
"""Rows that a code of one byte can choose from."""

FEWEST_BITS = 0.9
"""Share of the bits per id that another code, paid for with rows of the codebooks, has to leave."""

CLUSTERED = 50_000
"""Ids that clusters are made of, at most; all others get the nearest one."""
ROUNDS = 20


@dataclass(frozen=True)
class ProductCodes(Method):
    """`[B1[c1(i)], ..., Bk[ck(i)]]` (Jégou et al., TPAMI 2011): stores `m * e` numbers and `k * v` bytes.

    Each id has `k` codes of one byte, each of which chooses a row of its codebook; the rows of the `k` codebooks join
    to the vector. Where `k` does not divide the width, the first codebooks are one number wider. A code takes a quarter
    of the place of a number and is counted so. Row 0 of each codebook is for padding and unknown alone.

    The codes are chosen before training, the codebooks learned: the vectors that the id order knows of the ids are
    turned at random, so that all directions matter alike, and cut into `k` pieces, whose k-means clusters are the
    codes. Similar ids so share most rows. Where the look-ups shall give these very vectors, they are cut as the
    codebooks are and not turned, since a codebook gives its own part of the vector and no other. Without vectors codes
    are drawn at random, each one equally often. The rows start like an ordinary embedding.

    Args:
        codes: codes per id, `k`.
        entries: rows of each codebook, `m`, that of the reserved ids included.
    """

    codes: int
    entries: int

    def check(self) -> None:
        """Refuse more codes than numbers, rows that no code can choose, and what stores more than the full table."""
        require("codes", self.codes, 1 <= self.codes <= self.width, f"1 to {self.width}, the width")
        most = _most_entries(self.items)
        require("entries", self.entries, 2 <= self.entries <= most, f"2 to {most} for {self.items} items")
        if self.stored_bytes > self.full_parameters * FLOAT32_BYTES:
            raise UsageError(
                f"product_codes with {self.codes} codes and {self.entries} entries would store {self.stored_bytes} "
                f"bytes, more than the full table's {self.full_parameters * FLOAT32_BYTES}; use method full."
            )

    @property
    def groups(self) -> tuple[tuple[str, int, int], ...]:
        """Codebooks of equal width, the wider first: name of the group, number of codebooks and numbers per row."""
        width, wider = divmod(self.width, self.codes)
        if not wider:
            return (("", self.codes, width),)
        return (("_wide", wider, width + 1), ("_narrow", self.codes - wider, width))

    def tables(self) -> tuple[Table, ...]:
        """Declare for each group the codes and, one above the other, the codebooks."""
        return tuple(
            table
            for group, codebooks, width in self.groups
            for table in (
                Table(f"codes{group}", self.vocabulary_size, codebooks, per_id=True, trainable=False, dtype="uint8"),
                Table(f"codebooks{group}", codebooks * self.entries, width),
            )
        )

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Join the rows that the codes of each id choose."""
        parts = []
        for group, codebooks, _ in self.groups:
            first_rows = np.arange(codebooks, dtype=np.int32) * np.int32(self.entries)
            places = xp.to_int(rows(f"codes{group}", ids)) + first_rows
            parts.append(xp.join_last_axes(rows(f"codebooks{group}", places)))
        return xp.concat(parts) if len(parts) > 1 else parts[0]

    def chosen_tables(
        self, vectors: FloatArray | None, seed: int, wanted: FloatArray | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """Return the codes of all ids; 0 for the reserved ids, which are for nothing else."""
        rng = np.random.default_rng(seed)
        codes = np.zeros((self.vocabulary_size, self.codes), np.uint8)
        if vectors is None:
            evenly = np.arange(self.items) % (self.entries - 1)
            for number in range(self.codes):
                codes[RESERVED_IDS:, number] = 1 + rng.permutation(evenly)
        else:
            items = vectors[RESERVED_IDS:]
            pieces = _pieces(items, self.codes, rng) if wanted is None else self._parts(items)
            weights = None if wanted is None else wanted[RESERVED_IDS:]
            for number, piece in enumerate(pieces):
                codes[RESERVED_IDS:, number] = 1 + _clusters(piece, weights, self.entries - 1, seed)
        ends = np.cumsum([0, *(codebooks for _, codebooks, _ in self.groups)])
        return {
            f"codes{group}": codes[:, start:end]
            for (group, _, _), start, end in zip(self.groups, ends[:-1], ends[1:], strict=True)
        }

    def rechosen_tables(
        self, values: Mapping[str, npt.NDArray[Any]], errors: FloatArray, metric: FloatArray | None
    ) -> dict[str, npt.NDArray[Any]]:
        """Choose for one code after the other the row that leaves the least error, the other codes as they are.

        A metric makes pieces of the vector depend on each other (anisotropic vector quantization: Guo et al., ICML
        2020), which clusters of a piece alone know nothing of.
        """
        along = np.eye(self.width, dtype=np.float32) if metric is None else metric
        left, place, found = errors[RESERVED_IDS:] @ along, 0, {}
        for group, codebooks, width in self.groups:
            codes = values[f"codes{group}"].copy()
            books = values[f"codebooks{group}"].reshape(codebooks, self.entries, width)
            for number in range(codebooks):
                rows = books[number] @ along[place : place + width]
                left += rows[codes[RESERVED_IDS:, number]]
                codes[RESERVED_IDS:, number] = 1 + _nearest(left, rows[1:])
                left -= rows[codes[RESERVED_IDS:, number]]
                place += width
            found[f"codes{group}"] = codes
        return found

    def _parts(self, vectors: FloatArray) -> list[FloatArray]:
        """Cut vectors into the parts that the codebooks give."""
        widths = [width for _, codebooks, width in self.groups for _ in range(codebooks)]
        return np.split(vectors, np.cumsum(widths)[:-1], axis=1)

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose codes and entries such that an id has as many bits as can be, and use what is left for entries.

        With many ids one more code may be too much and 256 entries all that the codes can choose from: then up to a
        byte per id of the budget stays unused.
        """
        require("ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
        full = vocabulary_size * width * FLOAT32_BYTES
        chosen = _largest_within(vocabulary_size, width, full / ratio)
        if chosen is None:
            entries = _fewest_entries(vocabulary_size - RESERVED_IDS)
            nearest = full / (vocabulary_size + entries * width * FLOAT32_BYTES)
            least = f"one byte per id and {counted(entries, 'row')}"
            raise out_of_reach("product_codes", vocabulary_size, width, ratio, nearest, least)
        return cls(vocabulary_size, width, *chosen, **options)


def _most_entries(items: int) -> int:
    return min(LARGEST_CODEBOOK, items + 1)


def _fewest_entries(items: int) -> int:
    """Return the rows with which a code tells items apart at all."""
    return min(3, _most_entries(items))


def _largest_within(vocabulary_size: int, width: int, budget: float) -> tuple[int, int] | None:
    """Return codes and entries of the largest size within a budget of bytes, nothing if none is.

    The sizes form one chain: entries are added until another code with that many fewer of them gives an id more bits.
    It is a chain, and not the best of all pairs for each budget, so that more budget never takes less.
    """
    items, row = vocabulary_size - RESERVED_IDS, width * FLOAT32_BYTES
    most, first = _most_entries(items), _fewest_entries(items)
    bits = [0.0, 0.0, *(math.log2(entries - 1) for entries in range(2, most + 2))]
    found = None
    for codes in range(1, width + 1):
        room = int((budget - codes * vocabulary_size) // row)
        if room < first:
            break
        # The entries with which the next code takes over, larger than this one by less than a row.
        for last in range(first, most + 1):
            next_first = (last * row - vocabulary_size) // row + 1
            if codes < width and next_first >= 2 and (codes + 1) * bits[next_first] >= codes * bits[last + 1]:
                break
        found = codes, min(room, last)
        enough = FEWEST_BITS * codes * bits[last] / (codes + 1)
        first = max(_fewest_entries(items), next_first, math.ceil(2**enough) + 1)
    return found


def _pieces(vectors: FloatArray, count: int, rng: np.random.Generator) -> list[FloatArray]:
    """Turn vectors at random and cut them into pieces of equal width, which so vary alike."""
    width = -(-vectors.shape[1] // count) * count
    rotation, _ = np.linalg.qr(rng.standard_normal((width, width)))
    return np.split(vectors @ rotation[: vectors.shape[1]].astype(np.float32), count, axis=1)


def _clusters(points: FloatArray, weights: FloatArray | None, count: int, seed: int) -> npt.NDArray[np.int32]:
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(points))[:CLUSTERED]
    some = None if weights is None else weights[chosen]
    # Different points at random: starts chosen by k-means++ take four times as long and leave half a per cent less.
    starts = np.resize(rng.permutation(np.unique(points[chosen], axis=0)), (count, points.shape[1]))
    found = KMeans(count, init=starts, n_init=1, max_iter=ROUNDS, random_state=seed)
    found.fit(points[chosen], sample_weight=some)
    return np.asarray(found.predict(points), np.int32)


def _nearest(points: FloatArray, rows: FloatArray) -> npt.NDArray[np.int64]:
    half = np.einsum("ij,ij->i", rows, rows) / 2
    blocks = np.array_split(points, -(-len(points) // CLUSTERED))
    return np.concatenate([np.argmax(block @ rows.T - half, axis=1) for block in blocks])
