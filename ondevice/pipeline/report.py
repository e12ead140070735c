"""Report: from the bundles and validations in a folder to one report."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice.bundle import MANIFEST_FILE, Manifest
from ondevice.errors import UsageError, unknown_name
from ondevice.pipeline.validate import validation_path
from ondevice.versions import machine, versions

if TYPE_CHECKING:
    from ondevice.reporting.record import ModelRecord, Report

BASELINE_METHOD = "full"


def report(
    folder: Path | str, out: Path | str | None = None, *, metric: str = "ndcg@20", command: str = "", title: str = ""
) -> Report:
    """Gather every validated bundle below a folder and write `report.md`, `report.json` and `report.html`.

    Args:
        folder: where to look.
        out: folder to write to; the same one without it.
        metric: metric shown first.
        command: command that made the bundles, for the reader.
        title: heading; made from the data set without it.

    Raises:
        UsageError: there is no validated bundle, or they are of several data sets.
        OnDeviceError: a record is damaged.
    """
    from ondevice.reporting.record import SCHEMA_VERSION, Report
    from ondevice.reporting.write import write_report
    from ondevice.training.metrics import METRICS

    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    folder, out = Path(folder), Path(out) if out is not None else None
    if not folder.is_dir():
        raise UsageError(f"folder {str(folder)!r} does not exist; `ondevice run` makes one.")
    models = _gather(folder)
    if not models:
        raise UsageError(f"folder {str(folder)!r} holds no validated bundle; `ondevice validate` a bundle first.")
    datasets = sorted({model.manifest.dataset for model in models})
    if len(datasets) > 1:
        raise UsageError(f"folder {str(folder)!r} holds bundles of {', '.join(datasets)}; a report shows one data set.")
    baseline = next((m.variant for m in models if m.manifest.embedding.method == BASELINE_METHOD), "")
    found = Report(
        SCHEMA_VERSION,
        title or f"Size and accuracy on {datasets[0]}",
        datasets[0],
        models[0].manifest.dataset_summary,
        command or f"ondevice report {folder}",
        datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        metric,
        baseline,
        machine(),
        versions(),
        tuple(models),
    )
    write_report(found, out or folder)
    return found


def _gather(folder: Path) -> list[ModelRecord]:
    from ondevice import records
    from ondevice.reporting.record import ModelRecord
    from ondevice.validation.record import read_validation

    models = []
    for path in sorted(folder.rglob(MANIFEST_FILE)):
        verdict = validation_path(path.parent)
        if verdict.is_file():
            manifest = records.read(Manifest, path, "manifest")
            models.append(ModelRecord(manifest, read_validation(verdict)))
    return sorted(models, key=lambda model: (model.manifest.embedding.method != BASELINE_METHOD, model.variant))
