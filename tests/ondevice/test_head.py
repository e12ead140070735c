"""Heads: what an app gets, by name and in order, and what contradicts itself."""

from __future__ import annotations

from typing import Any

import pytest

from ondevice.errors import UsageError
from ondevice.head import Head, probabilities, top_k, values


def test_outputs_are_named_by_what_they_answer() -> None:
    assert top_k(3).outputs == ("items", "scores")
    assert probabilities(["no", "yes"]).outputs == ("labels", "scores")
    assert values().outputs == ()
    assert (top_k(3).ranks, probabilities(["a"]).ranks, values().ranks) == (True, True, False)


def test_labels_are_counted_from_any_iterable() -> None:
    head = probabilities((name for name in ("no", "yes", "perhaps")), logits=True)
    assert head == Head("probabilities", 3, labels=("no", "yes", "perhaps"), logits=True)
    assert top_k(5, "item", 2) == Head("top_k", 5, "item", 2)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"kind": "topk", "k": 3}, "kind of the head is 'topk'; allowed is one of top_k, probabilities, values."),
        ({"kind": "top_k"}, "k of the head is 0; allowed is at least 1 for top_k, one for each label, 0 for values."),
        ({"kind": "top_k", "k": -1}, "k of the head is -1"),
        ({"kind": "probabilities"}, "k of the head is 0"),
        ({"kind": "probabilities", "k": 3, "labels": ("a", "b")}, "k of the head is 3"),
        ({"kind": "values", "k": 1}, "k of the head is 1"),
        ({"kind": "top_k", "k": 3, "never": -1}, "never of the head is -1; allowed is a whole number of at least 0."),
        ({"kind": "values", "exclude": "ids"}, "exclude of the head is 'ids'; allowed is an input's name for top_k"),
    ],
)
def test_what_contradicts_itself_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as refused:
        Head(**fields)
    assert str(refused.value).startswith(says)


def test_nobody_can_ask_for_nothing() -> None:
    for make in (lambda: top_k(0), lambda: probabilities([])):
        with pytest.raises(UsageError, match="k of the head is 0"):
            make()
