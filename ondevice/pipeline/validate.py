"""Validate one bundle on the runtimes of a device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ondevice import records
from ondevice.bundle import open_bundle
from ondevice.errors import EXIT_BUDGET, EXIT_DONE, EXIT_FAILED, UsageError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ondevice.validation.record import Validation

DEFAULT_DEVICE = "host"
DEFAULT_MAX_LOSS = 0.01


def validation_path(bundle: Path) -> Path:
    """Return where the validation of a bundle is kept: beside it, since a bundle does not change after export."""
    return bundle.with_name(f"{bundle.name}.validation.json")


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
    metric: str = "ndcg@20",
    max_loss: float = DEFAULT_MAX_LOSS,
    out: Path | None = None,
) -> Validation:
    """Run a bundle's test vectors, and real users if a run is named, on each runtime; write the verdict.

    Args:
        bundle: the bundle folder.
        run: folder of the training run it was exported from, for real users and the reference's answers to them;
            without it the task metric is not measured.
        device: name of the device.
        runtimes: names of its runtimes; all that it offers without it, so that a missing one is a failure.
        users: real users, at most; all without it.
        metric: name of the task metric.
        max_loss: largest relative loss of the metric against the reference that is no failure.
        out: JSON file to write; beside the bundle without it.

    Raises:
        UsageError: a name is unknown, a folder is missing, or bundle and run do not belong together.
        OnDeviceError: a file of the bundle was changed or is damaged.
    """
    from ondevice.devices.device import registry
    from ondevice.training.metrics import METRICS
    from ondevice.training.run_folder import open_run
    from ondevice.validation.validate import validate_bundle

    bundle, run = Path(bundle), Path(run) if run is not None else None
    target = registry.load(device)()
    chosen = list(runtimes) if runtimes else target.runtimes()
    for runtime in chosen:
        if runtime not in target.runtimes():
            raise unknown_name("runtime", runtime, target.runtimes())
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    if users is not None:
        require_users(users)
    if not 0 <= max_loss <= 1:
        raise UsageError(f"max_loss is {max_loss}; allowed is 0 to 1.")
    # A folder given as "." or ".." has no name to write the verdict beside.
    opened = open_bundle(bundle if bundle.name not in ("", "..") else bundle.resolve())
    source = open_run(run) if run is not None else None
    if source is not None and source.config.seed != opened.manifest.seed:
        raise UsageError(
            f"run {str(run)!r} has seed {source.config.seed}, the bundle was exported from a run with seed "
            f"{opened.manifest.seed}; name that run."
        )
    evaluation = source.evaluation() if source is not None else None
    validation = validate_bundle(opened, target, chosen, evaluation, users, metric, max_loss)
    records.write(out or validation_path(opened.folder), validation)
    return validation


def exit_code(validation: Validation, budget_stated: bool) -> int:
    """Return 0 for a valid bundle, 3 where nothing but a stated loss budget was missed, else 1."""
    if validation.valid:
        return EXIT_DONE
    checks = {failure.check for result in validation.results for failure in result.failures}
    return EXIT_BUDGET if budget_stated and checks == {"quality"} else EXIT_FAILED
