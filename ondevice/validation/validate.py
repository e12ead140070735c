"""Validating one bundle on the runtimes of one device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from ondevice.bundle import MODEL_FILE, Bundle
from ondevice.devices.device import Device, Job, Outcome
from ondevice.devices.measurement import Measurement
from ondevice.units import format_bytes
from ondevice.validation.contract import (
    Numbers,
    example_failures,
    runtime_failures,
    signature_failures,
    vector_failures,
)
from ondevice.validation.lookups import LookupFile
from ondevice.validation.record import SCHEMA_VERSION, Failure, Quality, RuntimeResult, Validation
from ondevice.validation.vocabulary import vocabulary_failures

WARMUPS = 10

START_LIMIT_S, ANSWER_LIMIT_S = 600.0, 0.1
"""Seconds after which a runtime is stopped: for all that is done once, and for each answer, far more than it takes."""


class Examples(Protocol):
    """What a file is measured with beside its test vectors."""

    @property
    def inputs(self) -> Mapping[str, Numbers]:
        """Arrays by input, `[examples, *shape of the input]`."""

    def judge(self, outputs: Mapping[str, Numbers]) -> Iterable[tuple[str, float]]:
        """Give what is wrong with each example's outputs in themselves, and their largest score error in steps.

        Args:
            outputs: arrays by output, `[examples, *shape of the output]`.
        """

    def compare(self, outputs: Mapping[str, Numbers]) -> Quality | None:
        """Compare a file's outputs with the reference's; None where no metric is asked for.

        Args:
            outputs: arrays by output, `[examples, *shape of the output]`.
        """


def validate_bundle(
    bundle: Bundle,
    device: Device,
    runtimes: Iterable[str],
    examples: Examples | None = None,
    max_loss: float = 1.0,
    lookups: Sequence[LookupFile] = (),
    max_memory_bytes: int | None = None,
    known: Sequence[Failure] = (),
) -> Validation:
    """Run a bundle's test vectors, every look-up and real examples on each runtime and compare with the reference.

    Args:
        bundle: the bundle.
        device: where to run.
        runtimes: names of the device's runtimes.
        examples: real examples with the reference's answers; without them no metric is measured.
        max_loss: largest relative loss of the metric against the reference that is no failure; any without it.
        lookups: the look-ups of the bundle's file, each as a file of its own; what is not here is not checked.
        max_memory_bytes: largest growth of memory that is no failure; any without it.
        known: what was found wrong with the bundle before; every runtime's result names it.
    """
    known = (*known, *vocabulary_failures(bundle))
    jobs = [_jobs(bundle, device, runtime, examples, lookups) for runtime in runtimes]
    # At once, since some devices have to be started.
    outcomes = iter(device.run_all([job for of_runtime in jobs for of_file in of_runtime for job in of_file]))
    results = []
    for of_runtime in jobs:
        given = [[next(outcomes) for _ in of_file] for of_file in of_runtime]
        measurement, failures, largest, quality = _judge(bundle, given, examples, lookups)
        failures += [*_loss(quality, max_loss), *_memory(measurement, max_memory_bytes), *known]
        results.append(RuntimeResult(measurement, largest, tuple(failures), quality))
    name, digest = bundle.folder.name, bundle.manifest.sha256[MODEL_FILE]
    return Validation(SCHEMA_VERSION, name, digest, device.name, device.machine(), tuple(results))


def _jobs(
    bundle: Bundle, device: Device, runtime: str, examples: Examples | None, lookups: Sequence[LookupFile]
) -> list[list[Job]]:
    """Return the jobs of one runtime: one for examples, if any, and test vectors, then those of each look-up."""
    manifest, vectors = bundle.manifest, bundle.vectors.vectors
    inputs = {}
    for feature in manifest.inputs:
        rows = np.array([vector.inputs[feature.name] for vector in vectors]).astype(feature.dtype)
        inputs[feature.name] = rows.reshape(-1, *feature.shape)
        if examples is not None:
            # First, since the timed inferences begin with the first: the cost is that of real examples.
            inputs[feature.name] = np.concatenate([examples.inputs[feature.name], inputs[feature.name]])
    limit_s = START_LIMIT_S + ANSWER_LIMIT_S * len(next(iter(inputs.values())))
    job = Job(bundle.model, runtime, manifest.signature, inputs, WARMUPS, device.timed, timeout_s=limit_s)
    return [[job], *(lookup.jobs(runtime, manifest.signature) for lookup in lookups)]


def _judge(
    bundle: Bundle, outcomes: Sequence[Sequence[Outcome]], examples: Examples | None, lookups: Sequence[LookupFile]
) -> tuple[Measurement, list[Failure], float, Quality | None]:
    """Compare what a runtime made of the jobs of `_jobs` with the reference.

    Returns:
        cost and fate, what does not hold, the largest error in steps and the metric.
    """
    manifest, vectors = bundle.manifest, bundle.vectors.vectors
    [answers], *of_lookups = outcomes
    failures = runtime_failures([answers.measurement])
    largest, quality = -1.0, None
    if answers.measurement.ok:
        wrong = signature_failures(manifest, answers.inputs, answers.outputs_spec)
        if not wrong:
            outputs = {tensor.name: answers.outputs[tensor.name] for tensor in manifest.outputs}
            first = {name: values[: len(values) - len(vectors)] for name, values in outputs.items()}
            rest = {name: values[len(values) - len(vectors) :] for name, values in outputs.items()}
            wrong, largest = vector_failures(manifest, vectors, rest)
            if examples is not None:
                found, error = example_failures(manifest, examples.judge(first))
                wrong, largest = [*wrong, *found], max(largest, error)
                quality = examples.compare(first)
        failures += wrong
    for lookup, given in zip(lookups, of_lookups, strict=True):
        # What the answers met, too, is named once.
        failures += [failure for failure in lookup.failures(given) if failure not in failures]
    return answers.measurement, failures, largest, quality


def _loss(quality: Quality | None, max_loss: float) -> list[Failure]:
    if quality is None or quality.gain >= -max_loss:
        return []
    moves = "rises" if quality.lower_is_better else "falls"
    lost = f"{quality.metric} {moves} by {-quality.gain:.2%} against the reference"
    return [Failure("quality", f"{lost}; {max_loss:.2%} is allowed.")]


def _memory(measurement: Measurement, max_bytes: int | None) -> list[Failure]:
    grown = measurement.memory_growth_bytes
    if max_bytes is None or not measurement.ok or 0 <= grown <= max_bytes:
        return []
    took = f"memory grows by {format_bytes(grown)}" if grown >= 0 else "the device does not tell how memory grows"
    return [Failure("memory", f"{took}; {format_bytes(max_bytes)} is allowed.")]
