"""Texts that are made, not read: words with planted sentiment, so that their labels can be learned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ondevice.data.reader import TextReader, refuse_files
from ondevice.data.texts import LabelledText, LabelledTexts, number_texts
from ondevice.tokenizer import Tokenizer

LABELS = ("bad", "good")
STEMS = (
    "actor", "ballad", "camera", "dialog", "ending", "finale", "garden", "humor", "island", "joke", "king", "light",
    "music", "novel", "ocean", "plot", "quest", "river", "scene", "tempo", "uncle", "violin", "winter", "yarn",
)  # fmt: skip
TOPICS = 6
SHARES = {"train": 0.7, "valid": 0.1, "test": 0.2}


@dataclass(frozen=True)
class SyntheticTexts(TextReader):
    """Makes texts of 20 to 60 words about a few topics; three words of ten lean to a label.

    Frequencies follow Zipf's law, and a word that leans to the text's label is drawn three times as often as one that
    leans to the other.

    Args:
        texts: number of texts.
        words: number of different words.
        seed: seed of everything random.
    """

    texts: int = 6_000
    words: int = 6_000
    seed: int = 7

    def read(self, name: str, path: Path | None) -> LabelledTexts:
        """Make the data set."""
        refuse_files(path, "synthetic texts are")
        made = list(self._texts())
        bounds = np.cumsum([round(share * len(made)) for share in SHARES.values()])[:-1]
        parts = np.split(np.arange(len(made)), bounds)
        splits = {split: [made[text] for text in part] for split, part in zip(SHARES, parts, strict=True)}
        return number_texts(name, splits, LABELS, Tokenizer(), self.minimum_count, self.most_words)

    def _texts(self) -> Iterator[LabelledText]:
        rng = np.random.default_rng(self.seed)
        keys = np.array([f"{STEMS[number % len(STEMS)]}{number}" for number in range(self.words)])
        frequency = 1.0 / (1.0 + rng.permutation(self.words))
        topic = rng.integers(TOPICS, size=self.words)
        leaning = rng.choice([-1, 0, 1], p=[0.15, 0.7, 0.15], size=self.words)
        chances = {}
        for label in range(len(LABELS)):
            for about in range(TOPICS):
                weight = frequency * np.where(topic == about, 5.0, 1.0)
                weight *= np.where(leaning == 0, 1.0, np.where(leaning == 2 * label - 1, 1.5, 0.5))
                chances[label, about] = np.cumsum(weight / weight.sum())
        for _ in range(self.texts):
            label, about = int(rng.integers(len(LABELS))), int(rng.integers(TOPICS))
            drawn = np.searchsorted(chances[label, about], rng.random(int(rng.integers(20, 61))))
            yield LABELS[label], " ".join(keys[np.minimum(drawn, self.words - 1)])
