"""Examples of a user's model: inputs by name, the reference's outputs, what is right, and the user's own metric."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.head import PROBABILITIES, Head
from ondevice.validation.contract import STEPS_PER_RANGE, agreement, span_of
from ondevice.validation.quality import CONFIDENCE, interval
from ondevice.validation.record import Quality

Arrays = Mapping[str, npt.NDArray[Any]]
RESAMPLES = 100
"""Samples of the interval, for each of which the metric is computed anew."""
AGREEMENT = "agreement"


@dataclass(frozen=True, eq=False)
class Metric:
    """A user's metric.

    Args:
        name: its name.
        value: from what is right and what was predicted to one number.
        each: the same to a number for each example, whose mean the metric is; None where it is no mean.
        lower_is_better: whether it is an error and not a merit.
    """

    name: str
    value: Callable[[Any, Any], float]
    each: Callable[[Any, Any], npt.NDArray[Any]] | None = None
    lower_is_better: bool = False


@dataclass(frozen=True, eq=False)
class OwnExamples:
    """What a file of a user's model is measured with.

    Args:
        head: what the file answers.
        inputs: arrays by input, `[examples, *shape of the input]`.
        reference: the reference's outputs by name, `[examples, ...]`; perhaps more than the file's.
        right: what is right, an array or arrays by output; None where no metric is measured.
        metric: the metric; None for the agreement of the outputs alone.
        tolerance_steps: largest difference that counts as equal, in steps of 1/255 of the range of the reference.
        resampled: the reference's metric of each sample, kept once it is known.
    """

    head: Head
    inputs: Arrays
    reference: Arrays
    right: Any
    metric: Metric | None
    tolerance_steps: float
    resampled: list[npt.NDArray[Any]] = field(default_factory=list)

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(next(iter(self.inputs.values())))

    def judge(self, outputs: Arrays) -> Iterator[tuple[str, float]]:
        """Give what is wrong with the outputs of every example in themselves; errors are those of the test vectors."""
        finite = np.ones(len(self), bool)
        for values in outputs.values():
            finite &= np.isfinite(values.reshape(len(self), -1)).all(axis=1)
        yield from (("" if each else "an output holds numbers that are not finite", 0.0) for each in finite)

    def compare(self, outputs: Arrays) -> Quality:
        """Compare a file's outputs with the reference's."""
        shares = self._agreement(outputs)
        overlap, changed = float(shares.mean()), float((shares < 1).mean())
        if self.metric is None:
            return Quality(
                AGREEMENT, len(self), 1.0, overlap, overlap - 1, interval(shares, np.ones(len(self))), overlap, changed
            )
        before, after = predictions(self.head, self.reference), predictions(self.head, outputs)
        reference, measured = self.metric.value(self.right, before), self.metric.value(self.right, after)
        change = measured / reference - 1 if reference else (0.0 if measured == reference else float("nan"))
        spread = (0.0, 0.0) if reference == measured else self._resampled(before, after)
        lower = self.metric.lower_is_better
        return Quality(self.metric.name, len(self), reference, measured, change, spread, overlap, changed, lower)

    def _agreement(self, outputs: Arrays) -> npt.NDArray[Any]:
        """Return the share of each example's outputs that are the reference's."""
        rows = range(len(self))
        if self.head.ranks:
            best, found = self.reference[self.head.outputs[0]][:, : self.head.k], outputs[self.head.outputs[0]]
            return np.array([agreement(found[row].reshape(-1), best[row].reshape(-1)) for row in rows])
        shares = np.ones(len(self))
        for name, reference in self.reference.items():
            found = outputs[name].reshape(len(self), -1)
            expected = reference.reshape(len(self), -1)
            if found.dtype.kind != "f":
                own = np.array([agreement(found[row], expected[row]) for row in rows])
            else:
                step = span_of(expected) / STEPS_PER_RANGE
                own = (np.abs(found - expected) <= self.tolerance_steps * step).mean(axis=1)
            shares = np.minimum(shares, own)
        return shares

    def _resampled(self, before: Any, after: Any) -> tuple[float, float]:
        """Return the 95 % interval of the relative change from a paired bootstrap over examples."""
        assert self.metric is not None
        if (each := self.metric.each) is not None:
            old, new = (
                np.asarray(each(self.right, found)).reshape(len(self), -1).mean(axis=1) for found in (before, after)
            )
            return interval(new, old)
        # The reference's are the same for every runtime.
        if not self.resampled:
            self.resampled.append(self._samples(before))
        [old], new = self.resampled, self._samples(after)
        with np.errstate(divide="ignore", invalid="ignore"):
            changes = np.where(old != 0, new / old - 1, np.nan)
        return _quantiles(changes)

    def _samples(self, found: Any) -> npt.NDArray[Any]:
        """Return the metric of each of many samples of the examples, the same ones at every call."""
        assert self.metric is not None
        drawn = np.random.default_rng(0).integers(0, len(self), (RESAMPLES, len(self)))
        return np.array([self.metric.value(_rows(self.right, rows), _rows(found, rows)) for rows in drawn])


def predictions(head: Head, outputs: Arrays) -> Any:
    """Return outputs as a metric takes them: probabilities in the order of labels, the only output, or all by name."""
    if head.kind == PROBABILITIES:
        labels, scores = (outputs[name].reshape(-1, head.k) for name in head.outputs)
        return np.take_along_axis(scores, np.argsort(labels, axis=1), axis=1)
    if head.ranks:
        return {name: values.reshape(len(values), -1)[:, : head.k] for name, values in outputs.items()}
    # The file's batch of one is no axis of its own.
    arrays = {
        name: values[:, 0] if values.ndim > 1 and values.shape[1] == 1 else values for name, values in outputs.items()
    }
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def _rows(values: Any, rows: npt.NDArray[Any]) -> Any:
    if isinstance(values, Mapping):
        return {name: each[rows] for name, each in values.items()}
    return values[rows]


def _quantiles(values: npt.NDArray[Any]) -> tuple[float, float]:
    if np.isnan(values).all():
        return float("nan"), float("nan")
    low, high = np.nanquantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
