"""The settings of one training run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from ondevice.data.columns import Columns
from ondevice.data.labelled import LENGTHS, MINIMUM_COUNT, MOST_WORDS
from ondevice.data.order import registry as orders
from ondevice.embeddings.method import registry as methods
from ondevice.embeddings.method import require
from ondevice.errors import UsageError, unknown_name
from ondevice.models.output import registry as outputs
from ondevice.training.optimizer import OPTIMIZERS

SEEDS = 2**32
"""Seeds that all random generators take are below this."""
TEACHER_ORDER = "semantic"
"""The order that may compare a teacher's vectors."""


@dataclass(frozen=True)
class TrainConfig:
    """Everything that determines a training run, apart from the versions of the packages.

    The defaults are those that suited the full table best; every method is trained with the same ones.

    Args:
        dataset: name of the data set.
        data: path of its files, empty for a generated one.
        method: name of the embedding method.
        order: name of the id order.
        ratio: parameters of the full table over parameters stored for the look-up; with a budget the one that keeps it.
        options: further fields of the method, e.g. `{"bias": true}`.
        seed: seed of initial values, examples, dropout and random orders.
        width: numbers per embedding vector.
        hidden: units of each hidden dense layer.
        history_length: ids per call of the exported model; longer histories keep their last ids. In a click log it is
            the number of fields.
        sample_length: ids per training example, at most; of a text the last ones, of a line of a click log all.
        dropout: share of the hidden units that training drops, 0 to below 1.
        unknown_share: share of the training ids replaced by the unknown id, so that it gets a vector; a large share
            keeps texts from being learned by heart.
        learning_rate: highest learning rate; it falls along a cosine to zero.
        weight_decay: share of the learning rate by which every step shrinks tables, used rows or not (with
            `lazy_adamw` used ones only), and dense layers; per-id tables that only weigh shared rows, as the
            multipliers of `memcom`, and everything named a bias are exempt.
        batch_size: examples per step.
        epochs: passes over the users, at most.
        patience: epochs without a better validation metric after which training stops. While the learning rate is high
            the metric stands still or falls for some, after a warm start above all, and rises as the rate falls.
        validation_users: users, texts or lines for the validation metric of each epoch, at most.
        output: name of the output layer.
        output_ratio: bytes of the dense output layer as float32 over those of the output layer as int8.
        output_options: further fields of the output layer, e.g. `{"bias": false}`.
        teacher: run folder of a trained model to start or learn from, empty for none.
        warm_start: whether tables, dense layers and output layer start as near to the teacher's as they can.
        teacher_order: whether the semantic order compares the teacher's vectors instead of item factors.
        optimizer: name of the optimizer.
        distillation: share of the loss that is the cross-entropy to the teacher's probabilities, 0 to 1.
        quantize_aware: recipe whose encoding the look-ups of training know of, empty for none; worth it for 4 bits and
            less, after a warm start.
        minimum_count: how often a word of a text or a value of a field must occur in training to get an id; only for
            texts and click logs.
        most_words: words with an id, at most, the most frequent ones; only for texts.
        table: which column of a table is what, which rows count and how they are split, by the fields of
            `ondevice.data.columns.Columns`, e.g. `{"user": "userId"}`; only for tables.
        budget_bytes: bytes that the encoded tables may take, 0 where a ratio is asked for.
        budget_recipe: recipe whose encoding the budget counts in, empty without one.
    """

    dataset: str
    data: str = ""
    method: str = "memcom"
    order: str = "semantic"
    ratio: float = 16.0
    options: dict[str, int | float | str | bool] = field(default_factory=dict)
    seed: int = 0
    width: int = 64
    hidden: tuple[int, ...] = (64,)
    history_length: int = 64
    sample_length: int = 64
    dropout: float = 0.5
    unknown_share: float = 0.005
    learning_rate: float = 0.02
    weight_decay: float = 0.1
    batch_size: int = 256
    epochs: int = 18
    patience: int = 10
    validation_users: int = 3_000
    output: str = "dense"
    output_ratio: float = 1.0
    output_options: dict[str, int | float | str | bool] = field(default_factory=dict)
    teacher: str = ""
    warm_start: bool = False
    teacher_order: bool = False
    distillation: float = 0.0
    optimizer: str = "adamw"
    quantize_aware: str = ""
    minimum_count: int = MINIMUM_COUNT
    most_words: int = MOST_WORDS
    table: dict[str, int | float | str | bool] = field(default_factory=dict)
    budget_bytes: int = 0
    budget_recipe: str = ""

    def __post_init__(self) -> None:
        counts = ("width", *LENGTHS, "batch_size", "epochs", "patience", "validation_users")
        for name in (*counts, "minimum_count", "most_words"):
            require(name, getattr(self, name), _whole(getattr(self, name), 1), "a whole number of at least 1")
        for name in ("dropout", "unknown_share"):
            require(name, getattr(self, name), 0 <= getattr(self, name) < 1, "0 to below 1")
        require("learning_rate", self.learning_rate, 0 < self.learning_rate < math.inf, "a finite number above 0")
        require("weight_decay", self.weight_decay, 0 <= self.weight_decay < math.inf, "a finite number of at least 0")
        require("budget_bytes", self.budget_bytes, _whole(self.budget_bytes, 0), "a whole number of at least 0")
        require("seed", self.seed, _whole(self.seed, 0) and self.seed < SEEDS, f"a whole number from 0 to {SEEDS - 1}")
        for name, family in (("method", methods), ("order", orders), ("output", outputs)):
            if getattr(self, name) not in family.names():
                raise unknown_name(family.kind, getattr(self, name), family.names())
        if self.optimizer not in OPTIMIZERS:
            raise unknown_name("optimizer", self.optimizer, OPTIMIZERS)
        require("distillation", self.distillation, 0 <= self.distillation <= 1, "0 to 1")
        for name in ("warm_start", "teacher_order", "distillation"):
            if getattr(self, name) and not self.teacher:
                raise UsageError(f"{name} is {getattr(self, name)!r}; allowed is it only beside a teacher.")
        if self.teacher_order and self.order != TEACHER_ORDER:
            raise UsageError(f"order is {self.order!r}; allowed is {TEACHER_ORDER!r} beside teacher_order.")
        Columns.of(self.table)
        require("hidden", self.hidden, all(_whole(units, 1) for units in self.hidden), "units of at least 1 each")


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def check_setting(name: str) -> type[Any]:
    """Return the type of a setting that may be given by name: a numeric one or the optimizer.

    Raises:
        UsageError: there is no such setting.
    """
    numeric = {entry.name: {"int": int, "float": float}.get(str(entry.type)) for entry in fields(TrainConfig)}
    elsewhere = ("seed", "ratio", "output_ratio", "distillation", "budget_bytes")
    allowed = {key: kind for key, kind in numeric.items() if kind is not None and key not in elsewhere}
    allowed["optimizer"] = str
    if name not in allowed:
        raise unknown_name("training setting", name, allowed)
    return allowed[name]
