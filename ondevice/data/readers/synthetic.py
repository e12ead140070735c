"""The embedded catalogue: made, not read; the same on every machine, and learnable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ondevice.data.interactions import Interactions
from ondevice.data.lists import Lists
from ondevice.data.reader import Reader, refuse_files

GENRES = (
    "action", "ambient", "baroque", "blues", "country", "dance", "drama", "electro", "fable", "folk", "funk", "garage",
    "gospel", "house", "indie", "jazz", "latin", "metal", "noir", "opera", "poetry", "punk", "reggae", "rock", "saga",
    "samba", "soul", "swing", "tango", "trance", "waltz", "western",
)  # fmt: skip

STYLES = 3
"""Directions in which items of one genre differ."""


@dataclass(frozen=True)
class Synthetic(Reader):
    """Makes users with latent tastes who pick from a catalogue with Zipf popularity.

    An item has a genre and a style within it; a user likes a few genres and styles. A pick is a draw without
    replacement, by popularity times the exponential of the taste. Sets are split 70 / 10 / 20 %.
    """

    users: int = 8_000
    items: int = 8_000
    seed: int = 7

    def read(self, name: str, path: Path | None) -> Interactions:
        """Make the data set."""
        refuse_files(path, "the synthetic catalogue is")
        rng = np.random.default_rng(self.seed)
        genre = rng.integers(len(GENRES), size=self.items)
        style = rng.standard_normal((self.items, STYLES)).astype(np.float32)
        popularity = 0.7 * np.log(1.0 / (1.0 + rng.permutation(self.items)))
        splits: tuple[list[np.ndarray], ...] = ([], [], [])
        for _ in range(self.users):
            liked = rng.choice(len(GENRES), size=4, replace=False)
            taste = np.full(len(GENRES), -3.0)
            taste[liked] = rng.uniform(0.5, 2.0, size=4)
            score = popularity + taste[genre] + style @ rng.standard_normal(STYLES).astype(np.float32)
            # Adding Gumbel noise and taking the largest draws without replacement.
            score += rng.gumbel(size=self.items)
            count = int(rng.integers(20, 61))
            picked = rng.permutation(np.argpartition(-score, count)[:count])
            for split, part in zip(splits, np.split(picked, [int(count * 0.7), int(count * 0.8)]), strict=True):
                split.append(part)
        digits = len(str(self.items))
        keys = tuple(f"{GENRES[kind]}-{number:0{digits}d}" for number, kind in enumerate(genre))
        train, valid, test = (Lists.of(split) for split in splits)
        return Interactions(name, keys, train, valid, test, ordered=False)
