"""Click logs that are made, not read: users and advertisements of planted tastes, so that clicks can be learned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ondevice.data.clicks import ClickLine, ClickLog, collect_lines, number_lines
from ondevice.data.keys import Numbers
from ondevice.data.labelled import SPLITS
from ondevice.data.reader import ClickReader, refuse_files

FIELDS = ("user", "ad", "site", "position")
SITES, POSITIONS = 40, 3
TASTES = 3
ENDS = (0.7, 0.8)
"""Where training and validation end; the rest is for the test."""


@dataclass(frozen=True)
class SyntheticClicks(ClickReader):
    """Makes lines with a user, an advertisement, a site and a position on the page.

    Frequencies follow Zipf's law. A user clicks more often on advertisements of the own taste, on some more than on
    others, and less often the further down they are.

    Args:
        lines: number of lines.
        users: number of users, twice as many as there are advertisements.
        seed: seed of everything random.
    """

    lines: int = 40_000
    users: int = 1_000
    seed: int = 7

    def read(self, name: str, path: Path | None) -> ClickLog:
        """Make the data set."""
        refuse_files(path, "synthetic clicks are")
        numbers = Numbers()
        made = collect_lines(self._made(), FIELDS, numbers)
        bounds = [0, *(int(end * len(made)) for end in ENDS), len(made)]
        splits = {split: made.of(np.arange(bounds[n], bounds[n + 1])) for n, split in enumerate(SPLITS)}
        return number_lines(name, splits, FIELDS, numbers, self.minimum_count)

    def _made(self) -> Iterator[ClickLine]:
        rng = np.random.default_rng(self.seed)
        ads = self.users // 2
        drawn = {
            "user": _zipf(rng, self.users, self.lines),
            "ad": _zipf(rng, ads, self.lines),
            "site": _zipf(rng, SITES, self.lines),
            "position": rng.integers(POSITIONS, size=self.lines),
        }
        user_taste, ad_taste = rng.integers(TASTES, size=self.users), rng.integers(TASTES, size=ads)
        liked = user_taste[drawn["user"]] == ad_taste[drawn["ad"]]
        appeal = rng.normal(0.0, 0.7, ads)[drawn["ad"]] + rng.normal(0.0, 0.3, SITES)[drawn["site"]]
        odds = -2.2 + 2.5 * liked + appeal - 0.5 * drawn["position"]
        clicks = rng.random(self.lines) < 1 / (1 + np.exp(-odds))
        for line, click in enumerate(clicks):
            yield int(click), [f"{field[0]}{drawn[field][line]}" for field in FIELDS]


def _zipf(rng: np.random.Generator, values: int, count: int) -> np.ndarray:
    """Draw values whose frequencies follow Zipf's law, in no order of theirs."""
    total = np.cumsum(1.0 / (1.0 + rng.permutation(values)))
    return np.searchsorted(total, rng.random(count) * total[-1])
