"""Tiny trained runs, made once per test session and method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from ondevice.data.clicks import ClickLog
from ondevice.data.interactions import Interactions
from ondevice.data.readers.synthetic import Synthetic
from ondevice.data.readers.synthetic_clicks import SyntheticClicks
from ondevice.data.readers.synthetic_texts import SyntheticTexts
from ondevice.data.texts import LabelledTexts
from ondevice.reporting.sweep.record import Sweep
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
    "quotient_remainder features": {
        "method": "quotient_remainder", "order": "semantic", "ratio": 5.0, "options": {"operation": "features"},
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
    "compositional features": {
        "method": "compositional", "order": "semantic", "ratio": 8.0, "options": {"operation": "features"},
    },
    "robe": {"method": "robe", "order": "random", "ratio": 8.0},
    "output local_low_rank": {
        "method": "memcom", "order": "semantic", "ratio": 8.0, "output": "local_low_rank", "output_ratio": 8.0,
    },
    "output local_low_rank alone": {
        "method": "full", "order": "semantic", "ratio": 1.0, "output": "local_low_rank", "output_ratio": 40.0,
    },
    "output low_rank": {
        "method": "memcom", "order": "semantic", "ratio": 8.0, "output": "low_rank", "output_ratio": 6.0,
    },
    "output low_rank without bias": {
        "method": "full", "order": "as_given", "ratio": 1.0, "output": "low_rank", "output_ratio": 8.0,
        "output_options": {"bias": False},
    },
    "output tied": {
        "method": "memcom", "order": "semantic", "ratio": 8.0, "output": "tied", "output_ratio": 8.0,
        # With seed 0 the row of the unknown id is so long, and scores after it alone so equal, that four bits fail.
        "seed": 1,
    },
    "output tied shared": {
        "method": "memcom", "order": "semantic", "ratio": 8.0, "output": "tied",
        "output_options": {"own_multipliers": False}, "hidden": (12,),
    },
    "output tied bias": {
        "method": "memcom", "order": "semantic", "ratio": 8.0, "output": "tied", "output_options": {"bias": True},
    },
    "output tied mod bias": {
        "method": "memcom", "order": "frequency", "ratio": 8.0, "output": "tied", "output_options": {"bias": True},
    },
    "output tied shared mod": {
        "method": "memcom", "order": "frequency", "ratio": 8.0, "output": "tied",
        "output_options": {"own_multipliers": False},
    },
    "output product_codes": {
        "method": "memcom", "order": "semantic", "ratio": 8.0, "output": "product_codes", "output_ratio": 8.0,
        "output_options": {"codewords": 16},
    },
    "one_hot_hashing": {"method": "one_hot_hashing", "order": "random", "ratio": 8.0},
    "one_hot_hashing signed": {
        "method": "one_hot_hashing", "order": "random", "ratio": 8.0, "options": {"signed": True},
    },
    "product_codes": {"method": "product_codes", "order": "random", "ratio": 5.1},
    "product_codes semantic": {"method": "product_codes", "order": "semantic", "ratio": 6.0},
    "mixed_dimension": {"method": "mixed_dimension", "order": "frequency", "ratio": 6.0},
    "factorized": {"method": "factorized", "order": "random", "ratio": 3.0},
    "factorized trained": {
        "method": "factorized", "order": "random", "ratio": 5.0, "options": {"trained_width": 12},
    },
    "path_based": {"method": "path_based", "order": "semantic", "ratio": 2.0, "options": {"hidden": 3}},
    "tensor_train": {"method": "tensor_train", "order": "semantic", "ratio": 6.0},
}  # fmt: skip
"""Every method with each of its ways to work, and every output layer."""


TEXT_VARIANTS: dict[str, dict] = {
    "text full": {"method": "full", "order": "as_given", "ratio": 1.0},
    "text memcom": {"method": "memcom", "order": "semantic", "ratio": 4.0},
    "text quotient_remainder": {"method": "quotient_remainder", "order": "random", "ratio": 4.0},
}
"""Models of texts; the network before the labels is that of the others."""


def tiny_texts() -> LabelledTexts:
    """Make a few texts with planted sentiment."""
    return SyntheticTexts(texts=900, words=400, seed=3).read("synthetic-texts", None)


CLICK_VARIANTS: dict[str, dict] = {
    "clicks full": {"method": "full", "order": "as_given", "ratio": 1.0},
    "clicks memcom": {"method": "memcom", "order": "semantic", "ratio": 4.0},
    "clicks mixed_dimension": {"method": "mixed_dimension", "order": "frequency", "ratio": 4.0},
}
"""Models of a click log; only what stands between the look-up and the hidden layers is of their own kind."""


def tiny_clicks() -> ClickLog:
    """Make a short log with planted tastes."""
    return SyntheticClicks(lines=6_000, users=30, seed=3).read("synthetic-clicks", None)


def tiny_interactions() -> Interactions:
    """Make a small catalogue."""
    return Synthetic(users=USERS, items=ITEMS, seed=3).read("synthetic", None)


def write_user_items(interactions: Interactions, folder: Path) -> None:
    """Write a data set as the files of the data set profile `user-items`."""
    folder.mkdir()
    for part in ("train", "valid", "test"):
        lists = getattr(interactions, part)
        lines = (" ".join(map(str, (user, *items.tolist()))) for user, items in enumerate(lists))
        (folder / f"{part}.txt").write_text("".join(f"{line}\n" for line in lines))


def sweep_of(data: Path, *, out: Path, **request: Any) -> Sweep:
    """Sweep over a data set that `write_user_items` wrote.

    Args:
        data: its folder.
        out: folder to write.
        request: fields of the plan, and what `sweep` takes besides.
    """
    from ondevice.pipeline.sweep import sweep
    from ondevice.pipeline.sweep_plan import SweepPlan

    plan = {field.name: request.pop(field.name) for field in fields(SweepPlan) if field.name in request}
    return sweep(SweepPlan("user-items", str(data), **plan), out, **request)


def tiny_config(variant: str, **settings: object) -> TrainConfig:
    """Return settings that train in about a second."""
    if variant in TEXT_VARIANTS:
        small = {"width": 16, "hidden": (16,), "history_length": 48, "sample_length": 48, "batch_size": 50, "epochs": 4}
        return TrainConfig("synthetic-texts", **{**small, **TEXT_VARIANTS[variant], **settings})
    if variant in CLICK_VARIANTS:
        small = {"width": 16, "hidden": (16,), "history_length": 4, "sample_length": 4, "batch_size": 100, "epochs": 6}
        return TrainConfig("synthetic-clicks", **{**small, **CLICK_VARIANTS[variant], **settings})
    small = {"width": 16, "hidden": (16,), "history_length": 48, "sample_length": 24, "batch_size": 50, "epochs": 16}
    return TrainConfig("synthetic", **{**small, **VARIANTS[variant], **settings})


def run_maker(root: Path) -> Callable[[str], Run]:
    """Return a function that trains a variant at its first call and remembers it."""
    from ondevice.training.fit import fit

    kinds = ((TEXT_VARIANTS, tiny_texts), (CLICK_VARIANTS, tiny_clicks), (VARIANTS, tiny_interactions))
    data = {variant: make for variants, make in kinds for variant in variants}
    made: dict[str, Run] = {}

    def make(variant: str) -> Run:
        if variant not in made:
            folder = root / variant.replace(" ", "-")
            made[variant] = fit(tiny_config(variant), data[variant](), folder, lambda done, total, share: None)
        return made[variant]

    return make
