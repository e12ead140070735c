"""From a trained run to the files of a bundle: encoded tables, the converted model, its manifest and test vectors."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice import bundle as bundles
from ondevice import files, records
from ondevice import task as tasks
from ondevice.bundle import TestVectors
from ondevice.errors import OnDeviceError
from ondevice.manifest import UNKNOWN_RUNTIME, Embedding, Lookup, Manifest, Table
from ondevice.training.run_folder import Run
from ondevice.versions import versions

if TYPE_CHECKING:
    from converters.stand_ins import StandIn
    from converters.summary import FileSummary
    from ondevice.encoding_error import EncodingError
    from ondevice.models.network import SavedNetwork
    from ondevice.quantize.encode import EncodedEmbedding
    from ondevice.quantize.recipe import Recipe


@dataclass(frozen=True)
class Request:
    """What an export is asked for, checked.

    Args:
        recipe: the quantization recipe.
        target: name of the runtime that the file is for.
        top_k: answers the file gives per call.
        out_of_range: key of `ondevice.ids.OUT_OF_RANGE`.
        exclude_history: whether the file leaves the items given out of its answer.
        vocabulary: whether the file carries the vocabulary, too, at its end.
        name: name of the model in the manifest; made from method and order if empty.
    """

    recipe: Recipe
    target: str
    top_k: int
    out_of_range: str
    exclude_history: bool
    vocabulary: bool
    name: str


def convert(source: Run, request: Request, folder: Path) -> None:
    """Quantize and convert a trained model, check the file and write it with all that belongs to it.

    Args:
        source: the trained model.
        request: what is asked for.
        folder: an empty folder to fill.

    Raises:
        OnDeviceError: the file is not what was asked for.
    """
    from ondevice.models.network import SavedNetwork

    with SavedNetwork(source.model) as saved:
        _convert(saved, source, request, folder)


def _convert(saved: SavedNetwork, source: Run, request: Request, folder: Path) -> None:
    from converters import flatbuffer, stock, verify
    from converters.dense import dense_format, quantize_dense
    from converters.lower import lower
    from converters.metadata import SCHEMA_VERSION as METADATA_VERSION
    from converters.metadata import Metadata, append_metadata
    from converters.native import pack_int4, with_native_tables
    from converters.output import lower_output, output_record
    from converters.sharing import share_constants
    from converters.signature import registry as signatures
    from converters.stamp import stamped
    from converters.stand_ins import output_with_stand_ins, with_stand_ins
    from converters.tflite import convert as to_tflite
    from ondevice.models.scores import SCORES
    from ondevice.quantize.encode import encode
    from ondevice.quantize.errors import encoding_error
    from ondevice.topk.parts import INT4, INT8
    from ondevice.training.reference import make_vectors
    from ondevice.training.sample_texts import make_texts

    recipe, config, method = request.recipe, source.config, source.method()
    task, labels = tasks.load(source.result.task), source.result.labels
    length, size = config.history_length, method.vocabulary_size
    model = saved.model
    values = {name: table[()] for name, table in saved.tables().items()}
    layer = model.get_layer(SCORES)
    member = layer.member
    encoded = encode(method, values, recipe, member.reads_whole, member.layouts)
    if not recipe.comparison:
        encoded = with_native_tables(encoded, request.target)
    # The few columns that labels need are not worth a factor each: four bits are for items.
    number_format = INT8 if labels and recipe.dense == INT4 else recipe.dense
    output = lower_output(member, layer.values(), encoded, values, number_format)
    vocabulary = source.vocabulary()
    if not recipe.comparison:
        tables, error = _tables(encoded, values), encoding_error(encoded, values, vocabulary.keys)
        # A large table is held once: here up to now, in the model where that answers.
        values = {}
    # Labels are answered by all their scores.
    apart = None if labels else output
    short: EncodedEmbedding = encoded
    stand_ins: tuple[StandIn, ...] = ()
    # What the converter quantizes itself it must be given as a whole.
    if not recipe.comparison:
        short, stand_ins = with_stand_ins(encoded)
        if apart is not None:
            apart, others = output_with_stand_ins(apart, encoded)
            stand_ins += others
    module = signatures.load(task.name)(
        lower(model, short, hidden=apart is not None),
        size,
        length,
        request.top_k,
        request.out_of_range,
        request.exclude_history,
        apart,
    )
    content = pack_int4(to_tflite(module, recipe.comparison, task.signature), short)
    content = quantize_dense(content, recipe.dense, request.target)
    if not recipe.comparison:
        # While the file is small, since a stamp may be a copy of it.
        content = stamped(content)
    if stand_ins or output.tables is not None:
        content = share_constants(content, stand_ins)
    summary = flatbuffer.read(content)
    if recipe.comparison:
        tables = stock.table_records(content, summary, encoded, values)
        error = stock.vector_error(content, summary, encoded, values, vocabulary.keys)
    else:
        verify.verify(content, summary, encoded, task.signature, module.inputs, module.outputs, request.target, output)

    name = request.name or f"{config.method}@{config.order}"
    files.write_bytes(folder / bundles.MODEL_FILE, content)
    shutil.copyfile(source.folder / bundles.VOCABULARY_FILE, folder / bundles.VOCABULARY_FILE)
    metadata = Metadata(
        schema_version=METADATA_VERSION,
        name=name,
        signature=task.signature,
        vocabulary_size=size,
        history_length=length,
        out_of_range=request.out_of_range,
        recipe=recipe.name,
        model_bytes=len(content),
        model_sha256=files.sha256(folder / bundles.MODEL_FILE),
        vocabulary_sha256=files.sha256(folder / bundles.VOCABULARY_FILE),
        task=task.name,
        labels=labels,
        tokenizer=source.result.tokenizer,
    )
    carried = folder / bundles.VOCABULARY_FILE if request.vocabulary else None
    appended_bytes = append_metadata(folder / bundles.MODEL_FILE, metadata, carried)
    if labels:
        # Probabilities leap: what coarse tables change would look like a fault of the file.
        model = lower(model, encoded, held=True)
    else:
        saved.embedding.write_tables(saved.tables())
    vectors = make_vectors(model, source, vocabulary, module.replacement, request.exclude_history, request.top_k)
    texts = make_texts(source, vocabulary)
    records.write(folder / bundles.TEST_VECTORS_FILE, TestVectors(bundles.SCHEMA_VERSION, vectors, texts))
    contents = (bundles.MODEL_FILE, bundles.VOCABULARY_FILE, bundles.TEST_VECTORS_FILE)
    manifest = Manifest(
        schema_version=bundles.SCHEMA_VERSION,
        name=name,
        dataset=config.dataset,
        dataset_summary=source.result.dataset_summary,
        seed=config.seed,
        training_seconds=source.result.seconds,
        signature=task.signature,
        inputs=module.inputs,
        outputs=module.outputs,
        vocabulary_size=size,
        history_length=length,
        top_k=request.top_k,
        out_of_range=request.out_of_range,
        excludes_history=request.exclude_history,
        recipe=recipe.name,
        dense=dense_format(summary),
        comparison=recipe.comparison,
        embedding=_embedding(
            source,
            encoded,
            tables,
            verify.lookup_tensor(summary, length, method.output_width),
            error,
            exact=not recipe.comparison,
        ),
        parameters=source.result.model_parameters,
        file_bytes=len(content),
        overhead_bytes=summary.overhead_bytes,
        vocabulary_bytes=(folder / bundles.VOCABULARY_FILE).stat().st_size,
        ops=summary.op_histogram,
        target_runtime="" if recipe.comparison else request.target,
        minimum_runtime=_minimum_runtime(summary, recipe.comparison),
        score_tolerance_steps=recipe.score_tolerance_steps,
        quality=source.result.test,
        sha256={each: files.sha256(folder / each) for each in contents},
        versions=versions(),
        quality_by_popularity=source.result.by_popularity,
        output=output_record(content, summary, output, encoded, recipe.comparison),
        appended_bytes=appended_bytes,
        appended=tuple(each.name for each in flatbuffer.read(folder / bundles.MODEL_FILE).appended),
        task=task.name,
        labels=labels,
        tokenizer=source.result.tokenizer,
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
            entry.storage,
            entry.portable,
        )
        for name, entry in encoded.tables.items()
    )


def _embedding(
    source: Run,
    encoded: EncodedEmbedding,
    tables: tuple[Table, ...],
    tensor: str,
    error: EncodingError,
    exact: bool,
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
        error,
    )


def _lookup_digests(encoded: EncodedEmbedding, ids_per_block: int) -> tuple[str, ...]:
    from ondevice.devices.runner import RowHash
    from ondevice.embeddings.every_id import id_blocks

    size = encoded.method.vocabulary_size
    digests = RowHash(size, ids_per_block)
    # Block by block, since the vectors of all ids take as much memory as the full table.
    for ids in id_blocks(size, ids_per_block):
        digests.add(encoded.lookup(ids))
    return tuple(digests.finish())
