"""Validating one bundle on the runtimes of one device."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ondevice.bundle import MODEL_FILE, Bundle
from ondevice.devices.device import Device, Job, Outcome
from ondevice.errors import UsageError, unknown_name
from ondevice.training.evaluation import Evaluation
from ondevice.training.metrics import METRICS
from ondevice.validation.contract import signature_failures, vector_failures
from ondevice.validation.quality import choose_users, compare
from ondevice.validation.record import SCHEMA_VERSION, Failure, RuntimeResult, Validation
from ondevice.versions import machine

DEFAULT_METRIC = "ndcg@20"
WARMUPS = 10
TIMED = 200


def validate_bundle(
    bundle: Bundle,
    device: Device,
    runtimes: Iterable[str],
    evaluation: Evaluation | None = None,
    users: int | None = None,
    metric: str = DEFAULT_METRIC,
    max_loss: float = 1.0,
) -> Validation:
    """Run a bundle's test vectors, and real users if given, on each runtime and compare with the reference.

    Args:
        bundle: the bundle.
        device: where to run.
        runtimes: names of the device's runtimes.
        evaluation: users with right answers and the reference's answers; without it the task metric is not measured.
        users: number of users, at most; all without it.
        metric: name of the task metric.
        max_loss: largest relative loss of the metric against the reference that is no failure; any without it.

    Raises:
        UsageError: the metric's cut-off is beyond what the file returns, or the users' histories do not fit it.
    """
    if evaluation is not None:
        _check_metric(bundle, metric)
        if evaluation.histories.shape[1] != bundle.manifest.history_length:
            raise UsageError(
                f"evaluation histories have {evaluation.histories.shape[1]} ids, the bundle takes "
                f"{bundle.manifest.history_length}; name the run that the bundle was exported from."
            )
        evaluation = choose_users(evaluation, users)
    results = tuple(_on_runtime(bundle, device, runtime, evaluation, metric, max_loss) for runtime in runtimes)
    return Validation(SCHEMA_VERSION, bundle.folder.name, bundle.manifest.sha256[MODEL_FILE], machine(), results)


def _check_metric(bundle: Bundle, metric: str) -> None:
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    cut_off, returned = METRICS[metric][1], bundle.manifest.top_k
    if cut_off > returned:
        raise UsageError(f"metric {metric!r} needs {cut_off} items, the file returns {returned}; export with more.")


def _on_runtime(
    bundle: Bundle, device: Device, runtime: str, evaluation: Evaluation | None, metric: str, max_loss: float
) -> RuntimeResult:
    vectors = bundle.vectors.vectors
    ids = np.array([vector.ids for vector in vectors], np.int32)[:, None, :]
    repeats = 0 if evaluation is not None else TIMED
    outcome = _run(bundle, device, runtime, ids, repeats)
    if not outcome.measurement.ok:
        return RuntimeResult(outcome.measurement, -1.0, (_runtime_failure(outcome),), None)
    failures = signature_failures(bundle.manifest, outcome.inputs, outcome.outputs_spec)
    if failures:
        return RuntimeResult(outcome.measurement, -1.0, tuple(failures), None)
    failures, largest = vector_failures(bundle.manifest, vectors, outcome.outputs["items"], outcome.outputs["scores"])
    if evaluation is None:
        return RuntimeResult(outcome.measurement, largest, tuple(failures), None)
    # The latency is that of real histories, so it is measured here and not with the test vectors.
    outcome = _run(bundle, device, runtime, evaluation.histories[:, None, :], TIMED)
    if not outcome.measurement.ok:
        return RuntimeResult(outcome.measurement, largest, (*failures, _runtime_failure(outcome)), None)
    quality = compare(evaluation, outcome.outputs["items"][:, 0], metric)
    if quality.relative_change < -max_loss:
        lost = f"{metric} falls by {-quality.relative_change:.2%} against the reference; {max_loss:.2%} is allowed"
        failures.append(Failure("quality", f"{lost}."))
    return RuntimeResult(outcome.measurement, largest, tuple(failures), quality)


def _run(bundle: Bundle, device: Device, runtime: str, ids: np.ndarray, repeats: int) -> Outcome:
    job = Job(bundle.model, runtime, bundle.manifest.signature, {"ids": ids}, warmups=WARMUPS, repeats=repeats)
    return device.run(job)


def _runtime_failure(outcome: Outcome) -> Failure:
    measurement = outcome.measurement
    return Failure("runtime", f"{measurement.runtime} {measurement.status}: {measurement.message}")
