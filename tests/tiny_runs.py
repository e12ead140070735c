"""Tiny trained runs, made once per test session and method."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ondevice.data.interactions import Interactions
from ondevice.data.readers.synthetic import Synthetic
from ondevice.training.config import TrainConfig
from ondevice.training.run_folder import Run

USERS, ITEMS = 300, 300

VARIANTS: dict[str, dict] = {
    "full": {"method": "full", "order": "as_given", "ratio": 1.0},
    "hashing": {"method": "hashing", "order": "random", "ratio": 8.0},
    "hashing block": {"method": "hashing", "order": "semantic", "ratio": 8.0},
    "memcom": {"method": "memcom", "order": "frequency", "ratio": 8.0},
    "memcom block": {"method": "memcom", "order": "semantic", "ratio": 8.0},
    "memcom bias": {"method": "memcom", "order": "random", "ratio": 6.0, "options": {"bias": True}},
    "memcom multipliers": {
        "method": "memcom", "order": "semantic", "ratio": 3.0, "options": {"multipliers": 4},
    },
    "quotient_remainder": {"method": "quotient_remainder", "order": "random", "ratio": 6.0},
    "quotient_remainder add": {
        "method": "quotient_remainder", "order": "random", "ratio": 6.0, "options": {"operation": "add"},
    },
    "quotient_remainder concat": {
        "method": "quotient_remainder", "order": "semantic", "ratio": 6.0, "options": {"operation": "concat"},
    },
    "reduced_width": {"method": "reduced_width", "order": "random", "ratio": 3.0},
    "truncate_rare": {"method": "truncate_rare", "order": "frequency", "ratio": 3.0},
    "double_hashing": {
        "method": "double_hashing", "order": "frequency", "ratio": 6.0, "options": {"frequent": 20},
    },
    "hash_embedding": {"method": "hash_embedding", "order": "random", "ratio": 4.0},
    "hash_embedding block": {
        "method": "hash_embedding", "order": "semantic", "ratio": 4.0, "options": {"hashes": 3},
    },
    "compositional": {"method": "compositional", "order": "semantic", "ratio": 10.0},
    "compositional remainders": {
        "method": "compositional", "order": "random", "ratio": 8.0,
        "options": {"scheme": "chinese_remainder", "operation": "concat", "partitions": 4},
    },
    "robe": {"method": "robe", "order": "random", "ratio": 8.0},
}  # fmt: skip
"""Every method with each of its ways to work."""


def tiny_interactions() -> Interactions:
    """Make a small catalogue."""
    return Synthetic(users=USERS, items=ITEMS, seed=3).read("synthetic", None)


def tiny_config(variant: str, **settings: object) -> TrainConfig:
    """Return settings that train in about a second."""
    small = {"width": 16, "hidden": (16,), "history_length": 48, "sample_length": 24, "batch_size": 50, "epochs": 16}
    return TrainConfig("synthetic", **VARIANTS[variant], **{**small, **settings})  # type: ignore[arg-type]


def run_maker(root: Path) -> Callable[[str], Run]:
    """Return a function that trains a variant at its first call and remembers it."""
    from ondevice.training.fit import fit

    interactions = tiny_interactions()
    made: dict[str, Run] = {}

    def make(variant: str) -> Run:
        if variant not in made:
            folder = root / variant.replace(" ", "-")
            made[variant] = fit(tiny_config(variant), interactions, folder, lambda done, total, share: None)
        return made[variant]

    return make
