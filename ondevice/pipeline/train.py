"""Train one model: from a data set to a run folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondevice import task as tasks
from ondevice.data import dataset as datasets
from ondevice.data.columns import Columns
from ondevice.data.labelled import DATA_SETTINGS
from ondevice.embeddings.method import FULL
from ondevice.errors import UsageError, unknown_name
from ondevice.ids import RESERVED_IDS
from ondevice.pipeline import frame
from ondevice.pipeline import size as sizes

if TYPE_CHECKING:
    from ondevice.data.split_data import SplitData
    from ondevice.training.config import TrainConfig
    from ondevice.training.run_folder import Run


def configure(
    dataset: str | None = None,
    data: Any = None,
    *,
    ratio: float | None = None,
    budget_bytes: int | None = None,
    budget_recipe: str | None = None,
    **given: Any,
) -> TrainConfig:
    """Build the settings of a training: the defaults, then the data set's own, then the given ones.

    Args:
        dataset: name of the data set; without it the one that the data look like, without data the synthetic one.
        data: its files; None for a generated one; or a DataFrame with a row for each thing that a user did, which is
            kept as a file in the user's cache.
        ratio: parameters of the full table over parameters stored for the look-up; 16 without it and without a budget,
            for the full table 1.
        budget_bytes: bytes that the encoded tables may take, instead of a ratio; the method uses what it can of them.
        budget_recipe: recipe whose encoding the budget counts in, `"int8"` without it; only beside a budget.
        given: further fields of `TrainConfig`, and of `ondevice.data.columns.Columns` for tables, e.g. `user="userId"`.

    Raises:
        UsageError: a name is unknown or a value is out of range.
    """
    from ondevice.training.config import TrainConfig

    if data is not None and not isinstance(data, (str, Path)):
        data, dataset = frame.kept(data), dataset or "table"
    if table := {field.name: given.pop(field.name) for field in fields(Columns) if field.name in given}:
        given["table"] = table
        dataset = dataset or "table"
    profile = datasets.load(dataset or (datasets.recognised(Path(data)) if data else "synthetic"))
    profile.require_settings(given)
    if "table" in given:
        given["table"] = {**profile.table, **given["table"]}
    known = [field.name for field in fields(TrainConfig)]
    for name in given:
        if name not in known:
            raise unknown_name("training setting", name, known)
    size = sizes.asked(ratio, budget_bytes, budget_recipe)
    if size.budget_bytes or (ratio is None and given.get("method") == FULL):
        size = size._replace(ratio=1.0)
    length = {} if profile.of_fields else {"history_length": profile.history_length}
    chosen = {**length, **profile.training, **given, **size._asdict()}
    chosen["teacher"] = str(given.get("teacher", ""))
    return TrainConfig(profile.name, str(data or ""), **chosen)


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


def read_data(config: TrainConfig) -> SplitData:
    """Read the data of a training and refuse what is too small to be measured.

    Raises:
        UsageError: a file is missing.
        OnDeviceError: a file is malformed, or there is too little in it.
    """

    settings = {name: getattr(config, name) for name in DATA_SETTINGS}
    found = datasets.load(config.dataset).read(Path(config.data) if config.data else None, settings)
    tasks.load(found.task).require(found)
    return found


def train(
    config: TrainConfig,
    out: Path | str,
    *,
    split_data: SplitData | None = None,
    told: Callable[[SplitData], None] = lambda data: None,
    progress: Callable[[int, int, float], None] = lambda done, total, share: None,
) -> Run:
    """Train one model, or resume a run of the same settings that was interrupted.

    Args:
        config: the settings, see `configure`.
        out: run folder to write.
        split_data: the data, if it is read already.
        told: told of the data before training begins.
        progress: told epochs done, epochs at most and the share of the running epoch.

    Raises:
        UsageError: a file is missing, the ratio or budget is out of reach, the teacher can't teach or the folder is
            taken.
        OnDeviceError: a data file is malformed.
    """
    from ondevice.training.choose import chosen, counts_of, with_fields
    from ondevice.training.run_folder import claim

    data = read_data(config) if split_data is None else split_data
    config = sizes.fitted(with_fields(config, data), data.items + RESERVED_IDS, counts_of(data))
    chosen(config, data)
    claim(Path(out), config, data)
    told(data)
    # TensorFlow is imported only once everything that can be wrong with the request has been checked.
    from ondevice.training.fit import fit

    return fit(config, data, Path(out), progress)
