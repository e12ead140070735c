"""The metrics against hand-worked values, slow loops and other implementations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

from ondevice import task as tasks
from ondevice.data.lists import Lists
from ondevice.manifest import POPULARITY
from ondevice.training.metrics import (
    METRICS,
    NAMES,
    auc,
    by_popularity,
    cut_off,
    log_loss,
    macro_f1,
    means,
    ndcg,
    per_user,
    popularity,
    recall,
)

RANKING = tasks.load("ranking").metrics
SCORES = np.zeros((0, 0))
"""What metrics of places do not look at."""


def measured(metric, recommended: list[int], relevant: list[int], k: int) -> float:
    hit = Lists.of([relevant]).holds(np.array([recommended]))
    (value,) = metric(hit, np.array([len(relevant)]), k)
    return float(value)


def test_hits_tell_relevant_from_other() -> None:
    found = Lists.of([[7, 5], [9]]).holds(np.array([[5, 6, 7], [7, 5, -1]]))
    assert found.dtype == np.bool_
    assert found.tolist() == [[True, False, True], [False, False, False]]


@pytest.mark.parametrize(
    ("recommended", "relevant", "k", "value"),
    [
        # Ranks 1 and 3 hit: 1 / log2(2) + 1 / log2(4) = 1 + 0.5 = 1.5. Best: ranks 1 and 2, 1 + 1 / log2(3) = 1.63093.
        ([5, 6, 7], [5, 7], 3, 1.5 / 1.6309297535714575),
        # Rank 2 hits: 1 / log2(3) = 0.63093. Best: rank 1, 1.
        ([6, 5, 7], [5], 3, 0.6309297535714575),
        # Rank 3 hits, but only two ranks count.
        ([6, 7, 5], [5], 2, 0.0),
        # Ranks 2 and 3 of four relevant ones: 0.63093 + 0.5 = 1.13093. Best: three ranks, 1 + 0.63093 + 0.5 = 2.13093.
        ([9, 1, 2], [1, 2, 3, 4], 3, 1.1309297535714575 / 2.1309297535714575),
        # Nothing hits.
        ([9, 8, 7], [1, 2], 3, 0.0),
    ],
)
def test_ndcg_worked_by_hand(recommended: list[int], relevant: list[int], k: int, value: float) -> None:
    assert measured(ndcg, recommended, relevant, k) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("recommended", "relevant", "k", "value"),
    [
        ([5, 6, 7], [5, 7], 3, 2 / 2),
        ([5, 6, 7], [5, 7], 2, 1 / 2),
        ([9, 1, 2], [1, 2, 3, 4], 3, 2 / 4),
        # Over all relevant items and not over the cut-off: five relevant ones, three ranks, at most 3 / 5.
        ([1, 2, 3], [1, 2, 3, 4, 5], 3, 3 / 5),
        ([9, 8, 7], [1, 2], 3, 0.0),
    ],
)
def test_recall_worked_by_hand(recommended: list[int], relevant: list[int], k: int, value: float) -> None:
    assert measured(recall, recommended, relevant, k) == value


@pytest.mark.parametrize("relevant", [1, 2, 9, 10, 11, 30])
def test_perfect_ranking_has_an_ndcg_of_1(relevant: int) -> None:
    # Also with fewer relevant items than ranks, where the rest of the ranks can't hit.
    assert measured(ndcg, list(range(30)), list(range(relevant)), 10) == pytest.approx(1.0, abs=1e-12)


def test_no_recommendation_never_hits() -> None:
    nothing = [-1, -1, -1]
    assert measured(ndcg, nothing, [0, 1, 2], 3) == 0
    assert measured(recall, nothing, [0, 1, 2], 3) == 0
    # A gap keeps its rank: 1 / log2(4) = 0.5.
    assert measured(ndcg, [-1, -1, 2], [2], 3) == pytest.approx(0.5)


def test_users_without_relevant_items_are_left_out() -> None:
    recommended = np.tile(np.arange(20), (3, 1))
    relevant = Lists.of([[0], [], [19, 50]])
    assert per_user(recommended, relevant, "recall@20", SCORES).tolist() == [1.0, 0.5]
    assert per_user(recommended, relevant, "recall@10", SCORES).tolist() == [1.0, 0.0]
    assert per_user(recommended, relevant, "ndcg@10", SCORES).tolist() == [1.0, 0.0]
    # Means over two users, not three.
    assert means(recommended, relevant, METRICS)["recall@20"] == 0.75


def test_means_hold_the_metrics_whose_cut_off_is_reached() -> None:
    relevant = Lists.of([[3]])
    assert sorted(means(np.arange(20)[None, :], relevant, RANKING)) == sorted(RANKING)
    assert sorted(means(np.arange(19)[None, :], relevant, RANKING)) == ["ndcg@10", "recall@10"]
    assert means(np.arange(9)[None, :], relevant, RANKING) == {}


def test_metrics_reported_are_pinned() -> None:
    assert sorted(NAMES) == ["accuracy", "auc", "ndcg@10", "ndcg@20", "recall@10", "recall@20"]
    assert all(name.endswith(f"@{cut_off(name)}") for name in RANKING)
    assert cut_off("auc") == cut_off("accuracy") == 1


def test_accuracy_is_the_share_of_texts_whose_first_label_is_right() -> None:
    labels = np.array([[1, 0], [0, 1], [1, 0], [1, 0]])
    assert means(labels, Lists.of([[1], [1], [0], [1]]), ["accuracy"]) == {"accuracy": 0.5}


def test_macro_f1_worked_by_hand() -> None:
    # Label 0: 1 found and right of 2 found and 2 right; label 1: 2 of 3 and 3; label 2 is right once and never found.
    found, right = np.array([0, 0, 1, 1, 1, 1]), np.array([0, 1, 1, 1, 0, 2])
    assert macro_f1(found, right, 3) == pytest.approx((2 / 4 + 4 / 7 + 0) / 3)
    assert macro_f1(right, right, 3) == 1
    # A label that neither occurs nor is found has nothing right.
    assert macro_f1(np.zeros(3, int), np.zeros(3, int), 2) == 0.5


def slow(recommended: list[int], relevant: list[int], k: int) -> tuple[float, float]:
    gained, found = 0.0, 0
    for rank, item in enumerate(recommended[:k], 1):
        if item in relevant:
            gained += 1 / math.log2(rank + 1)
            found += 1
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(relevant)) + 1))
    return gained / best, found / len(relevant)


rankings = st.permutations(range(40)).map(lambda items: list(items[:20]))
answers = st.lists(st.integers(0, 45), unique=True, max_size=25)


@settings(max_examples=100, deadline=None)
@given(users=st.lists(st.tuples(rankings, answers, st.integers(0, 20)), min_size=1, max_size=5))
def test_equal_to_a_slow_loop(users: list[tuple[list[int], list[int], int]]) -> None:
    # The last ranks of some users stay empty.
    recommended = [items[:filled] + [-1] * (20 - filled) for items, _, filled in users]
    relevant = Lists.of([found for _, found, _ in users])
    for name in RANKING:
        k = METRICS[name][1]
        values = per_user(np.array(recommended), relevant, name, SCORES)
        expected = [slow(row, found, k) for row, (_, found, _) in zip(recommended, users, strict=True) if found]
        assert values.shape == (len(expected),)
        np.testing.assert_allclose(values, [pair[name.startswith("recall")] for pair in expected], atol=1e-12)
        assert np.all((values >= 0) & (values <= 1 + 1e-12))


def test_head_torso_and_tail_are_thirds_of_the_training() -> None:
    # 12 in all: 5 begin at 0; 3 begin at 5, past the first third of 4; 2 begin at 8, past the second.
    assert popularity(np.array([1, 5, 0, 2, 3, 1])).tolist() == [2, 0, 3, 2, 1, 2]
    # An item that begins within a third belongs to it, however far it reaches.
    assert popularity(np.array([1, 100, 1])).tolist() == [2, 0, 2]
    assert popularity(np.array([2, 2, 2])).tolist() == [0, 1, 2]
    assert popularity(np.zeros(2, np.int64)).tolist() == [3, 3]
    assert POPULARITY == ("head", "torso", "tail", "cold")


def test_metrics_of_a_class_count_its_items_alone_in_the_same_ranking() -> None:
    classes = popularity(np.array([4, 4, 4, 0, 0]))
    ranking = np.array([[2, 0, 1, 3, *([-1] * 16)], [1, 2, 0, 3, *([-1] * 16)]])
    found = by_popularity(ranking, Lists.of([[0, 3], [0]]), classes, RANKING)
    # Item 0 is the head, at ranks 2 and 3; nothing moves up for what the class leaves out.
    assert found["head"]["ndcg@20"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(4)) / 2)
    assert (found["head"]["users"], found["head"]["items"]) == (2, 1)
    # Items 3 and 4 are cold, and one user has one of them, at rank 4.
    assert found["cold"]["ndcg@20"] == pytest.approx(1 / math.log2(5))
    assert (found["cold"]["users"], found["cold"]["items"]) == (1, 2)
    assert found["torso"] == {"users": 0, "items": 1}
    assert sum(each["items"] for each in found.values()) == len(classes)
    nothing = by_popularity(ranking, Lists.of([[0, 3], [0]]), np.full(5, -1), RANKING)
    assert all(each == {"users": 0, "items": 0} for each in nothing.values())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_no_item_of_a_class_is_rarer_than_one_of_the_next(counts: list[int]) -> None:
    classes = popularity(np.array(counts))
    assert ((classes == 3) == (np.array(counts) == 0)).all()
    for one in range(3):
        for other in range(one + 1, 4):
            rarest = min((count for count, each in zip(counts, classes, strict=True) if each == one), default=10)
            assert rarest >= max((c for c, each in zip(counts, classes, strict=True) if each == other), default=0)


def test_area_worked_by_hand() -> None:
    scores, clicked = np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False])
    # The click at 0.9 is above both others, the one at 0.5 ties with one and is above the other.
    area = (1 + 0.75) / 2
    # Of the two without one, that at 0.5 is below one click and ties with the other, that at 0.1 is below both.
    expected = [area + 2 * (part - area) for part in (1, 0.75, 0.75, 1)]
    np.testing.assert_allclose(auc(scores, clicked), expected)
    relevant = Lists.of([[0], [0], [], []])
    np.testing.assert_allclose(per_user(np.zeros((4, 1), int), relevant, "auc", scores[:, None]), expected)


scored_lines = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=60).filter(
    lambda lines: len({clicked for _, clicked in lines}) == 2
)


@settings(max_examples=200, deadline=None)
@given(scored_lines)
def test_mean_of_the_parts_is_the_area_and_their_variance_that_of_the_area(lines: list[tuple[int, bool]]) -> None:
    scores, clicked = (np.array(part) for part in zip(*lines, strict=True))
    values = auc(scores, clicked)
    assert values.mean() == pytest.approx(roc_auc_score(clicked, scores), abs=1e-9)
    # DeLong et al., equation for one curve, by a slow loop.
    wins = np.array([[(a > b) + (a == b) / 2 for b in scores[~clicked]] for a in scores[clicked]])
    by_click, by_other = wins.mean(axis=1), wins.mean(axis=0)
    variance = np.var(by_click) / len(by_click) + np.var(by_other) / len(by_other)
    assert np.var(values) / len(values) == pytest.approx(variance, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(scored_lines)
def test_only_the_order_of_scores_counts_and_turning_it_round_turns_the_area_round(lines: list) -> None:
    scores, clicked = (np.array(part) for part in zip(*lines, strict=True))
    np.testing.assert_allclose(auc(scores, clicked), auc(np.exp(scores / 3), clicked), atol=1e-9)
    assert auc(-scores, clicked).mean() == pytest.approx(1 - auc(scores, clicked).mean(), abs=1e-9)
    assert auc(scores, ~clicked).mean() == pytest.approx(1 - auc(scores, clicked).mean(), abs=1e-9)


def test_log_loss_worked_by_hand_and_finite_where_a_probability_is_none() -> None:
    clicked = np.array([1, 0, 1])
    probability = np.array([0.8, 0.3, 0.5], np.float32)
    assert log_loss(probability, clicked) == pytest.approx(sklearn_log_loss(clicked, probability), rel=1e-6)
    assert 10 < log_loss(np.array([0, 1], np.float32), np.array([1, 0])) < 100
