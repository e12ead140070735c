"""The metrics, in NumPy: rankings over the whole vocabulary, without sampled candidates, labels and clicks.

A user without relevant items has no value and is left out of every mean. A text is a user with one relevant label. Only
of lines of a click log, which are users with one relevant label or none, every one has a value.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import scipy.stats

from ondevice.data.lists import Lists
from ondevice.manifest import POPULARITY

FloatArray = npt.NDArray[np.float64]


def ndcg(hit: npt.NDArray[np.bool_], relevant_counts: npt.NDArray[np.integer], k: int) -> FloatArray:
    """Return nDCG at a cut-off: gain 1 per relevant item, discount `1 / log2(rank + 1)`, over the best possible.

    Args:
        hit: bool `[users, at least k]`, which recommendations are relevant.
        relevant_counts: `[users]`, number of relevant items, each at least 1.
        k: cut-off.

    Returns:
        float64 `[users]`, each 0 to 1.
    """
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    best = np.cumsum(discounts)[np.minimum(relevant_counts, k) - 1]
    return hit[:, :k] @ discounts / best


def recall(hit: npt.NDArray[np.bool_], relevant_counts: npt.NDArray[np.integer], k: int) -> FloatArray:
    """Return recall at a cut-off: relevant items among the first k over all relevant items.

    Args:
        hit: bool `[users, at least k]`, which recommendations are relevant.
        relevant_counts: `[users]`, number of relevant items, each at least 1.
        k: cut-off.

    Returns:
        float64 `[users]`, each 0 to 1.
    """
    return hit[:, :k].sum(axis=1) / relevant_counts


def auc(scores: npt.NDArray[np.floating], clicked: npt.NDArray[np.bool_]) -> FloatArray:
    """Return each line's part in the area under the receiver operating characteristic, whose mean the area is.

    A line with a click has the share of those without that score less, ties half, and the other way round. These values
    are stretched around the area by the lines over those of the kind, so that they vary as the area does: the variance
    of their mean is that of DeLong et al. (Biometrics 44, 1988), whichever part of the lines clicks are.

    Args:
        scores: `[lines]`.
        clicked: bool `[lines]`, some of them true and some false.

    Returns:
        float64 `[lines]`, below 0 and above 1, too.
    """
    ranks = scipy.stats.rankdata(scores)
    values = np.empty(len(scores))
    for kind in (clicked, ~clicked):
        above = (ranks[kind] - scipy.stats.rankdata(scores[kind])) / np.count_nonzero(~kind)
        right = above if kind is clicked else 1 - above
        area = right.mean()
        values[kind] = area + (right - area) * len(scores) / np.count_nonzero(kind)
    return values


def log_loss(probability: npt.NDArray[np.floating], clicked: npt.NDArray[np.integer]) -> float:
    """Return minus the mean log-probability of what happened.

    Args:
        probability: of a click, `[lines]`; as float32, so near 0 or 1 it counts as the nearest float32 that is neither.
        clicked: 1 for a click and 0 for none, `[lines]`.
    """
    least = float(np.finfo(np.float32).tiny)
    of_click = np.clip(probability.astype(np.float64), least, 1 - float(np.finfo(np.float32).epsneg))
    return float(-np.mean(np.where(clicked == 1, np.log(of_click), np.log1p(-of_click))))


AUC = "auc"

METRICS = {
    "ndcg@10": (ndcg, 10),
    "ndcg@20": (ndcg, 20),
    "recall@10": (recall, 10),
    "recall@20": (recall, 20),
    "accuracy": (recall, 1),
}
"""Every metric of places by name, with its cut-off; `ondevice.task` says which one is for which task."""

NAMES = (*METRICS, AUC)


def cut_off(name: str) -> int:
    """Return how many answers of each user a metric looks at."""
    return 1 if name == AUC else METRICS[name][1]


def per_user(
    recommended: npt.NDArray[np.integer], relevant: Lists, name: str, scores: npt.NDArray[np.floating]
) -> FloatArray:
    """Return a metric of every user who has a value.

    Args:
        recommended: `[users, k]`, best first.
        relevant: relevant items of each user.
        name: one of `NAMES`.
        scores: of what is recommended, `[users, k]`; only the area under the curve looks at them.

    Returns:
        float64 `[users with relevant items]`, or `[users]` for that area, in the order of the users.
    """
    counts = np.diff(relevant.offsets)
    if name == AUC:
        return auc(scores[:, 0], counts > 0)
    measure, k = METRICS[name]
    return measure(relevant.holds(recommended)[counts > 0], counts[counts > 0], k)


def means(recommended: npt.NDArray[np.integer], relevant: Lists, names: Iterable[str]) -> dict[str, float]:
    """Return the mean of every metric whose cut-off the recommendations reach, over the users with relevant items.

    Args:
        recommended: `[users, k]`, best first.
        relevant: relevant items of each user.
        names: keys of `METRICS`.
    """
    counts = np.diff(relevant.offsets)
    hit = relevant.holds(recommended)[counts > 0]
    reached = [(name, *METRICS[name]) for name in sorted(names) if METRICS[name][1] <= recommended.shape[1]]
    return {name: float(np.mean(measure(hit, counts[counts > 0], k))) for name, measure, k in reached}


def macro_f1(found: npt.NDArray[np.integer], right: npt.NDArray[np.integer], labels: int) -> float:
    """Return F1 averaged over the labels, each counting as much as the others; zero for one that is never right.

    Args:
        found: the label found for each text, `[texts]`.
        right: the right one, `[texts]`.
        labels: number of labels.
    """
    both = np.bincount(right[found == right], minlength=labels)
    either = np.bincount(found, minlength=labels) + np.bincount(right, minlength=labels)
    return float(np.mean(2 * both / np.maximum(either, 1)))


def popularity(counts: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return the class of every item: the most frequent ones that begin within the first third are the head, and so on.

    Args:
        counts: how often each item occurs in training, `[items]`; of equally frequent ones the first come first, so
            that the items should be in an order that all models share.

    Returns:
        int64 `[items]`, places in `POPULARITY`.
    """
    falling = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[falling]) - counts[falling]
    classes = np.empty(len(counts), np.int64)
    # In whole numbers: three times what lies before an item over the total is 0, 1 or 2.
    classes[falling] = np.minimum(3 * before // max(int(counts.sum()), 1), 2)
    classes[counts == 0] = POPULARITY.index("cold")
    return classes


def by_popularity(
    recommended: npt.NDArray[np.integer], relevant: Lists, classes: npt.NDArray[np.integer], names: Iterable[str]
) -> dict[str, dict[str, float]]:
    """Return the metrics of each class of items alone: the same ranking, but only that class's items are relevant.

    Args:
        recommended: `[users, k]`, best first.
        relevant: relevant items of each user.
        classes: the class of every value that an item may have, see `popularity`; -1 for what is no item.
        names: keys of `METRICS`.

    Returns:
        by class the means over the users who have a relevant item of it, their number as `"users"` and the number of
        items as `"items"`; without such users only the two numbers.
    """
    found: dict[str, dict[str, float]] = {}
    for number, name in enumerate(POPULARITY):
        of_class = relevant.kept(classes == number)
        users = int(np.count_nonzero(np.diff(of_class.offsets)))
        sizes = {"users": float(users), "items": float(np.count_nonzero(classes == number))}
        found[name] = {**(means(recommended, of_class, names) if users else {}), **sizes}
    return found
