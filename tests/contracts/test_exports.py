"""What every export must satisfy: every method and every recipe, on both runtimes, for every id."""

from __future__ import annotations

import hashlib
import json
import math
import zipfile

import numpy as np
import pytest

from ondevice import records
from ondevice.bundle import open_bundle
from ondevice.converters import flatbuffer, lint
from ondevice.converters import target as targets
from ondevice.converters.metadata import Metadata
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.embeddings.method import registry as methods
from ondevice.errors import UsageError
from ondevice.files import sha256
from ondevice.pipeline.export_run import export_run
from ondevice.pipeline.validate import validate_run
from ondevice.quantize import recipe as recipes
from ondevice.topk.parts import INT4
from ondevice.training.choose import choose_output
from ondevice.training.run_folder import Run
from tests.tiny_runs import VARIANTS, tiny_config, tiny_interactions

BUILTINS = {
    "ADD", "BATCH_MATMUL", "BITCAST", "CAST", "CONCATENATION", "DIV", "FLOOR", "FLOOR_DIV", "FLOOR_MOD",
    "FULLY_CONNECTED", "GATHER", "GREATER_EQUAL", "LESS", "LOGICAL_AND", "LOGISTIC", "MAXIMUM", "MINIMUM", "MUL",
    "NEG", "NOT_EQUAL", "ONE_HOT", "REDUCE_MAX", "RESHAPE",
    "SCATTER_ND", "SELECT_V2", "SLICE", "SOFTMAX", "SPLIT", "SPLIT_V", "STRIDED_SLICE", "SUB", "SUM", "TANH", "TILE",
    "TOPK_V2", "UNPACK",
}  # fmt: skip
"""Everything an export of today may use; a new operation is added here on purpose."""


FIRST = {(settings["method"], settings.get("output")): name for name, settings in reversed(VARIANTS.items())}
"""The first variant of each method and of each output layer."""

EXPORTED = [
    *((variant, "float32") for variant in ("full", "memcom block", "output tied bias")),
    *((variant, "int8") for variant in sorted(FIRST.values())),
    *(("full", recipe) for recipe in ("float16", "int4", "mixed")),
    *(("memcom block", recipe) for recipe in ("float16", "int4", "int8_small", "mixed")),
    *(("memcom bias", recipe) for recipe in ("int4", "mixed")),
    *(("quotient_remainder", recipe) for recipe in ("int4", "mixed")),
    ("memcom multipliers", "int4"),
    ("output tied", "int4"),
    *(
        (variant, "int4_output")
        for (_, output), variant in sorted(FIRST.items(), key=str)
        if output or variant == "full"
    ),
    *((variant, "int4_output") for variant in ("output low_rank without bias", "output tied bias")),
]
"""One variant of each method and output layer, and each recipe.

That every variant looks up exactly, `tests/contracts/test_look_ups.py` shows in one file, and
`tests/converters/test_decoding.py` that every scheme does.
"""


def test_every_recipe_is_exported() -> None:
    assert {recipe for _, recipe in EXPORTED} == set(recipes.names())


def test_every_method_is_exported() -> None:
    assert {VARIANTS[variant]["method"] for variant, _ in EXPORTED} == set(methods.names())


@pytest.fixture(scope="module", params=EXPORTED, ids="-".join)
def exported(request, tiny_run, tmp_path_factory):
    variant, recipe = request.param
    run: Run = tiny_run(variant)
    bundle = export_run(run.folder, tmp_path_factory.mktemp("bundle") / "bundle", recipe=recipe, k=20)
    return run, bundle


def test_export(exported) -> None:
    """One test for all that can be read off one export, since making it is what takes the time."""
    run, bundle = exported
    manifest = bundle.manifest
    summary = flatbuffer.read(bundle.model)
    assert set(summary.op_histogram) <= BUILTINS
    assert summary.op_histogram == manifest.ops
    for target in targets.names():
        assert lint.check(summary, target) == ()
    assert not any(operator.custom for operator in summary.operators)
    assert manifest.file_bytes == summary.file_bytes
    assert manifest.file_bytes + manifest.appended_bytes == bundle.model.stat().st_size
    assert manifest.file_bytes - manifest.overhead_bytes == summary.weight_bytes
    assert manifest.minimum_runtime == lint.minimum_runtime(summary) == summary.minimum_runtime

    method = run.method()
    [embedding] = manifest.embeddings
    assert [table.name for table in embedding.tables] == [table.name for table in method.tables()]
    assert embedding.stored_parameters == method.stored_parameters
    recipe = recipes.load(manifest.recipe)
    named = {recipe.tables, recipe.narrow, *recipe.by_table.values()}
    for table in embedding.tables:
        if not recipe.candidates:
            assert bool(table.reason) == (table.scheme not in named)
        assert table.max_error == 0 or table.scheme != "float32"
    output = choose_output(run.config, method)
    assert (manifest.output.name, manifest.output.parameters) == (run.config.output, output.parameters())
    parts = output.parts(recipe.dense)
    formats = set(manifest.dense.split(", "))
    assert formats <= {"float32", "int4_per_tensor", "int8_per_tensor"}
    assert (formats == {"float32"}) == (recipe.dense == "float32")
    # Of product codes all is int8, and a tied layer multiplies with the embedding's rows, which are int4 here.
    assert ("int4_per_tensor" in formats) == (recipe.dense == INT4 and manifest.output.name != "product_codes")
    # Corners of hulls are as many as the values make them; all else is known beforehand.
    known = sum(part.payload_bytes for part in parts if not part.name.startswith("corner"))
    hulls = sum(part.payload_bytes for part in parts) - known
    # Packed rows are no weights of a dense layer: one that is tied to them stores them besides, as int8 or int4.
    packed = [math.prod(table.shape) for table in embedding.tables if table.scheme == "int4_row"]
    besides = sum(packed) // (2 if recipe.dense == INT4 else 1) if manifest.output.name == "tied" else 0
    extra = manifest.output.payload_bytes - known - besides
    assert 0 < extra < 4 * hulls if hulls else extra == 0, "nothing of it is stored twice"
    assert manifest.output.float32_bytes == (output.width + 1) * method.vocabulary_size * 4
    if manifest.recipe == "float32":
        stored = sum(table.payload_bytes for table in embedding.tables)
        empty = sum(math.prod(layout.shape) - method.vocabulary_size for layout in output.layouts.values())
        assert stored == method.stored_bytes + 4 * empty
        assert {table.max_error for table in embedding.tables} == {0.0}


def test_lookups_are_promised_as_the_models_tables_have_them(exported) -> None:
    """Independent of the export, in which every runtime has to keep the promise: computed from Keras' own tables."""
    from ondevice.quantize.encode import encode
    from ondevice.training.reference import load_reference

    run, bundle = exported
    [embedding] = bundle.manifest.embeddings
    _, values = load_reference(run)
    layouts = choose_output(run.config, run.method()).layouts
    encoded = encode(run.method(), values, recipes.load(bundle.manifest.recipe), layouts=layouts)
    every = np.arange(bundle.manifest.inputs[0].size, dtype=np.int32)
    expected = encoded.lookup(every)
    if bundle.manifest.recipe == "float32":
        from ondevice.embeddings.every_id import reference_lookup

        np.testing.assert_array_equal(expected, reference_lookup(run.method(), values, every))
    lookup = embedding.lookup
    assert (lookup.size, lookup.width) == (len(every), run.method().output_width)
    assert [call.shape for call in lookup.calls] == [bundle.manifest.inputs[0].shape]
    assert len(every) <= lookup.ids_per_block
    digest = hashlib.sha256(np.where(expected == 0, np.float32(0), expected).astype("<f4").tobytes()).hexdigest()
    assert lookup.sha256 == (digest,)


def test_vectors_name_the_items_that_the_file_returns(exported) -> None:
    run, bundle = exported
    lines = (bundle.folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == bundle.manifest.inputs[0].size
    for vector in bundle.vectors.vectors:
        items = vector.outputs["items"][: bundle.manifest.head.k]
        assert list(vector.keys) == [lines[int(item)] for item in items]
        assert len(vector.keys) == bundle.manifest.head.k == 20
    assert list(run.vocabulary().keys) == lines


@pytest.mark.parametrize("vocabulary", [True, False])
def test_the_file_carries_what_it_is_and_its_vocabulary(vocabulary: bool, tiny_run, tmp_path) -> None:
    bundle = export_run(tiny_run("memcom block").folder, tmp_path / "bundle", vocabulary=vocabulary)
    manifest, content = bundle.manifest, bundle.model.read_bytes()
    with zipfile.ZipFile(bundle.model) as archive:
        assert archive.namelist() == ["metadata.json", "vocab.txt"][: 1 + vocabulary]
        assert tuple(archive.namelist()) == manifest.appended
        found = records.from_json(Metadata, json.loads(archive.read("metadata.json")), "metadata")
        if vocabulary:
            assert archive.read("vocab.txt") == (bundle.folder / "vocab.txt").read_bytes()
    for name in ("name", "task", "signature", "inputs", "head", "recipe"):
        assert getattr(found, name) == getattr(manifest, name)
    assert found.model_bytes == manifest.file_bytes
    assert found.model_sha256 == hashlib.sha256(content[: manifest.file_bytes]).hexdigest()
    assert found.vocabulary_sha256 == {"vocab.txt": manifest.sha256["vocab.txt"]}


def test_both_runtimes_are_there() -> None:
    assert Host().installed() == ["tflite-2.14", "litert"]


@pytest.fixture(scope="module")
def wide_run(tmp_path_factory) -> Run:
    """Return a model whose output layer has rows that are long enough for scales of their own."""
    from ondevice.training.fit import fit

    config, folder = tiny_config("full", hidden=(64,), epochs=4), tmp_path_factory.mktemp("wide") / "run"
    return fit(config, tiny_interactions(), folder, lambda done, total, share: None)


@pytest.mark.parametrize(
    ("target", "recipe", "dense", "minimum"),
    [
        ("tflite-2.14", "int8", "int8_per_tensor", "2.8.0"),
        ("litert-1.4", "int8", "int8_per_channel, int8_per_tensor", "2.17.0"),
        ("tflite-2.14", "int4_output", "int4_per_tensor, int8_per_tensor", "2.14.0"),
    ],
)
def test_the_target_decides_how_dense_weights_are_scaled(
    target: str, recipe: str, dense: str, minimum: str, wide_run, tmp_path
) -> None:
    bundle = export_run(wide_run.folder, tmp_path / "bundle", target=target, recipe=recipe)
    manifest = bundle.manifest
    assert (manifest.dense, manifest.minimum_runtime, manifest.target_runtime) == (dense, minimum, target)
    fits = [name for name in targets.names() if lint.check(flatbuffer.read(bundle.model), name) == ()]
    assert fits == [name for name in targets.names() if name != "tflite-2.14" or minimum != "2.17.0"]
    validation = validate_run(bundle.folder, wide_run.folder, users=30, max_loss=1.0)
    assert validation.valid
    runtimes = [result.measurement.runtime for result in validation.results]
    assert runtimes == (["litert"] if minimum == "2.17.0" else ["tflite-2.14", "litert"])
    if minimum == "2.17.0":
        # Asked for by name, the older runtime is asked, and refuses it.
        [old] = validate_run(bundle.folder, runtimes=["tflite-2.14"]).results
        assert old.measurement.status == "refused"


def test_four_bits_are_for_items_not_for_labels(tiny_run, tmp_path) -> None:
    manifest = export_run(tiny_run("text memcom").folder, tmp_path / "bundle", recipe="int4_output").manifest
    assert manifest.dense == "int8_per_tensor"


def test_a_recipe_of_before_says_what_is_allowed(tiny_run, tmp_path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "x"\ntables = "int8_row"\ndense = "int8_per_tensor"\nscore_tolerance_steps = 4.0\n')
    words = r"^unknown dense format of recipe '.*mine\.toml' 'int8_per_tensor'\. Choose one of: float32, int4, int8\.$"
    with pytest.raises(UsageError, match=words):
        export_run(tiny_run("full").folder, tmp_path / "bundle", recipe=str(path))


def test_two_exports_give_the_same_bytes(tiny_run, tmp_path) -> None:
    run = tiny_run("memcom block")
    one, two = (export_run(run.folder, tmp_path / name) for name in ("one", "two"))
    assert sha256(one.model) == sha256(two.model)
    assert json.loads((one.folder / "manifest.json").read_text()) == json.loads(
        (two.folder / "manifest.json").read_text()
    )


def test_scales_are_folded_and_not_stored(tiny_run, tmp_path) -> None:
    bundle = export_run(tiny_run("memcom").folder, tmp_path / "bundle")
    [embedding] = bundle.manifest.embeddings
    shared, multiplier = embedding.tables
    assert (shared.scheme, shared.folded_into) == ("int8_row", "multiplier")
    assert shared.payload_bytes == shared.shape[0] * shared.shape[1], "one byte per number and no scales"
    assert multiplier.scheme == "float32"
    assert "as float32" in multiplier.reason


@pytest.mark.parametrize("policy", ["unknown", "padding"])
def test_ids_out_of_range_count_as_chosen(policy: str, tiny_run, tmp_path) -> None:
    bundle = export_run(tiny_run("memcom block").folder, tmp_path / "bundle", out_of_range=policy, recipe="float32")
    manifest = bundle.manifest
    [feature] = manifest.inputs
    row = np.zeros((3, *feature.shape), np.int32)
    row[0, 0, :3] = [5, -7, feature.size]
    row[1, 0, :3] = [5, 1, 1]
    row[2, 0, :3] = [5, 0, 0]
    for runtime in Host().installed():
        outcome = Host().run(Job(bundle.model, runtime, manifest.signature, {"ids": row}))
        items = outcome.outputs["items"]
        np.testing.assert_array_equal(items[0], items[1 if policy == "unknown" else 2])


def test_history_can_be_kept_in_the_answer(tiny_run, tmp_path) -> None:
    run = tiny_run("full")
    bundle = export_run(run.folder, tmp_path / "bundle", exclude_history=False, k=250)
    manifest = open_bundle(bundle.folder).manifest
    assert manifest.head.exclude == ""
    ids = run.evaluation().histories[:5, None, :]
    outcome = Host().run(Job(bundle.model, "litert", manifest.signature, {"ids": ids}))
    returned = [np.isin(ids[n][ids[n] > 1], outcome.outputs["items"][n]).mean() for n in range(5)]
    assert max(returned) > 0.5
