"""Comparing with the full table where there is little to compare: no user differs, none is right, there is one."""

from __future__ import annotations

import dataclasses

import numpy as np

from ondevice.pipeline.sweep_compare import compare
from ondevice.pipeline.sweep_plan import FULL_CELL
from ondevice.reporting.sweep.record import Trial

TRIAL = Trial("", 4.0, 0, {}, True, 4.0, {}, 0.0, {}, 0.0, 1)


def compared(*values: list[list[float]]):
    """Compare one model with the full table, given each user's metric by seed of both."""
    own, full = map(np.array, values)
    trials = [
        dataclasses.replace(TRIAL, variant=variant, seed=seed)
        for variant in ("hashing@random", FULL_CELL.variant)
        for seed in range(len(own))
    ]
    return compare(trials, np.concatenate([own, full]), FULL_CELL.variant)


def test_models_that_are_equal_for_every_user_do_not_differ() -> None:
    [same] = compared([[1.0, 0.0, 1.0]] * 2, [[1.0, 0.0, 1.0]] * 2)
    assert (same.change, same.low, same.high, same.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_a_difference_that_all_users_have_is_none_by_chance() -> None:
    [better] = compared([[0.5, 1.0, 0.75]], [[0.25, 0.75, 0.5]])
    assert (better.change, better.low, better.high, better.p_value) == (0.5, 0.5, 0.5, 0.0)


def test_a_single_user_proves_nothing() -> None:
    [one] = compared([[0.5]], [[0.25]])
    assert (one.change, one.p_value) == (1.0, 1.0)


def test_a_full_table_without_a_right_answer_has_nothing_to_compare_with() -> None:
    assert compared([[0.5, 0.0]], [[0.0, 0.0]]) == ()
