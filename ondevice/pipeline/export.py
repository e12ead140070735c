"""Export one trained model: from a run folder to a bundle that has passed the gate."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice import bundle as bundles
from ondevice import files, records
from ondevice.bundle import Bundle, TestVectors
from ondevice.errors import OnDeviceError, UsageError, unknown_name
from ondevice.ids import OUT_OF_RANGE
from ondevice.manifest import UNKNOWN_RUNTIME, Embedding, Lookup, Manifest, Table, Tensor
from ondevice.quantize import recipe as recipes
from ondevice.training.run_folder import Run, open_run
from ondevice.versions import versions

if TYPE_CHECKING:
    from converters.summary import FileSummary
    from ondevice.quantize.encode import EncodedEmbedding
    from ondevice.quantize.recipe import Recipe

DEFAULT_TARGET = "tflite-2.14"
DEFAULT_TOP_K = 20


def export(
    run: Path | str,
    out: Path | str,
    *,
    recipe: str = "int8",
    target: str = DEFAULT_TARGET,
    top_k: int = DEFAULT_TOP_K,
    out_of_range: str = "unknown",
    exclude_history: bool = True,
    name: str = "",
) -> Bundle:
    """Quantize, convert and check a trained model.

    Every look-up of the file is compared with the NumPy reference on every runtime installed here, for every id, and
    the test vectors are run; nothing is written unless all agree. Only a recipe to compare with skips all checks.

    Args:
        run: folder of a finished training run.
        out: bundle folder to write; must not exist.
        recipe: name of the quantization recipe.
        target: runtime that the file is for.
        top_k: items the file returns per call.
        out_of_range: what an id outside the vocabulary counts as, `"unknown"` or `"padding"`.
        exclude_history: whether the file leaves the items given out of its answer.
        name: name of the model in the manifest; made from method and order if empty.

    Raises:
        UsageError: a name is unknown, the folder is taken, the recipe is not for the run's method, or more items are
            asked for than there are.
        OnDeviceError: the file did not pass.
    """
    from converters.lint import TARGETS

    run, out = Path(run), Path(out)
    files.refuse_existing(out)
    chosen = recipes.load(recipe)
    if target not in TARGETS:
        raise unknown_name("target runtime", target, TARGETS)
    if out_of_range not in OUT_OF_RANGE:
        raise unknown_name("out-of-range policy", out_of_range, OUT_OF_RANGE)
    source = open_run(run)
    if not chosen.suits(source.config.method):
        raise UsageError(
            f"recipe is {recipe!r}, which is for models of method {recipes.COMPARED_METHOD!r} only; "
            f"run {str(run)!r} is of method {source.config.method!r}."
        )
    method = source.method()
    most = method.items - (source.config.history_length if exclude_history else 0)
    if not 1 <= top_k <= most:
        raise UsageError(f"top_k is {top_k}; allowed is 1 to {most} with {method.items} items.")
    with files.new_folder(out) as folder:
        _convert(source, chosen, target, top_k, out_of_range, exclude_history, name, folder)
        opened = bundles.open_bundle(folder)
        if not chosen.comparison:
            _prove(opened)
    return bundles.open_bundle(out)


def _convert(
    source: Run,
    recipe: Recipe,
    target: str,
    top_k: int,
    out_of_range: str,
    exclude_history: bool,
    name: str,
    folder: Path,
) -> None:
    from converters import flatbuffer, stock, verify
    from converters.dense import quantize_dense
    from converters.lower import SIGNATURE, Recommend, lower
    from converters.output import lower_output, output_record
    from converters.sharing import share_constants
    from converters.tflite import convert
    from ondevice.models.scores import SCORES, Scores, output_of, weights_of
    from ondevice.quantize.encode import encode
    from ondevice.training.reference import load_reference, make_vectors

    config, method = source.config, source.method()
    length, size = config.history_length, method.vocabulary_size
    model, values = load_reference(source)
    encoded = encode(method, values, recipe.tables)
    layer = model.get_layer(SCORES)
    output = lower_output(output_of(layer), weights_of(layer), encoded, values, recipe.dense)
    # Keras' own dense layer converts as it is.
    apart = output if isinstance(layer, Scores) else None
    module = Recommend(lower(model, encoded), size, length, top_k, out_of_range, exclude_history, apart)
    content = quantize_dense(convert(module, dynamic_range=recipe.comparison), recipe.dense)
    if output.tables is not None:
        content = share_constants(content)
    summary = flatbuffer.read(content)
    inputs = (Tensor("ids", (1, length), "int32"),)
    outputs = (Tensor("items", (1, top_k), "int32"), Tensor("scores", (1, top_k), "float32"))
    if recipe.comparison:
        dense, tables = stock.dense_format(summary), stock.table_records(content, summary, encoded, values)
    else:
        dense, tables = recipe.dense, _tables(encoded, values)
        verify.verify(content, summary, encoded, SIGNATURE, inputs, outputs, target, output)

    files.write_bytes(folder / bundles.MODEL_FILE, content)
    shutil.copyfile(source.folder / bundles.VOCABULARY_FILE, folder / bundles.VOCABULARY_FILE)
    vectors = make_vectors(model, source, module.replacement, exclude_history, top_k)
    records.write(folder / bundles.TEST_VECTORS_FILE, TestVectors(bundles.SCHEMA_VERSION, vectors))
    contents = (bundles.MODEL_FILE, bundles.VOCABULARY_FILE, bundles.TEST_VECTORS_FILE)
    manifest = Manifest(
        schema_version=bundles.SCHEMA_VERSION,
        name=name or f"{config.method}@{config.order}",
        dataset=config.dataset,
        dataset_summary=source.result.dataset_summary,
        seed=config.seed,
        training_seconds=source.result.seconds,
        signature=SIGNATURE,
        inputs=inputs,
        outputs=outputs,
        vocabulary_size=size,
        history_length=length,
        top_k=top_k,
        out_of_range=out_of_range,
        excludes_history=exclude_history,
        recipe=recipe.name,
        dense=dense,
        comparison=recipe.comparison,
        embedding=_embedding(
            source,
            encoded,
            tables,
            verify.lookup_tensor(summary, length, method.output_width),
            exact=not recipe.comparison,
        ),
        parameters=source.result.model_parameters,
        file_bytes=len(content),
        overhead_bytes=summary.overhead_bytes,
        vocabulary_bytes=(folder / bundles.VOCABULARY_FILE).stat().st_size,
        ops=summary.op_histogram,
        target_runtime="" if recipe.comparison else target,
        minimum_runtime=_minimum_runtime(summary, recipe.comparison),
        score_tolerance_steps=recipe.score_tolerance_steps,
        quality=source.result.test,
        sha256={each: files.sha256(folder / each) for each in contents},
        versions=versions(),
        quality_by_popularity=source.result.by_popularity,
        output=output_record(content, summary, output, encoded, recipe.comparison),
    )
    records.write(folder / bundles.MANIFEST_FILE, manifest)


def _minimum_runtime(summary: FileSummary, comparison: bool) -> str:
    from converters import lint

    try:
        return lint.minimum_runtime(summary)
    except OnDeviceError:
        if comparison:
            return UNKNOWN_RUNTIME
        raise


def _tables(encoded: EncodedEmbedding, values: dict) -> tuple[Table, ...]:
    from ondevice.quantize.encode import table_errors

    return tuple(
        Table(
            name,
            (entry.table.rows, entry.table.width),
            entry.scheme,
            entry.reason,
            entry.folded_into,
            entry.payload_bytes,
            entry.table.bytes,
            *table_errors(entry, values[name]),
        )
        for name, entry in encoded.tables.items()
    )


def _embedding(
    source: Run, encoded: EncodedEmbedding, tables: tuple[Table, ...], tensor: str, exact: bool
) -> Embedding:
    from ondevice.validation.lookups import IDS_PER_BLOCK

    method = encoded.method
    digests = _lookup_digests(encoded, IDS_PER_BLOCK) if exact else ()
    return Embedding(
        source.config.method,
        source.result.parameters,
        source.config.order,
        method.ratio,
        method.stored_parameters,
        method.full_parameters,
        tables,
        Lookup(tensor, method.output_width, IDS_PER_BLOCK, digests),
    )


def _lookup_digests(encoded: EncodedEmbedding, ids_per_block: int) -> tuple[str, ...]:
    import numpy as np

    from ondevice.validation.lookups import block_digests

    digests: tuple[str, ...] = ()
    size = encoded.method.vocabulary_size
    # Block by block, since the vectors of all ids take as much memory as the full table.
    for start in range(0, size, ids_per_block):
        ids = np.arange(start, min(start + ids_per_block, size), dtype=np.int32)
        digests += block_digests(encoded.lookup(ids), ids_per_block)
    return digests


def _prove(bundle: Bundle) -> None:
    from ondevice.devices.kinds.host import Host
    from ondevice.pipeline.validate import cut_lookups
    from ondevice.validation.validate import validate_bundle

    device = Host()
    with tempfile.TemporaryDirectory(prefix="ondevice-") as folder:
        validation = validate_bundle(bundle, device, device.installed(), cut_model=cut_lookups(bundle, Path(folder)))
    failures = [failure for result in validation.results for failure in result.failures]
    if failures:
        reasons = " ".join(f"[{failure.check}] {failure.message}" for failure in failures[:5])
        raise OnDeviceError(f"the converted file did not pass, nothing was written: {reasons}")
