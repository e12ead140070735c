"""The result of validating a bundle: one record per device runtime, and the file they are kept in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ondevice import records
from ondevice.devices.measurement import Measurement

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class Failure:
    """One thing that does not hold.

    Args:
        check: `"runtime"`, `"names"`, `"shapes"`, `"types"`, `"values"`, `"edge ids"`, `"look-ups"`, `"vocabulary"`,
            `"constants"`, `"labels"`, `"quality"` or `"memory"`; the last two are budgets.
        message: one sentence that names the tensor, what came and what was expected.
    """

    check: str
    message: str


@dataclass(frozen=True)
class Quality:
    """The task metric of the converted file against the reference model over the same users.

    Args:
        metric: name of the metric, e.g. `"ndcg@20"`.
        users: number of users or texts both were asked for.
        reference: mean of the metric for the reference model.
        measured: mean of the metric for the converted file.
        relative_change: `measured / reference - 1`.
        interval: 95 % interval of the relative change from a paired bootstrap over users.
        top_k_overlap: mean share of the reference's answers that the file returns too, of as many as the metric looks
            at.
        users_changed: share of the users or texts for which the file lacks at least one of them; None in a validation
            of a version that did not say.
        lower_is_better: whether the metric is an error and not a merit.
    """

    metric: str
    users: int
    reference: float
    measured: float
    relative_change: float
    interval: tuple[float, float]
    top_k_overlap: float
    users_changed: float | None = None
    lower_is_better: bool = False

    @property
    def gain(self) -> float:
        """The relative change, negative where the converted file is worse."""
        return -self.relative_change if self.lower_is_better else self.relative_change


@dataclass(frozen=True)
class RuntimeResult:
    """What one runtime of one device made of the file.

    Args:
        measurement: cost and fate.
        largest_score_error_steps: largest score difference to the reference, in steps of 1/255 of the range of the
            reference scores; -1 where the runtime gave no answer.
        failures: everything that does not hold; empty for a valid file.
        quality: the task metric, absent where no evaluation data was given or the runtime gave no answer.
    """

    measurement: Measurement
    largest_score_error_steps: float
    failures: tuple[Failure, ...]
    quality: Quality | None


@dataclass(frozen=True)
class Validation:
    """The verdict on one bundle.

    Args:
        schema_version: version of this record.
        bundle: name of the bundle's folder.
        model_sha256: digest of the file that was run.
        device: name of the device that ran it.
        machine: what the device is: system, processor, number of cores and what else its figures depend on.
        results: one per runtime.
    """

    schema_version: int
    bundle: str
    model_sha256: str
    device: str
    machine: dict[str, str]
    results: tuple[RuntimeResult, ...]

    @property
    def valid(self) -> bool:
        """Whether every runtime loaded the file and nothing failed."""
        return bool(self.results) and all(not result.failures for result in self.results)


def read_validation(path: Path) -> Validation:
    """Read a validation from its JSON file."""
    return records.read(Validation, path, "validation")
