"""The reference's answers of a user's model, against a loop over every score."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
import pytest

from ondevice.feature import Feature
from ondevice.head import Head, probabilities, top_k, values
from ondevice.pipeline.answers import KEPT, as_answers, excluded_ids

ROWS, IDS = 6, 40
RNG = np.random.default_rng(0)
SCORES = RNG.standard_normal((ROWS, IDS)).astype(np.float32)
TIES = RNG.integers(0, 4, (ROWS, IDS)).astype(np.float32)
EXCLUDED = RNG.integers(0, IDS, (ROWS, 5)).astype(np.int32)


def ranked(scores: Collection[float], never: int, excluded: Collection[int]) -> list[int]:
    """Rank one row's ids as the rule says: the larger score first, of equal ones the smaller id."""
    allowed = [item for item in range(len(scores)) if item >= never and item not in excluded]
    return sorted(allowed, key=lambda item: (-list(scores)[item], item))


@pytest.mark.parametrize("scores", [SCORES, TIES], ids=["numbers", "ties"])
@pytest.mark.parametrize("never", [0, 2])
@pytest.mark.parametrize("excluded", [None, EXCLUDED], ids=["all", "some"])
@pytest.mark.parametrize(("k", "kept"), [(3, 3), (3, 8), (8, 3), (20, KEPT)])
def test_best_ids_are_those_of_a_loop(scores: np.ndarray, never: int, excluded: np.ndarray, k: int, kept: int) -> None:
    answers, spans = as_answers(top_k(k, never=never), {"any": scores}, excluded, kept)
    expected = [ranked(row, never, [] if excluded is None else excluded[place]) for place, row in enumerate(scores)]
    count = max(k, min(kept, min(len(row) for row in expected)))
    assert answers["items"].dtype == np.int32
    assert answers["items"].tolist() == [row[:count] for row in expected]
    assert answers["scores"].tolist() == [
        [float(scores[place][item]) for item in row[:count]] for place, row in enumerate(expected)
    ]
    assert spans["scores"].tolist() == pytest.approx([max(row) - min(row) for row in scores.tolist()], rel=1e-6)


def test_a_batch_of_one_within_each_row_is_no_axis_of_its_own() -> None:
    flat, _ = as_answers(top_k(4), {"any": SCORES}, EXCLUDED)
    nested, _ = as_answers(top_k(4), {"any": SCORES[:, None]}, EXCLUDED[:, None])
    assert {name: array.tolist() for name, array in nested.items()} == {n: a.tolist() for n, a in flat.items()}


@pytest.mark.parametrize("logits", [True, False])
def test_labels_are_in_the_order_of_their_probabilities(logits: bool) -> None:
    labels = [f"label {number}" for number in range(5)]
    given = SCORES[:, :5]
    if not logits:
        given = np.abs(given) / np.abs(given).sum(axis=1, keepdims=True)
    answers, spans = as_answers(probabilities(labels, logits), {"any": given}, None)
    for place, row in enumerate(given.tolist()):
        total = sum(math.exp(score) for score in row)
        chances = [math.exp(score) / total for score in row] if logits else row
        assert answers["labels"][place].tolist() == ranked(row, 0, [])
        assert answers["scores"][place].tolist() == pytest.approx(sorted(chances, reverse=True), rel=1e-5)
    assert spans["scores"].tolist() == [1.0] * ROWS


@pytest.mark.parametrize("logits", [True, False])
def test_one_label_has_its_own_probability(logits: bool) -> None:
    given = SCORES[:, :1] if logits else np.abs(SCORES[:, :1]) / 9
    answers, _ = as_answers(probabilities(["yes"], logits), {"any": given}, None)
    expected = [1 / (1 + math.exp(-score)) if logits else score for [score] in given.tolist()]
    assert answers["labels"].tolist() == [[0]] * ROWS
    assert answers["scores"][:, 0].tolist() == pytest.approx(expected, rel=1e-6)


def test_large_scores_do_not_overflow() -> None:
    given = np.array([[1_000.0, 0.0], [-1_000.0, 0.0]], np.float32)
    answers, _ = as_answers(probabilities(["a", "b"], logits=True), {"any": given}, None)
    assert answers["scores"].tolist() == [[1.0, 0.0], [1.0, 0.0]]
    assert answers["labels"].tolist() == [[0, 1], [1, 0]]


def test_own_outputs_stay_as_they_are_and_fractions_have_ranges() -> None:
    raw = {"score": SCORES, "best": EXCLUDED, "flag": SCORES > 0}
    answers, spans = as_answers(values(), raw, None)
    assert answers == raw
    assert spans.keys() == {"score"}
    widest = max(map(max, SCORES.tolist())) - min(map(min, SCORES.tolist()))
    assert spans["score"].tolist() == pytest.approx([widest] * ROWS, rel=1e-6)


def test_zero_counts_among_the_numbers_of_a_range() -> None:
    _, spans = as_answers(values(), {"price": np.array([[3.0], [5.0]], np.float32)}, None)
    assert spans["price"].tolist() == [5.0, 5.0]


def test_several_outputs_are_no_ranking() -> None:
    head: Head = top_k(3)
    with pytest.raises(ValueError, match="too many values"):
        as_answers(head, {"one": SCORES, "two": SCORES}, None)


def test_ids_outside_are_left_out_as_what_they_count_as() -> None:
    feature = Feature("items", "ids", (1, 3), "int32", 5, outside=1)
    given = {"items": np.array([[[-1, 2, 7]], [[4, 0, 0]]])}
    np.testing.assert_array_equal(excluded_ids(top_k(2, "items"), [feature], given), [[1, 2, 1], [4, 0, 0]])
    assert excluded_ids(top_k(2), [feature], given) is None
