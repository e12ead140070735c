"""Train one model: from a data set to a run folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondevice import task as tasks
from ondevice.data import dataset as datasets
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.pipeline import size as sizes

if TYPE_CHECKING:
    from ondevice.data.split_data import SplitData
    from ondevice.training.config import TrainConfig
    from ondevice.training.run_folder import Run


def configure(
    dataset: str,
    data: Path | None,
    method: str,
    order: str,
    ratio: float,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    output: str = "dense",
    output_ratio: float = 1.0,
    output_options: Mapping[str, Any] | None = None,
) -> TrainConfig:
    """Build the settings of a run: the defaults, then the data set's own, then the given ones.

    Raises:
        UsageError: a name is unknown or a value is out of range.
    """
    from ondevice.data.order import registry as orders
    from ondevice.embeddings.method import registry as methods
    from ondevice.models.output import registry as outputs
    from ondevice.training.config import LENGTHS, TrainConfig, check_setting

    profile = datasets.load(dataset)
    for name in settings or {}:
        check_setting(name)
        if name in LENGTHS and profile.of_fields:
            raise UsageError(f"setting {name} is given; of {dataset!r} the number of fields says it.")
    methods.load(method)
    orders.load(order)
    outputs.load(output)
    length = {} if profile.of_fields else {"history_length": profile.history_length}
    chosen = {**length, **profile.training, **(settings or {})}
    chosen |= {"output": output, "output_ratio": float(output_ratio), "output_options": dict(output_options or {})}
    path = str(data) if data is not None else ""
    return TrainConfig(dataset, path, method, order, float(ratio), dict(options or {}), seed, **chosen)


def parse_options(pairs: Sequence[str]) -> dict[str, int | float | str | bool]:
    """Turn `NAME=VALUE` words into method options: true, false, whole numbers, numbers or words.

    Raises:
        UsageError: a word is not of this form.
    """
    options: dict[str, int | float | str | bool] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise UsageError(f"option is {pair!r}; allowed is NAME=VALUE, e.g. bias=true.")
        options[name] = _plain(text)
    return options


def _plain(text: str) -> int | float | str | bool:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


def read_data(dataset: str, data: Path | None, settings: Mapping[str, Any] | None) -> SplitData:
    """Read a data set and refuse one that is too small to be measured.

    Args:
        dataset: name of the data set.
        data: its files; None for a generated one.
        settings: training settings that differ from the data set's.

    Raises:
        UsageError: a name is unknown, a file is missing or a setting is not for this data set.
        OnDeviceError: a file is malformed, or there is too little in it.
    """

    found = datasets.load(dataset).read(data, settings)
    tasks.load(found.task).require(found)
    return found


def train(
    dataset: str = "synthetic",
    data: Path | str | None = None,
    *,
    method: str = "memcom",
    order: str = "semantic",
    ratio: float | None = None,
    budget_bytes: int | None = None,
    recipe: str | None = None,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    output: str = "dense",
    output_ratio: float = 1.0,
    output_options: Mapping[str, Any] | None = None,
    teaching: Mapping[str, Any] | None = None,
    out: Path | str,
    split_data: SplitData | None = None,
    progress: Callable[[int, int, float], None] = lambda done, total, share: None,
) -> Run:
    """Train one model, or resume a run of the same settings that was interrupted.

    Args:
        dataset: name of the data set.
        data: its files; None for a generated one.
        method: name of the embedding method.
        order: name of the id order.
        ratio: parameters of the full table over parameters stored for the look-up; 16 without it and without a budget,
            for the full table 1.
        budget_bytes: bytes that the encoded tables may take, instead of a ratio; the method uses what it can of them.
        recipe: recipe whose encoding the budget counts in, `"int8"` without it; only beside a budget.
        seed: seed of everything random.
        options: further fields of the method, e.g. `{"bias": True}`.
        settings: training settings that differ from the data set's, by field name of `TrainConfig`.
        output: name of the output layer.
        output_ratio: bytes of the dense output layer as float32 over those of the output layer as int8, at least.
        output_options: further fields of the output layer, e.g. `{"bias": False}`.
        teaching: a trained model's run folder as `"teacher"`, what it is for: `"warm_start"`, `"teacher_order"` and
            `"distillation"`, and the recipe to train for as `"quantize_aware"`; see `TrainConfig`.
        out: run folder to write.
        split_data: the data, if it is read already.
        progress: told epochs done, epochs at most and the share of the running epoch.

    Raises:
        UsageError: a name is unknown, a file is missing, the ratio or budget is out of reach or the folder is taken.
        OnDeviceError: a data file is malformed.
    """
    from ondevice.training.choose import check_teacher, choose_method, choose_output, counts_of, with_fields
    from ondevice.training.quantize_aware import rounded_tables
    from ondevice.training.run_folder import claim

    data, out = Path(data) if data is not None else None, Path(out)
    size = sizes.asked(ratio, budget_bytes, recipe)
    ratio = size.ratio_for(method) if ratio is None else ratio
    layer = (output, output_ratio, output_options)
    config = configure(dataset, data, method, order, ratio, seed, options, settings, *layer)
    config = replace(config, **(teaching or {}))
    if split_data is None:
        split_data = read_data(dataset, data, settings)
    config = with_fields(config, split_data)
    tasks.load(split_data.task).require_length(config.history_length, split_data.items)
    counts = counts_of(split_data)
    config = sizes.fitted(config, size, split_data.items + RESERVED_IDS, counts)
    chosen = choose_method(config, split_data.items + RESERVED_IDS, counts)
    choose_output(config, chosen, split_data.task, split_data.labels)
    check_teacher(config, split_data, chosen)
    if config.quantize_aware:
        rounded_tables(chosen, config.quantize_aware)
    claim(out, config)
    # TensorFlow is imported only once everything that can be wrong with the request has been checked.
    from ondevice.training.fit import fit

    return fit(config, split_data, out, progress)
