"""Report: from the bundles and validations in a folder to one report."""

from __future__ import annotations

import datetime
import glob
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice import task as tasks
from ondevice.bundle import MANIFEST_FILE
from ondevice.embeddings.method import FULL
from ondevice.errors import UsageError, unknown_name
from ondevice.manifest import Manifest
from ondevice.pipeline.validate import DEFAULT_DEVICE, validation_path
from ondevice.versions import machine, versions

if TYPE_CHECKING:
    from ondevice.reporting.record import ModelRecord, Report
    from ondevice.validation.record import Validation


def report(
    folder: Path | str,
    out: Path | str | None = None,
    *,
    metric: str | None = None,
    command: str = "",
    title: str = "",
    remarks: Sequence[str] = (),
) -> Report:
    """Gather every validated bundle below a folder and write `report.md`, `report.json` and `report.html`.

    Args:
        folder: where to look.
        out: folder to write to; the same one without it.
        metric: metric shown first; the first of the task's without it.
        command: command that made the bundles, for the reader.
        title: heading; made from the data set without it.
        remarks: sentences on what was meant to be measured and was not.

    Raises:
        UsageError: there is no validated bundle, or they are of several data sets.
        OnDeviceError: a record is damaged.
    """
    from ondevice.reporting.record import SCHEMA_VERSION, Report
    from ondevice.reporting.write import write_report
    from ondevice.training.metrics import NAMES

    if metric is not None and metric not in NAMES:
        raise unknown_name("metric", metric, NAMES)
    folder, out = Path(folder), Path(out) if out is not None else None
    if not folder.is_dir():
        raise UsageError(f"folder {str(folder)!r} does not exist; `ondevice run` makes one.")
    models = _gather(folder)
    if not models:
        raise UsageError(f"folder {str(folder)!r} holds no validated bundle; `ondevice validate` a bundle first.")
    datasets = sorted({model.manifest.dataset for model in models})
    if len(datasets) > 1:
        raise UsageError(f"folder {str(folder)!r} holds bundles of {', '.join(datasets)}; a report shows one data set.")
    baseline = next((m.variant for m in models if m.manifest.embedding.method == FULL), "")
    found = Report(
        SCHEMA_VERSION,
        title or f"Size and accuracy on {datasets[0]}",
        datasets[0],
        models[0].manifest.dataset_summary,
        command or f"ondevice report {folder}",
        datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        tasks.load(models[0].manifest.task).require_metric(metric),
        baseline,
        machine(),
        versions(),
        tuple(remarks),
        tuple(models),
    )
    write_report(found, out or folder)
    return found


def validations_of(bundle: Path) -> tuple[Validation, ...]:
    """Read every device's validation of a bundle, that of this machine first.

    Args:
        bundle: the bundle folder.
    """
    from ondevice.validation.record import read_validation

    names = validation_path(Path(glob.escape(bundle.name)), "*").name
    found = [(path, read_validation(path)) for path in sorted(bundle.parent.glob(names))]
    # The validation of a bundle called `int8.other` is named as if a device `other.host` had validated `int8`.
    own = [validation for path, validation in found if path == validation_path(bundle, validation.device)]
    return tuple(sorted(own, key=lambda validation: validation.device != DEFAULT_DEVICE))


def _gather(folder: Path) -> list[ModelRecord]:
    from ondevice import records
    from ondevice.reporting.record import ModelRecord

    models = []
    for path in sorted(folder.rglob(MANIFEST_FILE)):
        validations = validations_of(path.parent)
        if validations:
            models.append(ModelRecord(records.read(Manifest, path, "manifest"), validations))
    return sorted(models, key=lambda model: (model.manifest.embedding.method != FULL, model.variant))
