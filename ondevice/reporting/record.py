"""What a report is made of: one record per exported model, versioned."""

from __future__ import annotations

from dataclasses import dataclass

from ondevice.bundle import Manifest
from ondevice.validation.record import Validation

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class ModelRecord:
    """One exported model: what was promised and what was measured.

    Args:
        manifest: the bundle's manifest (method, order, recipe, seed, sizes, quality of the float reference).
        validation: the verdict of the device runtimes.
    """

    manifest: Manifest
    validation: Validation

    @property
    def variant(self) -> str:
        """Name of the model without seed and recipe, e.g. `"memcom@semantic"`."""
        return self.manifest.name


@dataclass(frozen=True)
class Report:
    """Everything a report shows.

    Args:
        schema_version: version of this record.
        title: heading of the report.
        dataset: name of the data set.
        dataset_summary: one sentence with users, items, interactions and split.
        command: command that made it.
        created: time of writing, ISO 8601 with offset.
        metric: name of the metric shown first, e.g. `"ndcg@20"`.
        baseline: variant that losses and ratios refer to, the full table.
        machine: system, processor, cores.
        versions: versions of the packages used.
        models: one per exported model; seeds and recipes are separate models.
    """

    schema_version: int
    title: str
    dataset: str
    dataset_summary: str
    command: str
    created: str
    metric: str
    baseline: str
    machine: dict[str, str]
    versions: dict[str, str]
    models: tuple[ModelRecord, ...]
