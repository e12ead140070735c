"""Validate one bundle on the runtimes of a device."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice import records
from ondevice.bundle import MODEL_FILE, open_bundle
from ondevice.errors import EXIT_BUDGET, EXIT_DONE, EXIT_FAILED, OnDeviceError, UsageError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ondevice.bundle import Bundle
    from ondevice.manifest import Manifest
    from ondevice.training.run_folder import Run
    from ondevice.validation.record import Validation

DEFAULT_DEVICE = "host"
DEFAULT_MAX_LOSS = 0.01
MB = 1_000_000


def validation_path(bundle: Path, device: str = DEFAULT_DEVICE) -> Path:
    """Return where a device's validation of a bundle is kept: beside it, since a bundle does not change after export.

    Args:
        bundle: the bundle folder.
        device: name of the device.
    """
    return bundle.with_name(f"{bundle.name}.{device}.validation.json")


def is_validated(bundle: Path, device: str) -> bool:
    """Tell whether a device's validation of a bundle is there, and of the file that the bundle holds now."""
    from ondevice.validation.record import read_validation

    path = validation_path(bundle, device)
    return path.is_file() and read_validation(path).model_sha256 == open_bundle(bundle).manifest.sha256[MODEL_FILE]


def cut_lookups(bundle: Bundle, folder: Path) -> Path | None:
    """Write the part of a bundle's file that looks ids up, as a file of its own; None if it promises no look-ups.

    Args:
        bundle: the bundle.
        folder: where to write it.

    Raises:
        OnDeviceError: the file holds no such part.
    """
    from converters.cut import cut

    lookup = bundle.manifest.embedding.lookup
    if not lookup.sha256:
        return None
    path = folder / "lookups.tflite"
    path.write_bytes(cut(bundle.model.read_bytes(), bundle.manifest.signature, lookup.tensor))
    return path


def too_old(manifest: Manifest, validation: Validation) -> list[str]:
    """Return the runtimes of a device that were not asked about a bundle since they are too old for its file.

    Args:
        manifest: the bundle's manifest.
        validation: what the device made of it, asked without naming runtimes.
    """
    from converters.target import runtimes_for
    from ondevice.devices.profile import open_device

    offered = open_device(validation.device).runtimes()
    suitable = runtimes_for(manifest.target_runtime, manifest.minimum_runtime, offered)
    asked = {result.measurement.runtime for result in validation.results}
    return [name for name in offered if name not in (*suitable, *asked)]


def require_users(users: int) -> None:
    """Raise a `UsageError` unless this many users can be evaluated."""
    if users < 1:
        raise UsageError(f"users is {users}; allowed is a whole number of at least 1.")


def validate(
    bundle: Path | str,
    run: Path | str | None = None,
    *,
    device: str = DEFAULT_DEVICE,
    runtimes: Sequence[str] | None = None,
    users: int | None = None,
    metric: str | None = None,
    max_loss: float | None = None,
    max_memory: float | None = None,
    out: Path | None = None,
) -> Validation:
    """Run a bundle's test vectors, every look-up and real users on each runtime of a device; write the verdict.

    Args:
        bundle: the bundle folder.
        run: folder of the training run it was exported from, for real users and the reference's answers to them, and
            for its vocabulary; without it the task metric is not measured.
        device: name of the device.
        runtimes: names of its runtimes; without it all that it offers, so that a missing one is a failure, but for
            those that are too old for a file that was made for a newer one.
        users: real users, at most; without it as many as the device says are enough, on the host all.
        metric: name of the task metric; the first of the task's that the file returns enough for without it.
        max_loss: largest relative loss of the metric against the reference that is no failure; 0.01 without it.
        max_memory: largest growth of memory in MB that is no failure; any without it.
        out: JSON file to write; beside the bundle without it.

    Raises:
        UsageError: a name is unknown, a folder is missing, or bundle and run do not belong together.
        OnDeviceError: a file of the bundle was changed or is damaged.
    """
    from converters.target import runtimes_for
    from ondevice.devices.profile import open_device
    from ondevice.training.metrics import NAMES
    from ondevice.training.run_folder import VOCABULARY_FILE, open_run
    from ondevice.validation.quality import metric_of
    from ondevice.validation.record import Failure
    from ondevice.validation.validate import validate_bundle
    from ondevice.validation.vocabulary import label_failures, original_failures

    bundle, run = Path(bundle), Path(run) if run is not None else None
    target = open_device(device)
    for runtime in runtimes or ():
        if runtime not in target.runtimes():
            raise unknown_name("runtime", runtime, target.runtimes())
    if metric is not None and metric not in NAMES:
        raise unknown_name("metric", metric, NAMES)
    if users is not None:
        require_users(users)
    if max_loss is not None and not 0 <= max_loss <= 1:
        raise UsageError(f"max_loss is {max_loss}; allowed is 0 to 1.")
    if max_memory is not None and not 0 < max_memory < math.inf:
        raise UsageError(f"max_memory is {max_memory}; allowed is a number of MB above 0.")
    if run is None:
        _refuse_unmeasured(users=users, metric=metric, max_loss=max_loss)
    # A folder given as "." or ".." has no name to write the verdict beside.
    opened = open_bundle(bundle if bundle.name not in ("", "..") else bundle.resolve())
    manifest = opened.manifest
    metric = metric_of(manifest, metric)
    chosen = list(runtimes or ()) or runtimes_for(manifest.target_runtime, manifest.minimum_runtime, target.runtimes())
    source = open_run(run) if run is not None else None
    if source is not None:
        _require_same(source, manifest)
    evaluation = source.evaluation() if source is not None else None
    known = []
    if source is not None:
        known = [
            *original_failures(opened, source.folder / VOCABULARY_FILE),
            *label_failures(opened.manifest, source.result.labels),
        ]
    with tempfile.TemporaryDirectory(prefix="ondevice-") as folder:
        cut_model = None
        try:
            cut_model = cut_lookups(opened, Path(folder))
        except OnDeviceError as error:
            # The runtimes still have to say what they make of such a file.
            known.append(Failure("look-ups", str(error)))
        max_bytes = round(max_memory * MB) if max_memory is not None else None
        validation = validate_bundle(
            opened,
            target,
            chosen,
            evaluation,
            users,
            metric,
            DEFAULT_MAX_LOSS if max_loss is None else max_loss,
            cut_model=cut_model,
            max_memory_bytes=max_bytes,
            known=known,
        )
    records.write(out or validation_path(opened.folder, device), validation)
    return validation


def _refuse_unmeasured(**stated: object) -> None:
    """Refuse what is said of a metric that is not measured: a limit that nobody checks looks like one that is kept."""
    for name, value in stated.items():
        if value is not None:
            raise UsageError(f"{name} is {value} without a run; allowed is it with the run that the bundle is of.")


def _require_same(run: Run, manifest: Manifest) -> None:
    """Refuse a run that a bundle was not exported from, whose reference would be another model."""
    config, embedding = run.config, manifest.embedding
    for name, own, other in (
        ("seed", config.seed, manifest.seed),
        ("data set", config.dataset, manifest.dataset),
        ("method", config.method, embedding.method),
        ("id order", config.order, embedding.order),
        ("parameters", run.result.parameters, embedding.parameters),
        ("test metrics", run.result.test, manifest.quality),
    ):
        if own != other:
            raise UsageError(
                f"run {str(run.folder)!r} has {name} {own}, the bundle was exported from a run with {name} {other}; "
                f"name that run."
            )


def exit_code(validation: Validation, loss_stated: bool) -> int:
    """Return 0 for a valid bundle, 3 where nothing but a stated budget was missed, else 1.

    Args:
        validation: the verdict.
        loss_stated: whether the loss allowed was asked for; a memory budget always is.
    """
    if validation.valid:
        return EXIT_DONE
    checks = {failure.check for result in validation.results for failure in result.failures}
    budgets = {"memory", "quality"} if loss_stated else {"memory"}
    return EXIT_BUDGET if checks and checks <= budgets else EXIT_FAILED
