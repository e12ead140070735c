"""Ranking users: what they know is left out, however much that is, and nobody is measured on fewer items."""

from __future__ import annotations

import numpy as np
import pytest

from ondevice.data.lists import Lists
from ondevice.ids import RESERVED_IDS
from ondevice.training import metrics
from ondevice.training.score import evaluate, kept_items

ITEMS, HISTORY, K = 40, 4, 20


class HigherIsBetter:
    """Stands for a model that likes every item the better the higher its id."""

    def __init__(self) -> None:
        self.rooms: list[tuple[int, int]] = []

    def recommend(self, histories, excluded):
        self.rooms.append(excluded.shape)
        scores = np.tile(np.arange(ITEMS + RESERVED_IDS, dtype=np.float32), (len(histories), 1))
        scores[:, :RESERVED_IDS] = -2e9
        for row, ids in zip(scores, excluded, strict=True):
            row[ids] -= 1e9
        items = np.argsort(-scores, axis=1, kind="stable")[:, :K].astype(np.int32)
        return items, np.take_along_axis(scores, items, axis=1), np.ones(len(histories), np.float32)


def known_to(*counts: int) -> Lists:
    """Give the user the highest ids, rising, so that the last ones are the history."""
    highest = ITEMS + RESERVED_IDS
    return Lists.of([range(highest - count, highest) for count in counts])


@pytest.mark.parametrize("count", [1, HISTORY, HISTORY + 1, 2 * HISTORY, 15, ITEMS - K, ITEMS - 3])
def test_everything_that_a_user_knows_is_left_out(count: int) -> None:
    _, ranking = evaluate(HigherIsBetter(), known_to(count), Lists.of([[2]]), HISTORY)
    left = np.arange(ITEMS + RESERVED_IDS - 1 - count, RESERVED_IDS - 1, -1)[:K]
    assert ranking[0, : len(left)].tolist() == left.tolist()
    assert (ranking[0, len(left) :] == -1).all()


def test_users_are_ranked_alike_alone_and_beside_others() -> None:
    counts = (1, 37, 6, 4, 9, 20, 37, 5)
    relevant = Lists.of([[2, 20]] * len(counts))
    _, together = evaluate(HigherIsBetter(), known_to(*counts), relevant, HISTORY)
    for count, row in zip(counts, together, strict=True):
        _, alone = evaluate(HigherIsBetter(), known_to(count), Lists.of([[2, 20]]), HISTORY)
        assert row.tolist() == alone[0].tolist()


def test_one_user_who_knows_much_takes_no_room_of_others() -> None:
    scorer = HigherIsBetter()
    evaluate(scorer, known_to(*[HISTORY + 1] * 50, 33), Lists.of([[2]] * 51), HISTORY)
    assert scorer.rooms == [(51, HISTORY), (50, 2 * HISTORY), (1, 16 * HISTORY)]


def test_a_user_who_knows_almost_everything_is_measured_like_others() -> None:
    kept = kept_items(ITEMS + RESERVED_IDS, HISTORY)
    assert kept >= metrics.cut_off("ndcg@20")
    _, ranking = evaluate(HigherIsBetter(), known_to(ITEMS - 3, 1), Lists.of([[4], [4]]), HISTORY)
    assert metrics.per_user(ranking, Lists.of([[4], [4]]), "ndcg@20", ranking) == pytest.approx([1.0, 0.0])
