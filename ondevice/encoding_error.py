"""What encoding the tables changes of the vectors that ids become: a part of the manifest."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorstId:
    """One of the ids whose vector is changed most.

    Args:
        id: the id.
        key: its key in the vocabulary.
        error: length of the difference of its vectors after and before encoding.
        cosine: cosine between them; 0 where only one of them has a direction.
    """

    id: int
    key: str
    error: float
    cosine: float


@dataclass(frozen=True)
class EncodingError:
    """The vectors of all ids after encoding, compared with those before.

    Args:
        ids: how many ids were compared: all.
        signal_to_noise_db: 10 times the decimal logarithm of the sum of squares of the vectors before encoding over
            that of the differences; None where nothing differs.
        mean_cosine: cosine between the vectors before and after, mean over ids.
        least_cosine: the least of these.
        max_error: largest absolute difference of a number.
        worst: the ids whose differences are longest compared with their vectors, worst first; ids without any are left
            out.
        shares: squared differences with one table encoded and all others as they are, over those with all tables
            encoded, by table. They need not add up to 1: what two tables change may cancel out or add up.
    """

    ids: int
    signal_to_noise_db: float | None
    mean_cosine: float
    least_cosine: float
    max_error: float
    worst: tuple[WorstId, ...]
    shares: dict[str, float]
