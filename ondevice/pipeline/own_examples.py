"""Examples for a bundle of a user's model: the file's inputs, the model's own answers, and the metric asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ondevice.bundle import Bundle
from ondevice.data.vocabulary import read_keys
from ondevice.errors import UsageError, unknown_name
from ondevice.feature import NUMBER
from ondevice.manifest import VOCABULARY, Manifest
from ondevice.pipeline.answers import as_answers, excluded_ids
from ondevice.pipeline.own_model import batches, built, read_arrays, require_file
from ondevice.validation.own_examples import Metric, OwnExamples
from ondevice.validation.record import Failure

ERRORS = ("error", "loss", "entropy", "divergence", "mse", "mae", "rmse", "mape")
"""Parts of the names of metrics of which less is better."""


def own_examples(
    bundle: Bundle,
    model: Any,
    data: Any,
    metric: Any,
    most: int | None,
    call: Callable[[Any], Any] | None = None,
    outputs: Sequence[str] | None = None,
) -> tuple[OwnExamples, list[Failure]]:
    """Answer examples with the model, and prepare them for the bundle's file.

    Args:
        bundle: the bundle.
        model: the model, or path of its file.
        data: see `ondevice.validate`.
        metric: see `ondevice.validate`.
        most: examples, at most; None for all.
        call: what was exported instead of the model's own call.
        outputs: names of the outputs that were kept.

    Returns:
        the examples, and what was found wrong with the bundle's vocabularies.

    Raises:
        UsageError: bundle, model, data and metric do not belong together.
    """
    require_file(model)
    data = read_arrays(Path(data)) if isinstance(data, (str, Path)) else data
    # From here on it takes TensorFlow; mistakes are told before.
    from ondevice.converters.program import describe, own_inputs

    model, head, manifest = built(model), bundle.manifest.head, bundle.manifest
    chosen = metric_of(metric)
    if outputs is None and not head.ranks:
        outputs = [tensor.name for tensor in manifest.outputs]
    placed = [each.layer for each in manifest.embeddings if each.order == VOCABULARY]
    given_rows = [feature.name for feature in manifest.inputs if feature.kind == NUMBER and feature.made_by]
    given, right, raw, count, program = [], [], [], 0, None
    for inputs, target in batches(data):
        rows = len(next(iter(own_inputs(model, inputs).values())))
        kept = rows if most is None else min(rows, most - count)
        if kept < 1:
            break
        inputs, target = (_first(each, kept) for each in (inputs, target))
        program = program or describe(model, inputs, call, outputs=outputs, placed=placed, rows=given_rows)
        given.append(program.arrays(inputs))
        raw.append(program.answers(inputs))
        right.append(target)
        count += kept
    if program is None:
        raise UsageError("data hold no batch; allowed is one at least.")
    if chosen is not None and any(each is None for each in right):
        raise UsageError(
            f"metric is {chosen.name!r} and data have no targets; allowed are pairs of inputs and targets."
        )
    _require_same_inputs(manifest, program.features)
    inputs = _joined(given)
    answers, _ = as_answers(head, _joined(raw), excluded_ids(head, manifest.inputs, inputs))
    examples = OwnExamples(
        head,
        {feature.name: inputs[feature.name] for feature in manifest.inputs},
        answers,
        _joined(right) if chosen is not None else None,
        chosen,
        manifest.score_tolerance_steps,
    )
    return examples, _other_vocabularies(bundle, program.vocabularies)


def metric_of(metric: Any) -> Metric | None:
    """Return the metric asked for, by its name, as one of Keras or as a function.

    Raises:
        UsageError: there is none of this name.
    """
    import keras
    import tensorflow as tf

    if metric is None:
        return None
    if isinstance(metric, str):
        kinds = [kind for kind in vars(keras.metrics).values() if isinstance(kind, type)]
        known = {kind.__name__.lower(): kind for kind in kinds if issubclass(kind, keras.metrics.Metric)}
        if metric.lower().replace("_", "") not in known:
            raise unknown_name("metric", metric, known)
        metric = known[metric.lower().replace("_", "")]()
    if not isinstance(metric, keras.metrics.Metric):
        name = getattr(metric, "__name__", type(metric).__name__)
        return Metric(name, lambda right, found: float(metric(right, found)), None, _is_error(name))

    # As a graph, as Keras computes metrics itself: an interval takes hundreds of values.
    @tf.function
    def graph(right: Any, found: Any) -> Any:
        metric.reset_state()
        metric.update_state(right, found)
        return metric.result()

    def value(right: Any, found: Any) -> float:
        return float(graph(*(keras.tree.map_structure(tf.convert_to_tensor, each) for each in (right, found))))

    # What Keras makes of a function for each example is the mean of that.
    each = getattr(metric, "_fn", None) if isinstance(metric, keras.metrics.MeanMetricWrapper) else None
    # Keras numbers metrics of one name.
    return Metric(re.sub(r"_\d+$", "", metric.name), value, each, _is_error(metric.name))


def _is_error(name: str) -> bool:
    return any(part in name.lower() for part in ERRORS)


def _first(values: Any, count: int) -> Any:
    if values is None:
        return None
    if isinstance(values, Mapping):
        return {name: _first(each, count) for name, each in values.items()}
    if isinstance(values, (list, tuple)) and not all(np.isscalar(each) for each in values):
        return [_first(each, count) for each in values]
    return np.asarray(values)[:count]


def _joined(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], Mapping):
        return {name: _joined([part[name] for part in parts]) for name in parts[0]}
    return np.concatenate(parts)


def _require_same_inputs(manifest: Manifest, features: Sequence[Any]) -> None:
    own = {feature.name: feature.shape for feature in features}
    promised = {feature.name: feature.shape for feature in manifest.inputs}
    if own != promised:
        raise UsageError(f"the model has the inputs {own}, the bundle {promised}; name the model it was exported from.")


def _other_vocabularies(bundle: Bundle, own: Mapping[str, Sequence[str]]) -> list[Failure]:
    """Compare the bundle's vocabularies with those of the model's own layers."""
    failures = []
    for name, keys in own.items():
        if name in bundle.manifest.vocabularies and read_keys(bundle.folder / name) != tuple(keys):
            failures.append(Failure("vocabulary", f"{name} does not hold the keys of the model's own layer."))
    return failures
