"""What a report is made of: one record per exported model, versioned."""

from __future__ import annotations

from dataclasses import dataclass

from ondevice import task as tasks
from ondevice.manifest import Manifest
from ondevice.task import Task
from ondevice.validation.record import RuntimeResult, Validation

SCHEMA_VERSION = 3


@dataclass(frozen=True)
class ModelRecord:
    """One exported model: what was promised and what was measured.

    Args:
        manifest: the bundle's manifest (method, order, recipe, seed, sizes, quality of the float reference).
        validations: the verdict of each device's runtimes.
    """

    manifest: Manifest
    validations: tuple[Validation, ...]

    @property
    def variant(self) -> str:
        """Name of the model without seed and recipe, e.g. `"memcom@semantic"`."""
        return self.manifest.name

    @property
    def results(self) -> tuple[RuntimeResult, ...]:
        """What the runtimes of all devices made of the file."""
        return tuple(result for validation in self.validations for result in validation.results)

    @property
    def valid(self) -> bool:
        """Whether it ran somewhere, and every runtime of every device found it valid."""
        return bool(self.validations) and all(validation.valid for validation in self.validations)


@dataclass(frozen=True, kw_only=True)
class Head:
    """What every report says of itself.

    Args:
        schema_version: version of the record.
        dataset: name of the data set.
        dataset_summary: one sentence with the numbers of what is in it, and the split.
        command: command that made it.
        created: time of writing, ISO 8601 with offset.
        metric: name of the metric shown first, e.g. `"ndcg@20"`.
        baseline: model that losses and ratios refer to, the full table.
        machine: system, processor, cores.
        versions: versions of the packages used.
    """

    schema_version: int
    dataset: str
    dataset_summary: str
    command: str
    created: str
    metric: str
    baseline: str
    machine: dict[str, str]
    versions: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Report(Head):
    """Everything a report shows.

    Args:
        title: heading of the report.
        remarks: sentences on what was meant to be measured and was not, e.g. for want of a device.
        models: one per exported model; seeds and recipes are separate models.
    """

    title: str
    remarks: tuple[str, ...]
    models: tuple[ModelRecord, ...]

    @property
    def task(self) -> Task:
        """What the models do; all of a report do the same."""
        return tasks.load(self.models[0].manifest.task if self.models else tasks.RANKING)
