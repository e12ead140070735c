"""Evaluation data and the reference model's answers to it, kept as a file that needs no TensorFlow to read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ondevice import arrays, files
from ondevice.data.lists import Lists
from ondevice.errors import OnDeviceError, UsageError

KEPT_ITEMS = 50
"""Reference items kept per user: enough to find the reference score of any item a converted file returns."""


Ids = npt.NDArray[np.int32]
Answers = tuple[Ids, npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""Answers int32 `[examples, k]`, best first, their scores float32 `[examples, k]`, ranges of scores `[examples]`."""

ARRAYS = ("histories", "items", "scores", "ranges")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Users to evaluate on and what the reference model answers.

    Args:
        histories: ids given to the model, int32 `[users, history_length]`, filled with padding.
        known: every id the user had before; never counted as a recommendation.
        relevant: ids that are right answers.
        items: the reference's best items that are not in the history, int32 `[users, kept]`, best first.
        scores: their scores, float32 `[users, kept]`.
        ranges: largest minus smallest score over all items, float32 `[users]`.
    """

    histories: npt.NDArray[np.int32]
    known: Lists
    relevant: Lists
    items: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    ranges: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of users."""
        return len(self.histories)

    def of_users(self, users: npt.NDArray[np.integer]) -> Evaluation:
        """Return the evaluation of some of the users only."""
        known, relevant = (lists.at(users) for lists in (self.known, self.relevant))
        histories, items, scores, ranges = (getattr(self, name)[users] for name in ARRAYS)
        return Evaluation(histories, known, relevant, items, scores, ranges)

    def write(self, path: Path) -> None:
        """Write everything into one compressed NumPy file."""
        with files.replacing(path) as temporary:
            np.savez_compressed(
                temporary,
                **{name: getattr(self, name) for name in ARRAYS},
                **{
                    f"{name}_{part}": getattr(getattr(self, name), part)
                    for name in ("known", "relevant")
                    for part in ("offsets", "values")
                },
            )

    @classmethod
    def read(cls, path: Path) -> Evaluation:
        """Read what `write` wrote.

        Raises:
            UsageError: there is no such file.
            OnDeviceError: the file is damaged.
        """
        if not path.is_file():
            raise UsageError(f"evaluation data {str(path)!r} does not exist; `ondevice train` writes it.")
        stored = arrays.read_archive(path, "evaluation data")
        names = (*ARRAYS, *(f"{name}_{part}" for name in ("known", "relevant") for part in ("offsets", "values")))
        if missing := [name for name in names if name not in stored]:
            raise OnDeviceError(f"evaluation data {str(path)!r} has no array {missing[0]!r}.")
        histories, items, scores, ranges, *lists = (stored[name] for name in names)
        if not (np.isfinite(scores).all() and np.isfinite(ranges).all()):
            raise OnDeviceError(
                f"evaluation data {str(path)!r} hold scores that are not finite; train the model again."
            )
        return cls(histories, Lists(*lists[:2]), Lists(*lists[2:]), items, scores, ranges)


@dataclass(frozen=True, eq=False)
class Measured:
    """What a trained model was found to do on the test split.

    Args:
        evaluation: its answers, with which every exported file is compared.
        test: metrics by name, and the number of examples by their plural.
        values: the task's metric of each test example, whose mean it is, float64 `[examples]`.
        by_popularity: metrics by class of items, see `metrics.by_popularity`; empty where answers are no items.
    """

    evaluation: Evaluation
    test: dict[str, float]
    values: npt.NDArray[np.float64]
    by_popularity: dict[str, dict[str, float]] = field(default_factory=dict)


def without_known(items: npt.NDArray[np.int32], known: Lists) -> npt.NDArray[np.int32]:
    """Drop known items from recommendations, closing the gaps; -1 fills the end.

    Args:
        items: int32 `[users, k]`, best first.
        known: ids that do not count, of each user.

    Returns:
        int32 `[users, k]`.
    """
    seen = known.holds(items)
    # Known ones go to the end, all others keep their order.
    last = np.argsort(seen, axis=1, kind="stable")
    cleaned = np.take_along_axis(items, last, axis=1)
    cleaned[np.take_along_axis(seen, last, axis=1)] = -1
    return cleaned
