"""The task metric of the converted file against the reference model, over the same real users or texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice import task as tasks
from ondevice.errors import OnDeviceError, UsageError
from ondevice.head import TOP_K
from ondevice.manifest import Manifest
from ondevice.training.evaluation import Evaluation, without_known
from ondevice.training.metrics import AUC, cut_off, per_user
from ondevice.validation.contract import answer_problem, score_error
from ondevice.validation.record import Quality

RESAMPLES, AT_ONCE = 1_000, 25
CONFIDENCE = 0.95


def metric_of(manifest: Manifest, metric: str | None) -> str:
    """Return the task metric asked for, or the first of the task's that the file returns enough answers for.

    Args:
        manifest: the bundle's manifest.
        metric: name of the metric, if one is asked for.

    Raises:
        UsageError: the task is not measured by it.
    """
    task = tasks.load(manifest.task)
    fitting = (name for name in task.metrics if cut_off(name) <= manifest.head.k)
    return task.require_metric(metric) if metric is not None else next(fitting, task.metric)


class TaskExamples:
    """Test users, texts or lines of one of our tasks, and the reference's answers to them.

    Args:
        manifest: the bundle's manifest.
        evaluation: users with right answers and the reference's answers.
        users: number of users, at most; None for all.
        metric: name of the task metric; the first of the task's that the file returns enough for without it.
        measured: whether the metric is measured, or the answers are judged alone.

    Raises:
        UsageError: the metric looks at more answers than the file returns, or the histories do not fit it.
    """

    def __init__(
        self,
        manifest: Manifest,
        evaluation: Evaluation,
        users: int | None,
        metric: str | None,
        *,
        measured: bool = True,
    ) -> None:
        self.manifest, self.metric, self.measured = manifest, metric_of(manifest, metric), measured
        needed, returned = cut_off(self.metric), manifest.head.k
        if measured and needed > returned:
            raise UsageError(
                f"metric {self.metric!r} needs {needed} items, the file returns {returned}; export with more."
            )
        [self.feature] = manifest.inputs
        if evaluation.histories.shape[1] != self.feature.length:
            raise UsageError(
                f"evaluation histories have {evaluation.histories.shape[1]} ids, the bundle takes "
                f"{self.feature.length}; name the run that the bundle was exported from."
            )
        self.evaluation = choose_users(evaluation, users, self.metric)

    @property
    def inputs(self) -> dict[str, npt.NDArray[Any]]:
        """The histories, int32 `[users, 1, length]`."""
        return {self.feature.name: self.evaluation.histories[:, None, :]}

    def judge(self, outputs: Mapping[str, npt.NDArray[Any]]) -> Iterator[tuple[str, float]]:
        """Give what is wrong with every answer in itself, and its largest score error in steps.

        Probabilities are no scores: what encoding changes of them has no limit in steps, so that theirs is 0.
        """
        head, evaluation = self.manifest.head, self.evaluation
        items, scores = (outputs[name][:, 0] for name in head.outputs)
        # Of what a user knows and the file was not given, the reference keeps no score.
        unknown = evaluation.known.holds(items)
        for user, (answer, of_answer) in enumerate(zip(items, scores, strict=True)):
            excluded = evaluation.histories[user].tolist() if head.exclude else ()
            problem = answer_problem(self.manifest, excluded, answer, of_answer)
            best = evaluation.items[user]
            kept = ~unknown[user] | np.isin(answer, best)
            if problem or head.labels or not kept.any():
                yield problem, 0.0
                continue
            given = (answer[kept], of_answer[kept], best, evaluation.scores[user], float(evaluation.ranges[user]))
            yield "", score_error(*given)

    def compare(self, outputs: Mapping[str, npt.NDArray[Any]]) -> Quality | None:
        """Compare a file's answers with the reference's."""
        if not self.measured:
            return None
        items, scores = (outputs[name][:, 0] for name in self.manifest.head.outputs)
        keeps = self.manifest.head.kind == TOP_K and not self.manifest.head.exclude
        return compare(self.evaluation, items, scores, self.metric, keeps)


def choose_users(evaluation: Evaluation, users: int | None, metric: str) -> Evaluation:
    """Return a fixed random part of the evaluation users, or all if that many are not there or none is named.

    For the area under the curve up to half of them are lines with a click, which may be one of a thousand: the area
    does not depend on their share, and without any there is none.

    Args:
        evaluation: the users, texts or lines.
        users: how many, at most.
        metric: name of the metric.

    Raises:
        UsageError: these are too few for the metric.
    """
    if users is None or users >= len(evaluation):
        return evaluation
    rng = np.random.default_rng(0)
    if metric != AUC:
        return evaluation.of_users(np.sort(rng.choice(len(evaluation), users, replace=False)))
    if users < 2:
        raise UsageError(f"users is {users}; allowed is at least 2 for {metric}: a line with a click and one without.")
    clicked = np.diff(evaluation.relevant.offsets) > 0
    kinds = [rng.permutation(np.flatnonzero(kind)) for kind in (clicked, ~clicked)]
    of_clicked = max(min(len(kinds[0]), users // 2), users - len(kinds[1]))
    return evaluation.of_users(np.sort(np.concatenate([kinds[0][:of_clicked], kinds[1][: users - of_clicked]])))


def compare(
    evaluation: Evaluation,
    items: npt.NDArray[Any],
    scores: npt.NDArray[Any],
    metric: str,
    keeps_history: bool = False,
) -> Quality:
    """Compare a file's answers with the reference's.

    Args:
        evaluation: users, right answers and the reference's answers.
        items: the file's answers, int32 `[users, k]`.
        scores: their scores, float32 `[users, k]`.
        metric: name of the metric; `k` must reach its cut-off.
        keeps_history: whether the file's answers may hold the ids given, which the reference's answers leave out.

    Raises:
        OnDeviceError: the reference has no right answer for these users, so that there is nothing to compare with.
    """
    k = items.shape[1]
    # The file can leave out only the ids it is given; what else a user knows is dropped from both answers alike.
    best = without_known(evaluation.items[:, :k], evaluation.known)
    cleaned = without_known(items, evaluation.known)
    if keeps_history:
        # What the file spends on the history the reference must not have more of.
        best[cleaned < 0] = -1
    reference = per_user(best, evaluation.relevant, metric, evaluation.scores)
    measured = per_user(cleaned, evaluation.relevant, metric, scores)
    # All labels are returned for every text: what differs is which one is first.
    first = cut_off(metric)
    pairs = zip(best[:, :first], cleaned[:, :first], strict=True)
    overlap = np.array([np.isin(row, found).mean() for row, found in pairs])
    if not reference.any() and measured.any():
        raise OnDeviceError(
            f"the reference is right for none of {len(evaluation)} users, so that no change of {metric} can be told; "
            f"name more users."
        )
    return Quality(
        metric,
        len(evaluation),
        float(reference.mean()),
        float(measured.mean()),
        float(_relative(measured, reference)),
        interval(measured, reference),
        float(overlap.mean()),
        float((overlap < 1).mean()),
    )


def _relative(measured: npt.NDArray[Any], reference: npt.NDArray[Any], axis: int = -1) -> Any:
    if np.array_equal(measured, reference):
        return np.zeros(reference.mean(axis=axis).shape)
    base = reference.mean(axis=axis)
    # Of few users a sample may hold none with a right answer, and tells of no change.
    return np.divide(measured.mean(axis=axis), base, out=np.full(base.shape, np.nan), where=base != 0) - 1


def interval(measured: npt.NDArray[Any], reference: npt.NDArray[Any]) -> tuple[float, float]:
    """Return the 95 % interval of the relative change of a mean from a paired bootstrap over examples.

    Args:
        measured: the number of each example with the converted file, `[examples]`.
        reference: the same with the reference.
    """
    if np.array_equal(measured, reference):
        return 0.0, 0.0
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(RESAMPLES // AT_ONCE):
        # Users are drawn, and both answers to each: scipy.stats.bootstrap gives the same, but none where one is nan.
        users = rng.integers(0, len(measured), (AT_ONCE, len(measured)))
        drawn.append(_relative(measured[users], reference[users]))
    low, high = np.nanquantile(np.concatenate(drawn), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
