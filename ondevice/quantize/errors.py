"""What encoding changes of the vectors that ids become: over all ids, and how much of it each table is to blame for."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.every_id import IDS_PER_BLOCK, id_blocks, reference_lookup
from ondevice.embeddings.method import FloatArray, Method, Rows
from ondevice.embeddings.ops import NumpyOps
from ondevice.encoding_error import EncodingError, WorstId
from ondevice.quantize.encode import EncodedEmbedding
from ondevice.quantize.scheme import CODES, UNQUANTIZED

WORST_IDS = 10
"""Ids that are named."""


def encoding_error(
    encoded: EncodedEmbedding, values: Mapping[str, FloatArray], keys: Sequence[str], block: int = IDS_PER_BLOCK
) -> EncodingError:
    """Compare the vectors of all ids with those of the tables before encoding.

    A table whose scales moved to another is compared in the same way: with the scales of both tables where they are
    after encoding.

    Args:
        encoded: the encoded tables.
        values: their values before that, `[rows, width]` by name.
        keys: the key of every id.
        block: ids that are looked up at once, which bounds the memory needed.
    """
    lossy = [name for name, entry in encoded.tables.items() if entry.scheme not in (UNQUANTIZED, CODES)]
    after, before = encoded.rows(NumpyOps()), _rescaled(encoded, values)
    return lookup_error(encoded.method, values, after, before, lossy, keys, block, encoded.offset)


def lookup_error(
    method: Method,
    values: Mapping[str, FloatArray],
    after: Rows,
    before: Rows,
    lossy: Sequence[str],
    keys: Sequence[str],
    block: int = IDS_PER_BLOCK,
    first: int = 0,
) -> EncodingError:
    """Compare the vectors of all ids from any two accesses to the tables' rows.

    Args:
        method: the method.
        values: values of the tables before encoding, `[rows, width]` by name: what the vectors should be made of.
        after: gives rows as they are stored.
        before: gives the rows that those stand for.
        lossy: names of the tables of which the two may differ.
        keys: the key of every id; none where ids have no names.
        block: ids that are looked up at once, which bounds the memory needed.
        first: the method's id of the layer's id 0.
    """
    xp, found = NumpyOps(), _Sums()
    alone = {table.name: 0.0 for table in method.tables()}
    for ids in id_blocks(method.vocabulary_size, block, first):
        expected = reference_lookup(method, values, ids)
        difference = method.lookup(ids, after, xp) - expected if lossy else np.zeros_like(expected)
        noise = _products(difference, difference)
        found.add(ids - first, expected, difference, noise)
        for name in lossy:
            if len(lossy) > 1:
                difference = method.lookup(ids, _one_of(name, after, before), xp) - expected
                noise = _products(difference, difference)
            alone[name] += float(noise.sum())
    return found.result(keys, alone)


@dataclass
class _Sums:
    """What is kept of the blocks."""

    ids: int = 0
    signal: float = 0.0
    noise: float = 0.0
    cosines: float = 0.0
    least: float = 1.0
    largest: float = 0.0
    worst: list[tuple[float, int, float, float]] = field(default_factory=list)

    def add(
        self,
        ids: npt.NDArray[np.int32],
        expected: FloatArray,
        difference: FloatArray,
        noise: npt.NDArray[np.float64],
    ) -> None:
        signal = _products(expected, expected)
        # From the difference, since most of the digits of a product of two almost equal vectors say nothing of it.
        some = np.where(signal > 0, signal, 1)
        along, apart = _products(expected, difference) / some, noise / some
        length = np.sqrt(np.maximum(1 + 2 * along + apart, 0))
        straight = np.divide(1 + along, length, out=np.zeros_like(length), where=(signal > 0) & (length > 0))
        cosine = np.clip(np.where(noise == 0, 1, straight), -1, 1)
        self.ids += len(ids)
        self.signal += float(signal.sum())
        self.noise += float(noise.sum())
        self.cosines += float(cosine.sum())
        self.least = min(self.least, float(cosine.min()))
        self.largest = max(self.largest, float(np.max(np.abs(difference))))
        # An id is worse off the more of its own vector is lost, however short that is. Of equal errors the lowest ids
        # are named, so a later one must be larger than the tenth so far.
        relative = np.divide(noise, signal, out=np.where(noise > 0, np.inf, 0.0), where=signal > 0)
        least = -self.worst[-1][0] if len(self.worst) == WORST_IDS else 0.0
        new = np.flatnonzero(relative > least)
        rows = ((-float(relative[row]), int(ids[row]), float(noise[row]), float(cosine[row])) for row in new)
        self.worst = heapq.nsmallest(WORST_IDS, [*self.worst, *rows])

    def result(self, keys: Sequence[str], alone: Mapping[str, float]) -> EncodingError:
        exact, tiny = self.noise == 0, float(np.finfo(np.float64).tiny)
        # Without any signal nothing can be told from noise.
        ratio = None if exact else 10 * math.log10(max(self.signal / self.noise, tiny))
        return EncodingError(
            self.ids,
            ratio,
            self.cosines / self.ids,
            self.least,
            self.largest,
            tuple(
                WorstId(number, keys[number] if keys else str(number), math.sqrt(noise), cosine)
                for _, number, noise, cosine in self.worst
            ),
            {name: 0.0 if exact else noise / self.noise for name, noise in alone.items()},
        )


def _products(left: FloatArray, right: FloatArray) -> npt.NDArray[np.float64]:
    """Return the product of each pair of vectors; added up in float32, which is several times faster."""
    return np.einsum("ij,ij->i", left, right).astype(np.float64)


def _one_of(encoded: str, after: Rows, before: Rows) -> Rows:
    return lambda name, index: after(name, index) if name == encoded else before(name, index)


def _rescaled(encoded: EncodedEmbedding, values: Mapping[str, FloatArray]) -> Rows:
    """Give rows before encoding, with every scale in the table that holds it afterwards."""

    def rows(name: str, index: Any) -> Any:
        entry, plain = encoded.tables[name], values[name][index]
        if entry.moved is None:
            return plain
        scales = entry.moved[index]
        return plain / scales if entry.folded_into else plain * scales

    return rows
