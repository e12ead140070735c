"""Checks of a runtime's answers against the manifest and the reference: names, shapes, types, values, edge ids."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.bundle import TestVector
from ondevice.devices.measurement import Measurement
from ondevice.manifest import Manifest, Tensor
from ondevice.validation.record import Failure

Numbers = npt.NDArray[Any]

LEAST_AGREEMENT = 0.5
"""Share of the reference's whole numbers that an output of a model of one's own must have."""
STEPS_PER_RANGE = 255
"""A score step is this part of the range of the reference's scores: the resolution of an int8 output."""


def runtime_failures(measurements: Iterable[Measurement]) -> list[Failure]:
    """Name what went wrong with jobs themselves; what several of them meet is named once.

    Args:
        measurements: the fate of every job of a runtime.
    """
    failed = [each for each in measurements if not each.ok]
    said = dict.fromkeys(f"{each.runtime} {each.status}: {each.message}" for each in failed)
    return [Failure("runtime", message) for message in said]


def signature_failures(manifest: Manifest, inputs: Iterable[Tensor], outputs: Iterable[Tensor]) -> list[Failure]:
    """Compare the signature that the runtime reports with the one the manifest promises."""
    failures: list[Failure] = []
    given = [Tensor(feature.name, feature.shape, feature.dtype) for feature in manifest.inputs]
    for kind, promised, found in (("input", given, inputs), ("output", manifest.outputs, outputs)):
        failures += _tensor_failures(kind, promised, {spec.name: spec for spec in found})
    return failures


def _tensor_failures(kind: str, promised: Iterable[Tensor], found: Mapping[str, Tensor]) -> Iterator[Failure]:
    names = {tensor.name for tensor in promised}
    if names != set(found):
        yield Failure("names", f"{kind}s are named {sorted(found)}; the manifest promises {sorted(names)}.")
        return
    for tensor in promised:
        spec = found[tensor.name]
        if tuple(spec.shape) != tensor.shape:
            shapes = f"{list(spec.shape)}; the manifest promises {list(tensor.shape)}"
            yield Failure("shapes", f"{kind} {tensor.name!r} has shape {shapes}.")
        if spec.dtype != tensor.dtype:
            yield Failure("types", f"{kind} {tensor.name!r} is {spec.dtype}; the manifest promises {tensor.dtype}.")


def answer_range(manifest: Manifest) -> tuple[int, float]:
    """Return the least number that an answer of a head that ranks may hold, and the one beyond the largest."""
    head = manifest.head
    if head.labels:
        return 0, len(head.labels)
    # What is left out of the answer has the answers' ids.
    size = manifest.feature(head.exclude).size if head.exclude else 0
    return head.never, size or math.inf


def answer_problem(manifest: Manifest, excluded: Iterable[int], items: Numbers, scores: Numbers) -> str:
    """Return what is wrong with one answer of a head that ranks in itself, empty if nothing is.

    Args:
        manifest: what was promised.
        excluded: the ids that may not be answered.
        items: int32 `[k]`.
        scores: float32 `[k]`.
    """
    if not np.isfinite(scores).all():
        return "scores are not finite"
    if (np.diff(scores) > 0).any():
        return "scores do not fall"
    least, beyond = answer_range(manifest)
    if (items < least).any() or (items >= beyond).any():
        return f"item {int(items.min())} or {int(items.max())} is no {'label' if manifest.head.labels else 'item'} id"
    if len(set(items.tolist())) != len(items):
        return f"{'a label' if manifest.head.labels else 'an item'} is returned twice"
    if set(items.tolist()) & set(excluded):
        return "an item of the history is returned"
    return ""


def score_error(
    items: npt.NDArray[Any],
    scores: npt.NDArray[Any],
    best: npt.NDArray[Any],
    best_scores: npt.NDArray[Any],
    score_range: float,
) -> float:
    """Return the largest score difference to the reference that one answer shows, in steps.

    An item that the reference does not list scores at most as much as the last it lists, and a listed item that is
    missing from the answer scored at most as much as the last one answered, so both bound the difference from below.

    Args:
        items: the answer, int32 `[k]`.
        scores: its scores, float32 `[k]`.
        best: the reference's best items, `[at least k]`.
        best_scores: their scores, falling.
        score_range: range of all the reference's scores.
    """
    reference = dict(zip(best.tolist(), best_scores.tolist(), strict=True))
    last = float(best_scores[-1])
    errors = [
        abs(score - reference[item]) if item in reference else max(score - last, 0.0)
        for item, score in zip(items.tolist(), scores.tolist(), strict=True)
    ]
    answered = set(items.tolist())
    errors += [
        max(reference[item] - float(scores[-1]), 0.0) for item in best[: len(items)].tolist() if item not in answered
    ]
    step = score_range / STEPS_PER_RANGE
    return max(errors) / step if step > 0 else (0.0 if max(errors) == 0 else float("inf"))


def vector_failures(
    manifest: Manifest, vectors: Iterable[TestVector], outputs: Mapping[str, Numbers]
) -> tuple[list[Failure], float]:
    """Compare answers to the test vectors with the reference's.

    Args:
        manifest: what was promised, the tolerance included.
        vectors: the test vectors.
        outputs: the answers by output, `[vectors, *shape of the output]`.

    Returns:
        the failures and the largest error in steps.
    """
    failures: list[Failure] = []
    largest = 0.0
    for number, vector in enumerate(vectors):
        check = "edge ids" if vector.edge else "values"
        answer = {name: values[number].reshape(-1) for name, values in outputs.items()}
        judge = _judge_ranked if manifest.head.ranks else _judge_values
        problem, error = judge(manifest, vector, answer)
        if problem:
            failures.append(Failure(check, f"test vector {vector.name!r}: {problem}."))
            continue
        largest = max(largest, error)
        # What is no number is larger than nothing.
        if not error <= manifest.score_tolerance_steps:
            allowed = f"{manifest.score_tolerance_steps:g} are allowed"
            failures.append(
                Failure(check, f"test vector {vector.name!r}: scores differ by {error:.3g} steps; {allowed}.")
            )
    return failures, largest


def example_failures(manifest: Manifest, judged: Iterable[tuple[str, float]]) -> tuple[list[Failure], float]:
    """Return what is wrong with the answers to real examples, all of them in one sentence, and the largest error.

    Args:
        manifest: what was promised, the tolerance included.
        judged: what is wrong with each answer in itself, and its error in steps.
    """
    problems, errors = zip(*judged, strict=True)
    failures = []
    if wrong := [each for each in problems if each]:
        failures.append(
            Failure("values", f"{len(wrong)} of {len(problems)} examples are answered wrongly: {wrong[0]}.")
        )
    beyond = sum(not error <= manifest.score_tolerance_steps for error in errors)
    if beyond:
        allowed = f"{manifest.score_tolerance_steps:g} are allowed"
        differ = f"scores of {beyond} of {len(errors)} examples differ by up to {max(errors):.3g} steps"
        failures.append(Failure("values", f"{differ}; {allowed}."))
    return failures, max(errors, default=0.0)


def _judge_ranked(manifest: Manifest, vector: TestVector, answer: Mapping[str, Numbers]) -> tuple[str, float]:
    """Return what is wrong with an answer in itself, and its error in steps."""
    answers, of_answers = manifest.head.outputs
    items, scores = answer[answers], answer[of_answers]
    excluded = vector.inputs[manifest.head.exclude] if manifest.head.exclude else ()
    if problem := answer_problem(manifest, [int(each) for each in excluded], items, scores):
        return problem, 0.0
    best, best_scores = np.array(vector.outputs[answers]), np.array(vector.outputs[of_answers])
    return "", score_error(items, scores, best, best_scores, vector.ranges[of_answers])


def _judge_values(manifest: Manifest, vector: TestVector, answer: Mapping[str, Numbers]) -> tuple[str, float]:
    """Return which output differs too much to be told in steps, and the largest error in steps of the others."""
    largest = 0.0
    for name, expected in vector.outputs.items():
        found, reference = answer[name], np.array(expected)
        if found.dtype.kind != "f":
            share = agreement(found, reference)
            if share < LEAST_AGREEMENT:
                needed = f"{LEAST_AGREEMENT:.0%} are needed"
                return f"{share:.0%} of the numbers of output {name!r} are the reference's, {needed}", 0.0
            continue
        if not np.isfinite(found).all():
            return f"numbers of output {name!r} are not finite", 0.0
        step = vector.ranges[name] / STEPS_PER_RANGE
        error = float(np.max(np.abs(found - reference), initial=0.0))
        largest = max(largest, error / step if step > 0 else (0.0 if error == 0 else math.inf))
    return "", largest


def span_of(values: Numbers) -> float:
    """Return largest minus smallest number, zero counted among them as in the range of an int8 output."""
    return float(np.max(values, initial=0.0) - np.min(values, initial=0.0))


def agreement(found: Numbers, reference: Numbers) -> float:
    """Return the share of the reference's whole numbers that are found, wherever they stand: near ties swap."""
    if found.dtype.kind == "b":
        return float((found == reference.astype(bool)).mean()) if found.size else 1.0
    return float(np.isin(reference, found).mean()) if reference.size else 1.0
