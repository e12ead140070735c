"""Training settings: whatever is out of range is named with what came and what is allowed."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest

from ondevice.errors import UsageError
from ondevice.training.config import TrainConfig, check_setting

COUNTS = (
    "width",
    "history_length",
    "sample_length",
    "batch_size",
    "epochs",
    "patience",
    "validation_users",
    "minimum_count",
    "most_words",
)
WHOLE = "a whole number of at least 1"

OUT_OF_RANGE: list[tuple[str, Any, str]] = [
    *((name, value, WHOLE) for name in COUNTS for value in (0, -1, 2.5, 2.0, True, "2", None, math.nan)),
    *((name, value, "0 to below 1") for name in ("dropout", "unknown_share") for value in (-0.1, 1, 1.0, 7, math.nan)),
    *(("learning_rate", value, "a finite number above 0") for value in (0, 0.0, -0.1, math.nan)),
    *(("weight_decay", value, "a finite number of at least 0") for value in (-1e-9, math.nan)),
    *(("distillation", value, "0 to 1") for value in (-0.1, 1.1, math.nan)),
    *(("budget_bytes", value, "a whole number of at least 0") for value in (-1, 0.5, True)),
    *(("seed", value, "a whole number from 0 to 4294967295") for value in (-1, 0.5, True, 2**32)),
    *(("hidden", value, "units of at least 1 each") for value in ((0,), (64, -1), (8.5,), ("8",))),
]

IN_RANGE: list[tuple[str, Any]] = [
    *((name, 1) for name in COUNTS),
    *((name, value) for name in ("dropout", "unknown_share") for value in (0, 0.0, 0.999)),
    ("learning_rate", 1e-9),
    ("learning_rate", 3),
    ("weight_decay", 0),
    ("seed", 0),
    ("seed", 2**31),
    ("hidden", ()),
    ("hidden", (1, 256)),
]


@pytest.mark.parametrize(("name", "value", "allowed"), OUT_OF_RANGE)
def test_value_out_of_range_is_named(name: str, value: Any, allowed: str) -> None:
    with pytest.raises(UsageError) as raised:
        TrainConfig("x", **{name: value})
    assert str(raised.value) == f"{name} is {value!r}; allowed is {allowed}."


@pytest.mark.parametrize(("name", "value"), IN_RANGE)
def test_value_at_the_edge_is_taken(name: str, value: Any) -> None:
    assert getattr(TrainConfig("x", **{name: value}), name) == value


def test_every_numeric_setting_is_checked() -> None:
    # Ratios are checked by the method and by the output layer, which know what they can reach.
    numeric = {field.name for field in fields(TrainConfig) if field.type in ("int", "float", "tuple[int, ...]")}
    assert numeric - {"ratio", "output_ratio"} == {name for name, _, _ in OUT_OF_RANGE}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("epochs", int), ("width", int), ("dropout", float), ("learning_rate", float), ("optimizer", str)],
)
def test_setting_given_by_name_has_a_type(name: str, kind: type) -> None:
    assert check_setting(name) is kind


@pytest.mark.parametrize(
    "name", ["seed", "ratio", "hidden", "options", "output", "output_ratio", "dataset", "method", "epoch", ""]
)
def test_other_settings_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"unknown training setting '{name}'"):
        check_setting(name)


def test_misspelt_setting_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown training setting 'drop_out', did you mean 'dropout'"):
        check_setting("drop_out")
