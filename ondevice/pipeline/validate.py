"""Validate one bundle on the runtimes of a device."""

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondevice import files, records
from ondevice.bundle import MODEL_FILE, open_bundle
from ondevice.errors import EXIT_BUDGET, EXIT_DONE, EXIT_FAILED, OnDeviceError, UsageError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ondevice.bundle import Bundle
    from ondevice.devices.device import Device
    from ondevice.manifest import Manifest
    from ondevice.training.run_folder import Run
    from ondevice.validation.lookups import LookupFile
    from ondevice.validation.record import Failure, Validation
    from ondevice.validation.validate import Examples

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


def too_old(manifest: Manifest, validation: Validation) -> list[str]:
    """Return the runtimes of a device that were not asked about a bundle since they are too old for its file.

    Args:
        manifest: the bundle's manifest.
        validation: what the device made of it, asked without naming runtimes.
    """
    from ondevice.converters.target import runtimes_for
    from ondevice.devices.profile import open_device

    offered = open_device(validation.device).runtimes()
    suitable = runtimes_for(manifest.target_runtime, manifest.minimum_runtime, offered)
    asked = {result.measurement.runtime for result in validation.results}
    return [name for name in offered if name not in (*suitable, *asked)]


def require_users(users: int, name: str = "users") -> None:
    """Raise a `UsageError` unless this many users can be evaluated."""
    if users < 1:
        raise UsageError(f"{name} is {users}; allowed is a whole number of at least 1.")


def validate(
    bundle: Bundle | Path | str,
    model: Any = None,
    data: Any = None,
    *,
    metric: Any = None,
    max_loss: float | None = None,
    examples: int | None = None,
    device: str = DEFAULT_DEVICE,
    runtimes: Sequence[str] | None = None,
    max_memory: float | None = None,
    call: Callable[[Any], Any] | None = None,
    outputs: Sequence[str] | None = None,
    out: Path | None = None,
) -> Validation:
    """Run a bundle's test vectors, every look-up and your own examples on each runtime of a device; write the verdict.

    Args:
        bundle: the bundle, or its folder.
        model: the model it was exported from, or path of its `.keras` file; without it nothing but test vectors and
            look-ups is checked.
        data: examples: a pair of inputs and targets, inputs alone, or whatever gives batches of these, as a
            `tf.data.Dataset` or a generator.
        metric: a Keras metric, its name, or a function of (right, predicted) such as scikit-learn's; without it the
            agreement of the outputs is measured. Predicted is the only output as an array, of a head of probabilities
            one `[examples, labels]`, else arrays by output.
        max_loss: largest relative loss of the metric against the model that is no failure; 0.01 without it.
        examples: examples, at most; without it as many as the device says are enough, on the host all.
        device: name of the device.
        runtimes: names of its runtimes; without it all that it offers, but for those that are too old for a file that
            was made for a newer one.
        max_memory: largest growth of memory in MB that is no failure; any without it.
        call: what was exported instead of `model(batch, training=False)`.
        outputs: names of the outputs that were kept, if not all were.
        out: JSON file to write; beside the bundle without it.

    Raises:
        UsageError: a name is unknown, a folder is missing, or bundle, model and data do not belong together.
        OnDeviceError: a file of the bundle was changed or is damaged.

    Example:
        >>> result = validate("out/bundle", model, (x, y), metric=keras.metrics.AUC())  # doctest: +SKIP
        >>> result.valid  # doctest: +SKIP
        True
    """
    from ondevice.pipeline.own_examples import own_examples

    target, opened = _opened(bundle, device, runtimes, max_loss, max_memory)
    if examples is not None:
        require_users(examples, "examples")
    if (model is None) != (data is None):
        given, missing = ("data", "model") if model is None else ("model", "data")
        raise UsageError(f"{given} is given without {missing}; allowed are both or none.")
    if model is None:
        _refuse_unmeasured("model and data", examples=examples, metric=metric, max_loss=max_loss)
        return _validated(opened, target, runtimes, None, max_loss, max_memory, [], out)
    most = target.users if examples is None else examples
    found, known = own_examples(opened, model, data, metric, most, call, outputs)
    return _validated(opened, target, runtimes, found, max_loss, max_memory, known, out)


def validate_run(
    bundle: Bundle | Path | str,
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
        bundle: the bundle, or its folder.
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
    from ondevice.training.metrics import NAMES
    from ondevice.training.run_folder import VOCABULARY_FILE, open_run
    from ondevice.validation.quality import TaskExamples, metric_of
    from ondevice.validation.vocabulary import label_failures, original_failures

    target, opened = _opened(bundle, device, runtimes, max_loss, max_memory)
    if metric is not None and metric not in NAMES:
        raise unknown_name("metric", metric, NAMES)
    if users is not None:
        require_users(users)
    if run is None:
        _refuse_unmeasured("a run", users=users, metric=metric, max_loss=max_loss)
        return _validated(opened, target, runtimes, None, max_loss, max_memory, [], out)
    manifest, source = opened.manifest, open_run(Path(run))
    _require_same(source, manifest)
    known = [
        *original_failures(opened, source.folder / VOCABULARY_FILE),
        *label_failures(manifest, source.result.labels),
    ]
    most = target.users if users is None else users
    examples = TaskExamples(manifest, source.evaluation(), most, metric_of(manifest, metric))
    return _validated(opened, target, runtimes, examples, max_loss, max_memory, known, out)


def _opened(
    bundle: Bundle | Path | str,
    device: str,
    runtimes: Sequence[str] | None,
    max_loss: float | None,
    max_memory: float | None,
) -> tuple[Device, Bundle]:
    """Check what every validation is asked for, and open device and bundle."""
    from ondevice.devices.profile import open_device

    folder = bundle if isinstance(bundle, (str, Path)) else bundle.folder
    folder, target = Path(folder), open_device(device)
    for runtime in runtimes or ():
        if runtime not in target.runtimes():
            raise unknown_name("runtime", runtime, target.runtimes())
    if max_loss is not None and not 0 <= max_loss <= 1:
        raise UsageError(f"max_loss is {max_loss}; allowed is 0 to 1.")
    if max_memory is not None and not 0 < max_memory < math.inf:
        raise UsageError(f"max_memory is {max_memory}; allowed is a number of MB above 0.")
    # A folder given as "." or ".." has no name to write the verdict beside.
    return target, open_bundle(folder if folder.name not in ("", "..") else folder.resolve())


def _validated(
    bundle: Bundle,
    target: Device,
    runtimes: Sequence[str] | None,
    examples: Examples | None,
    max_loss: float | None,
    max_memory: float | None,
    known: Sequence[Failure],
    out: Path | None,
) -> Validation:
    """Run everything and write the verdict."""
    from ondevice.converters.digests import constant_digests
    from ondevice.converters.target import runtimes_for
    from ondevice.pipeline.prove import lookup_files
    from ondevice.validation.record import Failure, read_validation
    from ondevice.validation.validate import validate_bundle

    manifest = bundle.manifest
    if out is not None:
        files.refuse_others(out, read_validation, "a verdict of this command")
    chosen = list(runtimes or ()) or runtimes_for(manifest.target_runtime, manifest.minimum_runtime, target.runtimes())
    max_bytes = round(max_memory * MB) if max_memory is not None else None
    loss = DEFAULT_MAX_LOSS if max_loss is None else max_loss
    with ExitStack() as stack:
        lookups: Sequence[LookupFile] = ()
        try:
            if constant_digests(bundle.model) != manifest.constants:
                others = "constants of the file are not those that were proven at export"
                known = [*known, Failure("constants", f"{others}; export the model again.")]
            lookups = stack.enter_context(lookup_files(bundle))
        except OnDeviceError as error:
            # The runtimes still have to say what they make of such a file.
            known = [*known, Failure("look-ups", str(error))]
        validation = validate_bundle(bundle, target, chosen, examples, loss, lookups, max_bytes, known)
    records.write(out or validation_path(bundle.folder, target.name), validation)
    return validation


def _refuse_unmeasured(needed: str, **stated: object) -> None:
    """Refuse what is said of a metric that is not measured: a limit that nobody checks looks like one that is kept."""
    for name, value in stated.items():
        if value is not None:
            raise UsageError(f"{name} is {value} without {needed}; allowed is it beside what the bundle was made of.")


def _require_same(run: Run, manifest: Manifest) -> None:
    """Refuse a run that a bundle was not exported from, whose reference would be another model."""
    if len(manifest.embeddings) != 1:
        raise UsageError(f"the bundle has {len(manifest.embeddings)} embeddings; allowed beside a run is one.")
    config, [embedding], training = run.config, manifest.embeddings, manifest.training
    for name, own, other in (
        ("seed", config.seed, training.seed),
        ("data set", config.dataset, training.dataset),
        ("method", config.method, embedding.method),
        ("id order", config.order, embedding.order),
        ("parameters", run.result.parameters, embedding.parameters),
        ("test metrics", run.result.test, training.quality),
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
