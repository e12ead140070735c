"""Checks of a runtime's answers against the manifest and the reference: names, shapes, types, values, edge ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.bundle import TestVector
from ondevice.devices.measurement import Measurement
from ondevice.manifest import Manifest, Tensor
from ondevice.validation.record import Failure

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
    for kind, promised, found in (("input", manifest.inputs, inputs), ("output", manifest.outputs, outputs)):
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


def answer_problem(manifest: Manifest, ids: Iterable[int], items: npt.NDArray[Any], scores: npt.NDArray[Any]) -> str:
    """Return what is wrong with one answer in itself, empty if nothing is.

    Args:
        manifest: what was promised.
        ids: the ids given.
        items: int32 `[k]`.
        scores: float32 `[k]`.
    """
    if not np.isfinite(scores).all():
        return "scores are not finite"
    if (np.diff(scores) > 0).any():
        return "scores do not fall"
    least, beyond = manifest.answer_range
    if (items < least).any() or (items >= beyond).any():
        return f"item {int(items.min())} or {int(items.max())} is no {'label' if manifest.labels else 'item'} id"
    if len(set(items.tolist())) != len(items):
        return f"{'a label' if manifest.labels else 'an item'} is returned twice"
    if manifest.excludes_history and set(items.tolist()) & set(ids):
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
    manifest: Manifest, vectors: Iterable[TestVector], items: npt.NDArray[Any], scores: npt.NDArray[Any]
) -> tuple[list[Failure], float]:
    """Compare answers to the test vectors with the reference's.

    Args:
        manifest: what was promised, the tolerance included.
        vectors: the test vectors.
        items: int32 `[vectors, 1, k]`.
        scores: float32 `[vectors, 1, k]`.

    Returns:
        the failures and the largest score error in steps.
    """
    failures: list[Failure] = []
    largest = 0.0
    for vector, item_row, score_row in zip(vectors, items[:, 0], scores[:, 0], strict=True):
        check = "edge ids" if vector.edge else "values"
        problem = answer_problem(manifest, vector.ids, item_row, score_row)
        if problem:
            failures.append(Failure(check, f"test vector {vector.name!r}: {problem}."))
            continue
        error = score_error(item_row, score_row, np.array(vector.items), np.array(vector.scores), vector.score_range)
        largest = max(largest, error)
        if error > manifest.score_tolerance_steps:
            allowed = f"{manifest.score_tolerance_steps:g} are allowed"
            failures.append(
                Failure(check, f"test vector {vector.name!r}: scores differ by {error:.3g} steps; {allowed}.")
            )
    return failures, largest
