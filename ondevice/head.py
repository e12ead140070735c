"""Heads: what the outputs of an exported file are, and by which rule two answers of them are compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ondevice.errors import UsageError

TOP_K, PROBABILITIES, VALUES = "top_k", "probabilities", "values"
KINDS = (TOP_K, PROBABILITIES, VALUES)
ANSWERS = {TOP_K: "items", PROBABILITIES: "labels"}
"""What the first output of a head that ranks is called; the second one is `SCORES`."""
SCORES = "scores"


@dataclass(frozen=True)
class Head:
    """What the file answers.

    Args:
        kind: `"top_k"`: the best ids and their scores, falling; `"probabilities"`: labels with probabilities, falling;
            `"values"`: the model's own outputs.
        k: answers per call; 0 for values.
        exclude: name of the input whose ids are left out of the answer, empty for none.
        never: ids below this one are never answered.
        labels: names of the labels by index.
        logits: whether the model gives numbers before the softmax, or before the logistic function for a single label.

    Raises:
        UsageError: the fields contradict each other.
    """

    kind: str
    k: int = 0
    exclude: str = ""
    never: int = 0
    labels: tuple[str, ...] = ()
    logits: bool = False

    def __post_init__(self) -> None:
        counts = {TOP_K: self.k >= 1, PROBABILITIES: self.k == len(self.labels) >= 1, VALUES: self.k == 0}
        for field, value, holds, allowed in (
            ("kind", self.kind, self.kind in KINDS, f"one of {', '.join(KINDS)}"),
            ("k", self.k, counts.get(self.kind, True), "at least 1 for top_k, one for each label, 0 for values"),
            ("never", self.never, self.never >= 0, "a whole number of at least 0"),
            ("exclude", self.exclude, not self.exclude or self.kind == TOP_K, "an input's name for top_k only"),
        ):
            if not holds:
                raise UsageError(f"{field} of the head is {value!r}; allowed is {allowed}.")

    @property
    def ranks(self) -> bool:
        """Whether the file answers with numbers of ids or labels, best first, and their scores."""
        return self.kind != VALUES

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the file's outputs; none where these are the model's own."""
        return (ANSWERS[self.kind], SCORES) if self.ranks else ()


def values() -> Head:
    """Answer with the model's own outputs.

    Example:
        >>> values().ranks
        False
    """
    return Head(VALUES)


def top_k(k: int, exclude: str = "", never: int = 0) -> Head:
    """Answer with the ids that have the best scores.

    Args:
        k: how many.
        exclude: name of an input whose ids are left out, e.g. of the history.
        never: ids below this one are never answered, e.g. 1 where 0 is padding.

    Raises:
        UsageError: k is below 1.

    Example:
        >>> top_k(20, exclude="item_id", never=1).outputs
        ('items', 'scores')
    """
    return Head(TOP_K, k, exclude, never)


def probabilities(labels: Iterable[str], logits: bool = False) -> Head:
    """Answer with all labels, the most probable first; with one label, with its probability.

    Args:
        labels: names of the labels by index.
        logits: whether the model gives numbers before the softmax or the logistic function.

    Raises:
        UsageError: there are no labels.

    Example:
        >>> probabilities(["bad", "good"]).outputs
        ('labels', 'scores')
    """
    named = tuple(labels)
    return Head(PROBABILITIES, len(named), labels=named, logits=logits)
