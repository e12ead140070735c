"""From a finished conversion to the files of a bundle: the model, its vocabularies, test vectors and manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ondevice import bundle as bundles
from ondevice import files, records
from ondevice.bundle import TestText, TestVector, TestVectors
from ondevice.manifest import Embedding, Lookup, Manifest, OutputLayer, Table, Training
from ondevice.validation.lookups import IDS_PER_BLOCK
from ondevice.versions import versions

if TYPE_CHECKING:
    from ondevice.converters.converted import Converted, ConvertedLayer, ConvertedOutput
    from ondevice.converters.stock import StockFile
    from ondevice.encoding_error import EncodingError
    from ondevice.quantize.encode import EncodedEmbedding


@dataclass(frozen=True, eq=False)
class About:
    """What a bundle says beyond what its file tells.

    Args:
        name: name of the model.
        recipe: name of the quantization recipe.
        target: name of the runtime that the file is for; empty for a file of the stock converter.
        tolerance_steps: largest difference that counts as equal, in steps of 1/255 of the range of the reference.
        parameters: numbers that the whole model stores.
        vocabularies: the keys of every vocabulary, in the order of the ids, by its file name.
        vectors: calls with the reference's answers.
        texts: texts with their ids.
        carries: whether the file carries its vocabularies, too, at its end.
        task: the task of ours that the model was trained for.
        orders: the id order of each layer, by name, see `ondevice.manifest.Embedding`.
        training: how the model was trained.
        titles: what ids are called for people, by the file's name.
    """

    name: str
    recipe: str
    target: str
    tolerance_steps: float
    parameters: int
    vocabularies: Mapping[str, Sequence[str]]
    vectors: tuple[TestVector, ...]
    texts: tuple[TestText, ...] = ()
    carries: bool = True
    task: str = ""
    orders: Mapping[str, str] = field(default_factory=dict)
    training: Training = field(default_factory=Training)
    titles: Mapping[str, Sequence[str]] = field(default_factory=dict)


def write_bundle(folder: Path, converted: Converted, about: About, stock: StockFile | None = None) -> None:
    """Write a conversion with all that belongs to it.

    Args:
        folder: an empty folder to fill.
        converted: the conversion.
        about: what else the bundle says.
        stock: what the stock converter made, if it is a file of that; then nothing is promised of its look-ups.
    """
    from ondevice.converters import flatbuffer
    from ondevice.converters.digests import constant_digests
    from ondevice.converters.metadata import SCHEMA_VERSION as METADATA_VERSION
    from ondevice.converters.metadata import Metadata, append_metadata

    model = folder / bundles.MODEL_FILE
    files.write_bytes(model, converted.content)
    vocabularies = [folder / name for name in about.vocabularies]
    for name, lines in {**about.vocabularies, **about.titles}.items():
        files.write_text(folder / name, "".join(f"{line}\n" for line in lines))
    metadata = Metadata(
        schema_version=METADATA_VERSION,
        name=about.name,
        task=about.task,
        signature=converted.signature,
        inputs=converted.inputs,
        head=converted.head,
        recipe=about.recipe,
        model_bytes=len(converted.content),
        model_sha256=files.sha256(model),
        vocabulary_sha256={path.name: files.sha256(path) for path in vocabularies},
    )
    appended_bytes = append_metadata(model, metadata, vocabularies if about.carries else [])
    vectors = TestVectors(bundles.SCHEMA_VERSION, about.vectors, about.texts)
    records.write(folder / bundles.TEST_VECTORS_FILE, vectors)
    keys_of = {each.name: about.vocabularies[each.vocabulary] for each in converted.inputs if each.vocabulary}
    contents = (bundles.MODEL_FILE, *about.vocabularies, *about.titles, bundles.TEST_VECTORS_FILE)
    manifest = Manifest(
        schema_version=bundles.SCHEMA_VERSION,
        name=about.name,
        task=about.task,
        signature=converted.signature,
        inputs=converted.inputs,
        outputs=converted.outputs,
        head=converted.head,
        embeddings=tuple(
            _embedding(name, layer, about.orders.get(name, ""), keys_of, stock)
            for name, layer in converted.layers.items()
        ),
        skipped=dict(converted.skipped),
        recipe=about.recipe,
        dense=converted.dense,
        parameters=about.parameters,
        file_bytes=len(converted.content),
        overhead_bytes=converted.summary.overhead_bytes,
        vocabulary_bytes=sum(path.stat().st_size for path in vocabularies),
        ops=converted.summary.op_histogram,
        target_runtime=about.target,
        minimum_runtime=converted.minimum_runtime,
        score_tolerance_steps=about.tolerance_steps,
        sha256={each: files.sha256(folder / each) for each in contents},
        versions=versions(),
        training=about.training,
        output=_output(converted.output) if converted.output is not None else None,
        appended_bytes=appended_bytes,
        appended=tuple(each.name for each in flatbuffer.read(model).appended),
        constants=constant_digests(converted.content),
    )
    records.write(folder / bundles.MANIFEST_FILE, manifest)


def _embedding(
    name: str, layer: ConvertedLayer, order: str, keys_of: Mapping[str, Sequence[str]], stock: StockFile | None
) -> Embedding:
    from ondevice.quantize.errors import encoding_error
    from ondevice.registry import member_name

    method, encoded = layer.tables.method, layer.encoded
    keys = next((keys_of[feature] for feature in layer.features if feature in keys_of), ())
    keys = keys if len(keys) == encoded.size else ()
    tables: tuple[Table, ...]
    error: EncodingError
    digests: tuple[str, ...] = ()
    if stock is not None:
        tables, error = (stock.tables[name],), stock.errors[name]
    else:
        places = layer.tables.order
        ids = range(encoded.size) if places is None else np.argsort(places).tolist()
        names = [keys[id_] for id_ in ids] if keys else [str(id_) for id_ in ids]
        tables, error = _tables(layer), encoding_error(encoded, layer.tables.values, names)
        error = replace(error, worst=tuple(replace(each, id=ids[each.id]) for each in error.worst))
        digests = lookup_digests(encoded)
    return Embedding(
        name,
        layer.features,
        member_name(type(method)),
        method.parameters(),
        order,
        method.ratio,
        method.stored_parameters,
        method.full_parameters,
        tables,
        Lookup(layer.calls, encoded.size, method.output_width, IDS_PER_BLOCK, digests),
        error,
    )


def _tables(layer: ConvertedLayer) -> tuple[Table, ...]:
    from ondevice.quantize.encode import ORDER, table_errors

    return tuple(
        Table(
            name,
            (entry.table.rows, entry.table.width),
            entry.scheme,
            entry.reason,
            entry.folded_into,
            entry.payload_bytes,
            entry.table.bytes,
            *((0.0, 0.0) if name == ORDER else table_errors(entry, layer.tables.values[name])),
            entry.storage,
            entry.portable,
        )
        for name, entry in layer.encoded.tables.items()
    )


def lookup_digests(encoded: EncodedEmbedding) -> tuple[str, ...]:
    """Return what look-ups of all ids must give, see `ondevice.manifest.Lookup`."""
    from ondevice.devices.runner import RowHash
    from ondevice.embeddings.every_id import id_blocks

    digests = RowHash(encoded.size, IDS_PER_BLOCK)
    # Block by block, since the vectors of all ids take as much memory as the full table.
    for ids in id_blocks(encoded.size, IDS_PER_BLOCK):
        digests.add(encoded.lookup(ids))
    return tuple(digests.finish())


def _output(output: ConvertedOutput) -> OutputLayer:
    from ondevice.models.output import dense_bytes, output_name

    member = output.lowered.member
    whole = dense_bytes(member.vocabulary_size, member.width)
    return OutputLayer(output_name(member), member.parameters(), output.payload_bytes, whole)
