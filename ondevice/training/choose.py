"""From the settings of a run to the embedding method and output layer it trains. Asked first, so without TensorFlow."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from ondevice import task as tasks
from ondevice.data.order import registry as orders
from ondevice.data.split_data import SplitData
from ondevice.data.vocabulary import Vocabulary
from ondevice.embeddings import sharing
from ondevice.embeddings.method import Counts, Method
from ondevice.embeddings.method import registry as methods
from ondevice.embeddings.options import check_options
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.models.output import Output
from ondevice.models.output import registry as outputs
from ondevice.task import RANKING
from ondevice.training.config import TrainConfig
from ondevice.training.quantize_aware import rounded_tables
from ondevice.training.run_folder import open_run


def with_fields(config: TrainConfig, data: SplitData) -> TrainConfig:
    """Return the settings with as many ids per example as the data have fields, where they have any."""
    fields = len(data.fields)
    return dataclasses.replace(config, history_length=fields, sample_length=fields) if fields else config


def chosen(config: TrainConfig, data: SplitData) -> tuple[Method, Output]:
    """Check everything about a training that can be wrong, and return its method and output layer.

    Args:
        config: the settings, with as many ids per example as the data have fields.
        data: the data set.

    Raises:
        UsageError: the ratio is out of reach, something does not fit the data, or the teacher can't teach.
    """
    tasks.load(data.task).require_length(config.history_length, data.items)
    method = choose_method(config, data.items + RESERVED_IDS, counts_of(data))
    output = choose_output(config, method, data.task, data.labels)
    check_teacher(config, data, method)
    if config.quantize_aware:
        rounded_tables(method, config.quantize_aware)
    return method, output


def counts_of(data: SplitData) -> Counts:
    """Return what methods may know of the data."""
    items = np.sort(data.counts)[::-1]
    sizes = np.bincount(data.item_fields)
    return Counts(np.concatenate([np.zeros(RESERVED_IDS, np.int64), items]), tuple(np.sort(sizes[sizes > 0]).tolist()))


def choose_method(config: TrainConfig, vocabulary_size: int, counts: Counts | None = None) -> Method:
    """Build the configured method at the configured ratio.

    Args:
        config: the settings.
        vocabulary_size: number of ids, reserved ids included.
        counts: what `counts_of` gives; None where no data are at hand, and then methods that use them assume some.

    Raises:
        UsageError: the method can't reach the ratio or needs another id order, or an option is not one of its
            fields or of another type.
    """
    options = method_options(config, counts)
    method = methods.load(config.method).for_ratio(vocabulary_size, config.width, config.ratio, **options)
    if method.needs_order not in ("", config.order):
        options = method_options(config)
        raise UsageError(
            f"order is {config.order!r}; allowed is {method.needs_order!r} for method {config.method}"
            f"{f' with options {options}' if options else ''}, since rows of their own belong to its first ids."
        )
    return method


def method_options(config: TrainConfig, counts: Counts | None = None) -> dict[str, Any]:
    """Return the options that the configured method is made with.

    Where the method shares rows by a rule and none is given, neighbours share a row if the order makes them similar.

    Args:
        config: the settings.
        counts: as for `choose_method`.

    Raises:
        UsageError: an option is not one of the method's fields or of another type.
    """
    kind = methods.load(config.method)
    options: dict[str, Any] = dict(config.options)
    allowed = check_options(options, kind, f"method {config.method}")
    if "sharing" in allowed and orders.load(config.order).neighbours_similar:
        options.setdefault("sharing", sharing.BLOCK)
    return options if counts is None else kind.options_from_counts(counts, options)


def choose_output(config: TrainConfig, method: Method, task: str = RANKING, labels: tuple[str, ...] = ()) -> Output:
    """Build the configured output layer at the configured ratio.

    Args:
        config: the settings.
        method: the embedding method.
        task: name of the task.
        labels: names of the labels, where answers are labels.

    Raises:
        UsageError: the layer can't reach the ratio or is not for this method or task, or an option is not one of its
            fields or of another type.
    """
    kind = outputs.load(config.output)
    check_options(config.output_options, kind, f"output layer {config.output}")
    width = config.hidden[-1] if config.hidden else method.output_width
    return tasks.load(task).output(kind, method, width, config, labels)


def check_teacher(config: TrainConfig, data: SplitData, method: Method) -> None:
    """Check that the configured teacher, if there is one, can teach.

    Args:
        config: the settings.
        data: the data set.
        method: the embedding method.

    Raises:
        UsageError: the teacher is no finished run, was trained on other items, or is of another shape than a warm start
            needs.
    """
    if not config.teacher:
        return
    run = open_run(Path(config.teacher))
    own = Vocabulary.of_items(data.item_keys, np.arange(data.items))
    if set(run.vocabulary().keys) != set(own.keys):
        raise UsageError(f"teacher {config.teacher!r} was trained on other items; name a run of the same data.")
    if (run.result.task, run.result.labels) != (data.task, data.labels):
        raise UsageError(f"teacher {config.teacher!r} was trained for another task; name a run of the same data.")
    fields = run.result.tokenizer.fields if run.result.tokenizer is not None else ()
    if fields != data.fields:
        # Their vectors stand side by side, so that what a dense layer learned is right for one order alone.
        raise UsageError(
            f"teacher {config.teacher!r} has the fields {list(fields)} in this order, the data {list(data.fields)}; "
            f"name a run of the same order."
        )
    given, needed = (run.method().output_width, run.config.hidden), (method.output_width, config.hidden)
    if config.warm_start and given != needed:
        raise UsageError(
            f"teacher {config.teacher!r} has vectors of width {given[0]} and hidden layers {list(given[1])}, the model "
            f"{needed[0]} and {list(needed[1])}; name a run of the same width and hidden layers for a warm start."
        )
