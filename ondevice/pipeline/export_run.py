"""Export one trained model of ours: from a run folder to a bundle that has passed the gate."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice import bundle as bundles
from ondevice import files, records
from ondevice import task as tasks
from ondevice.bundle import Bundle
from ondevice.devices.runtimes import DEFAULT_TARGET
from ondevice.errors import UsageError, unknown_name
from ondevice.feature import IDS, Feature
from ondevice.head import Head, probabilities, top_k
from ondevice.ids import OUT_OF_RANGE, PADDING_ID, RESERVED_IDS
from ondevice.manifest import Training
from ondevice.pipeline.conversion import About, write_bundle
from ondevice.pipeline.prove import DEVICES_DIFFER, prove
from ondevice.quantize import recipe as recipes
from ondevice.training.run_folder import open_run
from ondevice.validation.quality import TaskExamples

if TYPE_CHECKING:
    from ondevice.quantize.recipe import Recipe
    from ondevice.training.run_folder import Run

INPUT = "ids"
"""Name of the input of every network of ours."""
PROVEN = 1_000
"""Evaluation examples that a file is asked about before anyone is given it, at most."""
LEAST_STEPS = 0.01
"""Score difference that counts as equal however good a file is here: another processor adds in another order."""


def export_run(
    run: Path | str,
    out: Path | str,
    *,
    recipe: str = "int8",
    target: str = DEFAULT_TARGET,
    k: int | None = None,
    out_of_range: str = "unknown",
    exclude_history: bool | None = None,
    vocabulary: bool = True,
    name: str = "",
) -> Bundle:
    """Quantize, convert and check a model that `ondevice train` has trained.

    Every look-up of the file is compared with the NumPy reference on every runtime installed here, for every id, and
    the test vectors are run; nothing is written unless all agree. Left out are runtimes that are too old for a file
    whose target is a newer one. Only a file of the stock converter skips all checks.

    Args:
        run: folder of a finished training run.
        out: bundle folder to write; must not exist.
        recipe: name of the quantization recipe, or path of a `.toml` or `.json` file with the fields of one; or
            `"stock_dynamic_range"`, with which TensorFlow's own converter quantizes the full table, to compare with.
        target: runtime that the file is for.
        k: answers the file gives per call; 20 items, or all labels, without it.
        out_of_range: what an id outside the vocabulary counts as, `"unknown"` or `"padding"`.
        exclude_history: whether the file leaves the items given out of its answer; without it, if answers are items.
        vocabulary: whether the file carries the vocabulary, too, at its end.
        name: name of the model in the manifest; made from method and order if empty.

    Raises:
        UsageError: a name is unknown, the folder is taken, the recipe is not for the run's method, more items are
            asked for than there are, or the file would be larger than the format allows.
        OnDeviceError: the file did not pass.
    """
    from ondevice.converters import target as targets
    from ondevice.converters.dense import require_dense
    from ondevice.converters.limits import require_size
    from ondevice.quantize.choose import require_tables
    from ondevice.training.choose import choose_output

    run, out = Path(run), Path(out)
    files.refuse_existing(out)
    chosen = recipes.load(recipe)
    require_dense(chosen.dense, targets.load(target), f" of recipe {recipe!r}")
    if out_of_range not in OUT_OF_RANGE:
        raise unknown_name("out-of-range policy", out_of_range, OUT_OF_RANGE)
    source = open_run(run)
    method = source.method()
    require_tables(method, chosen)
    feature = Feature(
        INPUT,
        IDS,
        (1, source.config.history_length),
        "int32",
        method.vocabulary_size,
        OUT_OF_RANGE[out_of_range],
        PADDING_ID,
        RESERVED_IDS,
        bundles.VOCABULARY_FILE,
        source.result.tokenizer,
        titles=bundles.TITLES_FILE if source.titles() else "",
    )
    head = _head(source, k, exclude_history)
    require_size(method, choose_output(source.config, method, source.result.task, source.result.labels), chosen)
    with files.new_folder(out) as folder:
        _convert(source, feature, head, chosen, target if recipe != recipes.STOCK else "", vocabulary, name, folder)
        opened = bundles.open_bundle(folder)
        manifest = opened.manifest
        if not manifest.comparison:
            examples = TaskExamples(manifest, source.evaluation(), PROVEN, None, measured=False)
            error = prove(opened, examples)
            if not head.labels:
                # A file that is better than its recipe allows is held to what it is.
                most = min(manifest.score_tolerance_steps, max(DEVICES_DIFFER * error, LEAST_STEPS))
                records.write(folder / bundles.MANIFEST_FILE, replace(manifest, score_tolerance_steps=most))
    return bundles.open_bundle(out)


def _head(run: Run, k: int | None, exclude_history: bool | None) -> Head:
    """Return what the file answers, as it is asked for or as the task has it."""
    task, labels = tasks.load(run.result.task), run.result.labels
    if not task.top_k:
        if exclude_history:
            raise UsageError(
                f"exclude_history is True; allowed is False for a {task.name} model, which has no history."
            )
        if k not in (None, len(labels)):
            raise UsageError(f"top_k is {k}; allowed is {len(labels)}, since every answer has all labels.")
        return probabilities(labels, logits=True)
    exclude = exclude_history is None or exclude_history
    items, left_out = run.method().items, run.config.history_length if exclude else 0
    k = task.top_k if k is None else k
    if not 1 <= k <= items - left_out:
        allowed = f"allowed is 1 to {items - left_out}, the items that an answer may hold"
        why = f": of {items} a history of {left_out} (history_length) is left out" if left_out else ""
        raise UsageError(f"top_k is {k}; {allowed}{why}.")
    return top_k(k, INPUT if exclude else "", RESERVED_IDS)


def _convert(
    run: Run, feature: Feature, head: Head, recipe: Recipe, target: str, carries: bool, name: str, folder: Path
) -> None:
    from ondevice.converters.convert import convert
    from ondevice.converters.lower import lowered
    from ondevice.converters.stock import stock_file
    from ondevice.models.network import load_network
    from ondevice.training.reference import make_vectors
    from ondevice.training.sample_texts import make_texts

    task, config, result, vocabulary = tasks.load(run.result.task), run.config, run.result, run.vocabulary()
    model = load_network(run.model)
    if target:
        stock, converted = None, convert(model, [feature], head, recipe, target, signature=task.signature)
    else:
        stock = stock_file(model, [feature], head, vocabulary.keys, task.signature)
        converted = stock.converted
    context: AbstractContextManager[None] = nullcontext()
    if head.labels:
        # Probabilities leap: what coarse tables change would look like a fault of the file.
        context = lowered(converted.lowering())
    with context:
        vectors = make_vectors(model, run, vocabulary, feature, head)
    training = Training(
        config.dataset, result.dataset_summary, config.seed, result.seconds, result.test, result.by_popularity
    )
    about = About(
        name or f"{config.method}@{config.order}",
        recipe.name,
        target,
        recipe.score_tolerance_steps,
        result.model_parameters,
        {bundles.VOCABULARY_FILE: vocabulary.keys},
        vectors,
        make_texts(run, vocabulary, feature.name),
        carries,
        task.name,
        {"embedding": config.order},
        training,
        {bundles.TITLES_FILE: run.titles()} if feature.titles else {},
    )
    write_bundle(folder, converted, about, stock)
