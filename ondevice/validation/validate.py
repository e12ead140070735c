"""Validating one bundle on the runtimes of one device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ondevice import task as tasks
from ondevice.bundle import MODEL_FILE, Bundle
from ondevice.devices.device import Device, Job, Outcome
from ondevice.devices.measurement import Measurement
from ondevice.errors import UsageError
from ondevice.training.evaluation import Evaluation
from ondevice.training.metrics import cut_off
from ondevice.units import format_bytes
from ondevice.validation.contract import runtime_failures, signature_failures, vector_failures
from ondevice.validation.lookups import lookup_failures, lookup_jobs
from ondevice.validation.quality import choose_users, compare, metric_of
from ondevice.validation.record import SCHEMA_VERSION, Failure, Quality, RuntimeResult, Validation
from ondevice.validation.vocabulary import vocabulary_failures

WARMUPS = 10

START_LIMIT_S, ANSWER_LIMIT_S = 600.0, 0.1
"""Seconds after which a runtime is stopped: for all that is done once, and for each answer, far more than it takes."""


def validate_bundle(
    bundle: Bundle,
    device: Device,
    runtimes: Iterable[str],
    evaluation: Evaluation | None = None,
    users: int | None = None,
    metric: str | None = None,
    max_loss: float = 1.0,
    cut_model: Path | None = None,
    max_memory_bytes: int | None = None,
    known: Sequence[Failure] = (),
) -> Validation:
    """Run a bundle's test vectors, every look-up and real users on each runtime and compare with the reference.

    Args:
        bundle: the bundle.
        device: where to run.
        runtimes: names of the device's runtimes.
        evaluation: users with right answers and the reference's answers; without it the task metric is not measured.
        users: number of users, at most; without it as many as the device says are enough.
        metric: name of the task metric; the first of the task's that the file returns enough for without it.
        max_loss: largest relative loss of the metric against the reference that is no failure; any without it.
        cut_model: the bundle's file, cut down to what looks ids up; without it look-ups are not checked, and neither
            are those of a file whose manifest does not promise exact ones.
        max_memory_bytes: largest growth of memory that is no failure; any without it.
        known: what was found wrong with the bundle before; every runtime's result names it.

    Raises:
        UsageError: the metric's cut-off is beyond what the file returns, or the users' histories do not fit it.
    """
    metric = metric_of(bundle.manifest, metric)
    if evaluation is not None:
        _check_metric(bundle, metric)
        if evaluation.histories.shape[1] != bundle.manifest.history_length:
            raise UsageError(
                f"evaluation histories have {evaluation.histories.shape[1]} ids, the bundle takes "
                f"{bundle.manifest.history_length}; name the run that the bundle was exported from."
            )
        evaluation = choose_users(evaluation, device.users if users is None else users, metric)
    known = (*known, *vocabulary_failures(bundle))
    jobs = [_jobs(bundle, device, runtime, evaluation, cut_model) for runtime in runtimes]
    # At once, since some devices have to be started.
    outcomes = iter(device.run_all([job for of_runtime in jobs for job in of_runtime]))
    results = []
    for of_runtime in jobs:
        given = [next(outcomes) for _ in of_runtime]
        measurement, failures, largest, quality = _judge(bundle, given, evaluation, metric)
        failures += [*_loss(quality, max_loss), *_memory(measurement, max_memory_bytes), *known]
        results.append(RuntimeResult(measurement, largest, tuple(failures), quality))
    name, digest = bundle.folder.name, bundle.manifest.sha256[MODEL_FILE]
    return Validation(SCHEMA_VERSION, name, digest, device.name, device.machine(), tuple(results))


def _check_metric(bundle: Bundle, metric: str) -> None:
    needed, returned = cut_off(metric), bundle.manifest.top_k
    if needed > returned:
        raise UsageError(f"metric {metric!r} needs {needed} items, the file returns {returned}; export with more.")


def _jobs(
    bundle: Bundle, device: Device, runtime: str, evaluation: Evaluation | None, cut_model: Path | None
) -> list[Job]:
    """Return the jobs of one runtime: one for real users, if there are any, and the test vectors, then all look-ups."""
    ids = np.array([vector.ids for vector in bundle.vectors.vectors], np.int32)
    if evaluation is not None:
        # First, since the timed inferences begin with the first: the cost is that of real histories.
        ids = np.concatenate([evaluation.histories, ids])
    inputs = {"ids": ids[:, None, :]}
    limit_s = START_LIMIT_S + ANSWER_LIMIT_S * len(ids)
    signature = bundle.manifest.signature
    job = Job(bundle.model, runtime, signature, inputs, WARMUPS, device.timed, timeout_s=limit_s)
    return [job, *(lookup_jobs(bundle.manifest, cut_model, runtime) if cut_model is not None else [])]


def _judge(
    bundle: Bundle, outcomes: Sequence[Outcome], evaluation: Evaluation | None, metric: str
) -> tuple[Measurement, list[Failure], float, Quality | None]:
    """Compare what a runtime made of the jobs of `_jobs` with the reference.

    Returns:
        cost and fate, what does not hold, the largest score error in steps and the task metric.
    """
    manifest = bundle.manifest
    answers, *lookups = outcomes
    failures = runtime_failures([answers.measurement])
    largest, quality = -1.0, None
    if answers.measurement.ok:
        wrong = signature_failures(manifest, answers.inputs, answers.outputs_spec)
        if not wrong:
            # The manifest's first output holds the answers, the second their scores.
            items, scores = (answers.outputs[tensor.name] for tensor in manifest.outputs)
            users = len(evaluation) if evaluation is not None else 0
            wrong, largest = vector_failures(manifest, bundle.vectors.vectors, items[users:], scores[users:])
            if evaluation is not None:
                given, found = items[:users, 0], scores[:users, 0]
                keeps = bool(tasks.load(manifest.task).top_k) and not manifest.excludes_history
                quality = compare(evaluation, given, found, metric, keeps)
        failures += wrong
    # What the answers met, too, is named once.
    failures += [failure for failure in lookup_failures(manifest, lookups) if failure not in failures]
    return answers.measurement, failures, largest, quality


def _loss(quality: Quality | None, max_loss: float) -> list[Failure]:
    if quality is None or quality.relative_change >= -max_loss:
        return []
    lost = f"{quality.metric} falls by {-quality.relative_change:.2%} against the reference"
    return [Failure("quality", f"{lost}; {max_loss:.2%} is allowed.")]


def _memory(measurement: Measurement, max_bytes: int | None) -> list[Failure]:
    grown = measurement.memory_growth_bytes
    if max_bytes is None or not measurement.ok or 0 <= grown <= max_bytes:
        return []
    took = f"memory grows by {format_bytes(grown)}" if grown >= 0 else "the device does not tell how memory grows"
    return [Failure("memory", f"{took}; {format_bytes(max_bytes)} is allowed.")]
