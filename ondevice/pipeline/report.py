"""Report: from the bundles and validations in a folder to one report."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice import task as tasks
from ondevice.bundle import MANIFEST_FILE, MODEL_FILE, read_manifest
from ondevice.embeddings.method import FULL
from ondevice.errors import UsageError, unknown_name
from ondevice.manifest import Manifest
from ondevice.pipeline.validate import DEFAULT_DEVICE, validation_path
from ondevice.versions import machine, now, versions

if TYPE_CHECKING:
    from ondevice.reporting.record import ModelRecord, Report
    from ondevice.validation.record import Validation


WHAT_IT_IS: dict[str, Callable[[Manifest], object]] = {
    "method": lambda manifest: manifest.method,
    "parameters": lambda manifest: [(each.layer, each.parameters) for each in manifest.embeddings],
    "output layer": lambda manifest: manifest.output and (manifest.output.name, manifest.output.parameters),
    "target": lambda manifest: manifest.target_runtime,
    "answers": lambda manifest: manifest.head.k,
}
"""What models that a report shows as one have in common; only their seeds differ."""


def report(
    folder: Path | str,
    out: Path | str | None = None,
    *,
    metric: str | None = None,
    command: str = "",
    remarks: Sequence[str] = (),
) -> Report:
    """Gather every validated bundle below a folder and write `report.md`, `report.json` and `report.html`.

    Args:
        folder: where to look.
        out: folder to write to; the same one without it.
        metric: metric shown first; the first of the task's without it.
        command: command that made the bundles, for the reader.
        remarks: sentences on what was meant to be measured and was not.

    Raises:
        UsageError: there is no validated bundle, they are of several data sets, two models have one name, or a
            validation is of another file than its bundle holds.
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
    own = next((model.manifest.name for model in models if not model.manifest.task), None)
    if own is not None:
        raise UsageError(
            f"folder {str(folder)!r} holds {own!r}, a model of one's own; a report compares models of a task."
        )
    datasets = sorted({model.manifest.training.dataset for model in models})
    if len(datasets) > 1:
        raise UsageError(f"folder {str(folder)!r} holds bundles of {', '.join(datasets)}; a report shows one data set.")
    first = models[0].manifest
    found = Report(
        schema_version=SCHEMA_VERSION,
        title=f"Size and accuracy on {datasets[0]}",
        dataset=datasets[0],
        dataset_summary=first.training.dataset_summary,
        command=command or f"ondevice report {folder}",
        created=now(),
        metric=tasks.load(first.task).require_metric(metric),
        baseline=next((model.variant for model in models if model.manifest.method == FULL), ""),
        machine=machine(),
        versions=versions(),
        remarks=tuple(remarks),
        models=tuple(models),
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
    from ondevice.reporting.record import ModelRecord

    models: dict[Path, ModelRecord] = {}
    for path in sorted(folder.rglob(MANIFEST_FILE)):
        if validations := validations_of(path.parent):
            model = ModelRecord(read_manifest(path), validations)
            _require_own(model, path.parent)
            for taken, known in models.items():
                _require_other(path.parent, model.manifest, taken, known.manifest)
            models[path.parent] = model
    return sorted(models.values(), key=lambda model: (model.manifest.method != FULL, model.variant))


def _require_own(model: ModelRecord, place: Path) -> None:
    """Refuse a verdict on a file that the bundle does not hold any more."""
    for validation in model.validations:
        if validation.model_sha256 != model.manifest.sha256[MODEL_FILE]:
            path = validation_path(place, validation.device)
            raise UsageError(
                f"validation {str(path)!r} is of another file than bundle {str(place)!r} holds now; validate it "
                f"again on {validation.device}, or remove the validation."
            )


def _require_other(place: Path, manifest: Manifest, taken: Path, known: Manifest) -> None:
    """Refuse a model that a row of the report would take for another seed of a different one, which is known."""
    if (known.name, known.recipe) != (manifest.name, manifest.recipe):
        return
    differs = next((name for name, of in WHAT_IT_IS.items() if of(known) != of(manifest)), "")
    if known.training.seed == manifest.training.seed or differs:
        why = f"differ in {differs}" if differs else f"both have seed {manifest.training.seed}"
        raise UsageError(
            f"bundles {str(taken)!r} and {str(place)!r} are both {manifest.name!r} with recipe {manifest.recipe!r}, "
            f"and {why}; a row of the report is one model with its seeds, so export one with another --name."
        )
