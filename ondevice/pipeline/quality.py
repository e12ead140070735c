"""How much trouble training takes: the quickest way, or the best that was measured, which needs a full table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice.embeddings.method import FULL
from ondevice.registry import member_name

if TYPE_CHECKING:
    from ondevice.embeddings.method import Method
    from ondevice.training.config import TrainConfig

DEFAULT, BEST = "default", "best"
QUALITIES = (DEFAULT, BEST)
"""`default`: every model is trained by itself. `best`: a model as wide as the full table starts from that of its seed.

Where the full table is still the better model, the other is trained once more to learn from its scores, too, and the
better of both is kept, all of it by the validation data. What a teacher is worth differs: learning from its scores was
a gain on lastfm and on Amazon toys and a loss on gowalla (`tests/benchmarks/teaching.py`)."""

ALONE, WARM_START, DISTILLATION = "", "warm start", "distillation"
SHARE = 0.5
"""Share of the loss that comes from the full table's scores where these are learned from."""


def ways_to_train(config: TrainConfig, quality: str, teacher: Path, method: Method) -> dict[str, TrainConfig]:
    """Return the settings of each way in which a model may be trained, by name, in their order.

    Args:
        config: the settings without a teacher.
        quality: one of `QUALITIES`.
        teacher: run folder of the full table.
        method: the model's embedding method.
    """
    is_teacher = member_name(type(method)) == FULL
    # Tables of another width can't be fitted to the full one's.
    if quality == DEFAULT or is_teacher or method.output_width != method.width:
        return {ALONE: config}
    start = replace(config, teacher=str(teacher), warm_start=True)
    return {WARM_START: start, DISTILLATION: replace(start, distillation=SHARE)}


def train_best(
    ways: Mapping[str, TrainConfig], folder: Path, train: Callable[[str, TrainConfig, Path], object]
) -> None:
    """Train a model in every way that is worth it and keep the best; go on where an earlier call was interrupted.

    Args:
        ways: what `ways_to_train` gave.
        folder: run folder of the model that is kept; another that was trained is left beside it.
        train: trains a model by the way's name and its settings, to a run folder.
    """
    from ondevice.training.run_folder import is_finished, open_run

    if is_finished(folder):
        return
    if ALONE in ways:
        train(ALONE, ways[ALONE], folder)
        return
    found: dict[Path, float] = {}
    for way, config in ways.items():
        # A teacher that is not the better model would only lead back to it.
        if found and max(found.values()) >= open_run(Path(config.teacher)).result.best_validation:
            break
        place = folder.with_name(f"{folder.name}-{way.replace(' ', '-')}")
        if not is_finished(place):
            train(way, config, place)
        found[place] = open_run(place).result.best_validation
    max(found, key=lambda place: found[place]).rename(folder)


def told(quality: str, kept: Mapping[str, Path]) -> list[str]:
    """Say which models learned from which, for the reader of a report.

    Args:
        quality: one of `QUALITIES`.
        kept: run folder of every model by its name.
    """
    from ondevice.training.run_folder import open_run

    if quality == DEFAULT:
        return []
    configs = {name: open_run(folder).config for name, folder in kept.items()}
    started = [name for name, config in configs.items() if config.warm_start]
    learned = [name for name, config in configs.items() if config.distillation]
    return [
        f"Started from the full table of their seed: {', '.join(started) or 'none'}; learned from its scores, too, "
        f"which was better on the validation data: {', '.join(learned) or 'none'}."
    ]
