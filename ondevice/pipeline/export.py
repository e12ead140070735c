"""Export one trained model: from a run folder to a bundle that has passed the gate."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ondevice import bundle as bundles
from ondevice import files
from ondevice import task as tasks
from ondevice.bundle import Bundle
from ondevice.devices.runtimes import DEFAULT_TARGET
from ondevice.embeddings.method import FULL
from ondevice.errors import OnDeviceError, UsageError, unknown_name
from ondevice.ids import OUT_OF_RANGE
from ondevice.pipeline.conversion import Request, convert
from ondevice.quantize import recipe as recipes
from ondevice.task import Task
from ondevice.training.run_folder import open_run


def export(
    run: Path | str,
    out: Path | str,
    *,
    recipe: str = "int8",
    target: str = DEFAULT_TARGET,
    top_k: int | None = None,
    out_of_range: str = "unknown",
    exclude_history: bool | None = None,
    vocabulary: bool = True,
    name: str = "",
) -> Bundle:
    """Quantize, convert and check a trained model.

    Every look-up of the file is compared with the NumPy reference on every runtime installed here, for every id, and
    the test vectors are run; nothing is written unless all agree. Left out are runtimes that are too old for a file
    whose target is a newer one. Only a recipe to compare with skips all checks.

    Args:
        run: folder of a finished training run.
        out: bundle folder to write; must not exist.
        recipe: name of the quantization recipe, or path of a `.toml` or `.json` file with the fields of one.
        target: runtime that the file is for.
        top_k: answers the file gives per call; 20 items, or all labels, without it.
        out_of_range: what an id outside the vocabulary counts as, `"unknown"` or `"padding"`.
        exclude_history: whether the file leaves the items given out of its answer; without it, if answers are items.
        vocabulary: whether the file carries the vocabulary, too, at its end.
        name: name of the model in the manifest; made from method and order if empty.

    Raises:
        UsageError: a name is unknown, the folder is taken, the recipe is not for the run's method, more items are
            asked for than there are, or the file would be larger than the format allows.
        OnDeviceError: the file did not pass.
    """
    from converters import target as targets
    from converters.dense import require_dense
    from converters.limits import require_size
    from ondevice.quantize.choose import require_tables
    from ondevice.training.choose import choose_output

    run, out = Path(run), Path(out)
    files.refuse_existing(out)
    chosen = recipes.load(recipe)
    require_dense(chosen.dense, targets.load(target), f" of recipe {recipe!r}")
    if out_of_range not in OUT_OF_RANGE:
        raise unknown_name("out-of-range policy", out_of_range, OUT_OF_RANGE)
    source = open_run(run)
    if not chosen.suits(source.config.method):
        raise UsageError(
            f"recipe is {recipe!r}, which is for models of method {FULL!r} only; "
            f"run {str(run)!r} is of method {source.config.method!r}."
        )
    method = source.method()
    require_tables(method, chosen)
    task, labels = tasks.load(source.result.task), source.result.labels
    if exclude_history and not task.top_k:
        raise UsageError(f"exclude_history is True; allowed is False for a {task.name} model, which has no history.")
    exclude_history = bool(task.top_k) if exclude_history is None else exclude_history
    top_k = _top_k(top_k, task, labels, method.items, source.config.history_length if exclude_history else 0)
    require_size(method, choose_output(source.config, method, task.name, labels), chosen)
    with files.new_folder(out) as folder:
        convert(source, Request(chosen, target, top_k, out_of_range, exclude_history, vocabulary, name), folder)
        opened = bundles.open_bundle(folder)
        if not chosen.comparison:
            _prove(opened)
    return bundles.open_bundle(out)


def _top_k(top_k: int | None, task: Task, labels: tuple[str, ...], items: int, left_out: int) -> int:
    """Check the number of answers that is asked for, or choose the task's."""
    if task.top_k:
        top_k = task.top_k if top_k is None else top_k
        if not 1 <= top_k <= items - left_out:
            allowed = f"allowed is 1 to {items - left_out}, the items that an answer may hold"
            why = f": of {items} a history of {left_out} (history_length) is left out" if left_out else ""
            raise UsageError(f"top_k is {top_k}; {allowed}{why}.")
        return top_k
    if top_k not in (None, len(labels)):
        raise UsageError(f"top_k is {top_k}; allowed is {len(labels)}, since every answer has all labels.")
    return len(labels)


def _prove(bundle: Bundle) -> None:
    from converters.target import runtimes_for
    from ondevice.devices.kinds.host import Host
    from ondevice.pipeline.validate import cut_lookups
    from ondevice.validation.validate import validate_bundle

    device, manifest = Host(), bundle.manifest
    runtimes = runtimes_for(manifest.target_runtime, manifest.minimum_runtime, device.installed())
    with tempfile.TemporaryDirectory(prefix="ondevice-") as folder:
        validation = validate_bundle(bundle, device, runtimes, cut_model=cut_lookups(bundle, Path(folder)))
    failures = [failure for result in validation.results for failure in result.failures]
    if failures:
        reasons = " ".join(f"[{failure.check}] {failure.message}" for failure in failures[:5])
        raise OnDeviceError(f"the converted file did not pass, nothing was written: {reasons}")
