"""What every export must satisfy: every method x every recipe, on both runtimes, for every id."""

from __future__ import annotations

import hashlib
import json
import math
import zipfile

import numpy as np
import pytest

from converters import flatbuffer, lint
from converters import target as targets
from converters.cut import cut
from converters.metadata import Metadata
from ondevice import records
from ondevice.bundle import open_bundle
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.embeddings.method import registry as methods
from ondevice.errors import UsageError
from ondevice.files import sha256
from ondevice.pipeline.export import export
from ondevice.pipeline.validate import validate
from ondevice.quantize import recipe as recipes
from ondevice.topk.parts import INT4
from ondevice.training.choose import choose_output
from ondevice.training.run_folder import Run
from tests.conftest import GOLDEN_FOLDER
from tests.tiny_runs import VARIANTS, tiny_config, tiny_interactions

OPERATIONS_FILE = "operations.md"

BUILTINS = {
    "ADD", "BATCH_MATMUL", "BITCAST", "CAST", "CONCATENATION", "DIV", "FLOOR", "FLOOR_DIV", "FLOOR_MOD",
    "FULLY_CONNECTED", "GATHER", "GREATER_EQUAL", "LESS", "LOGICAL_AND", "LOGISTIC", "MAXIMUM", "MINIMUM", "MUL",
    "NEG", "NOT_EQUAL", "ONE_HOT", "REDUCE_MAX", "RESHAPE",
    "SCATTER_ND", "SELECT_V2", "SLICE", "SOFTMAX", "SPLIT", "SPLIT_V", "STRIDED_SLICE", "SUB", "SUM", "TANH", "TILE",
    "TOPK_V2", "UNPACK",
}  # fmt: skip
"""Everything an export of today may use; a new operation is added here on purpose."""


EVERYWHERE = "float32"
"""Recipe that every variant is exported with."""

FIRST = {(settings["method"], settings.get("output")): name for name, settings in reversed(VARIANTS.items())}
"""The first variant of each method and of each output layer."""

ELSEWHERE = [
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
"""What is exported with the others; that all schemes look up exactly, `tests/converters/test_decoding.py` shows."""


def test_every_recipe_is_exported() -> None:
    assert {EVERYWHERE, *(recipe for _, recipe in ELSEWHERE)} == set(recipes.names(comparison=False))


def test_every_method_is_exported() -> None:
    assert {settings["method"] for settings in VARIANTS.values()} == set(methods.names())


@pytest.fixture(
    scope="module",
    params=[*((variant, EVERYWHERE) for variant in VARIANTS), *ELSEWHERE],
    ids=lambda p: "-".join(p),
)
def exported(request, tiny_run, tmp_path_factory):
    variant, recipe = request.param
    run: Run = tiny_run(variant)
    bundle = export(run.folder, tmp_path_factory.mktemp("bundle") / "bundle", recipe=recipe, top_k=20)
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
    assert [table.name for table in manifest.embedding.tables] == [table.name for table in method.tables()]
    assert manifest.embedding.stored_parameters == method.stored_parameters
    recipe = recipes.load(manifest.recipe)
    for table in manifest.embedding.tables:
        if not recipe.candidates:
            assert bool(table.reason) == (table.scheme not in recipe.schemes)
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
    packed = [math.prod(table.shape) for table in manifest.embedding.tables if table.scheme == "int4_row"]
    besides = sum(packed) // (2 if recipe.dense == INT4 else 1) if manifest.output.name == "tied" else 0
    extra = manifest.output.payload_bytes - known - besides
    assert 0 < extra < 4 * hulls if hulls else extra == 0, "nothing of it is stored twice"
    assert manifest.output.float32_bytes == (output.width + 1) * method.vocabulary_size * 4
    if manifest.recipe == "float32":
        stored = sum(table.payload_bytes for table in manifest.embedding.tables)
        empty = sum(math.prod(layout.shape) - method.vocabulary_size for layout in output.layouts.values())
        assert stored == method.stored_bytes + 4 * empty
        assert {table.max_error for table in manifest.embedding.tables} == {0.0}


def test_lookups_are_exact_for_every_id_on_every_runtime(exported, tmp_path) -> None:
    """Independent of the gate inside export: the expected vectors are recomputed from the Keras model's tables."""
    from ondevice.quantize.encode import encode
    from ondevice.training.reference import load_reference

    run, bundle = exported
    manifest = bundle.manifest
    _, values = load_reference(run)
    layouts = choose_output(run.config, run.method()).layouts
    encoded = encode(run.method(), values, recipes.load(manifest.recipe), layouts=layouts)
    every = np.arange(manifest.vocabulary_size, dtype=np.int32)
    expected = encoded.lookup(every)
    if manifest.recipe == "float32":
        from ondevice.embeddings.every_id import reference_lookup

        np.testing.assert_array_equal(expected, reference_lookup(run.method(), values, every))
    length, lookup = manifest.history_length, manifest.embedding.lookup
    ids = np.pad(every, (0, -len(every) % length)).reshape(-1, 1, length)
    part = tmp_path / "part.tflite"
    part.write_bytes(cut(bundle.model.read_bytes(), manifest.signature, lookup.tensor))
    for runtime in Host().installed():
        outcome = Host().run(Job(part, runtime, manifest.signature, {"ids": ids}, warmups=0))
        assert outcome.measurement.ok, outcome.measurement.message
        np.testing.assert_array_equal(outcome.outputs["vectors"].reshape(-1, lookup.width)[: len(every)], expected)
    if manifest.recipe == "float32" and manifest.output.name == "dense":
        # What a look-up costs is documented, and does not change unnoticed.
        row = operations_row(run.folder.name, flatbuffer.read(part).op_histogram)
        assert row in (GOLDEN_FOLDER / OPERATIONS_FILE).read_text(encoding="utf-8").splitlines()

    # What the manifest says of these vectors, with which any device can check the file.
    assert lookup.width == run.method().output_width
    assert len(every) <= lookup.ids_per_block
    digest = hashlib.sha256(np.where(expected == 0, np.float32(0), expected).astype("<f4").tobytes()).hexdigest()
    assert lookup.sha256 == (digest,)


def operations_row(variant: str, histogram: dict[str, int]) -> str:
    """Return a row of the table of operations."""
    counted = ", ".join(f"{count} {name}" if count > 1 else name for name, count in sorted(histogram.items()))
    return f"| {variant.replace('-', ' ')} | {sum(histogram.values())} | {counted} |"


def test_the_table_of_operations_has_no_row_too_many() -> None:
    lines = (GOLDEN_FOLDER / OPERATIONS_FILE).read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")]
    assert rows[2:] == [variant for variant, settings in VARIANTS.items() if "output" not in settings]


def test_vectors_name_the_items_that_the_file_returns(exported) -> None:
    run, bundle = exported
    lines = (bundle.folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == bundle.manifest.vocabulary_size
    for vector in bundle.vectors.vectors:
        assert list(vector.keys) == [lines[item] for item in vector.items[: bundle.manifest.top_k]]
        assert len(vector.keys) == bundle.manifest.top_k
    assert list(run.vocabulary().keys) == lines


@pytest.mark.parametrize("vocabulary", [True, False])
def test_the_file_carries_what_it_is_and_its_vocabulary(vocabulary: bool, tiny_run, tmp_path) -> None:
    bundle = export(tiny_run("memcom block").folder, tmp_path / "bundle", vocabulary=vocabulary)
    manifest, content = bundle.manifest, bundle.model.read_bytes()
    with zipfile.ZipFile(bundle.model) as archive:
        assert archive.namelist() == ["metadata.json", "vocab.txt"][: 1 + vocabulary]
        assert tuple(archive.namelist()) == manifest.appended
        found = records.from_json(Metadata, json.loads(archive.read("metadata.json")), "metadata")
        if vocabulary:
            assert archive.read("vocab.txt") == (bundle.folder / "vocab.txt").read_bytes()
    for name in ("name", "signature", "vocabulary_size", "history_length", "out_of_range", "recipe"):
        assert getattr(found, name) == getattr(manifest, name)
    assert found.model_bytes == manifest.file_bytes
    assert found.model_sha256 == hashlib.sha256(content[: manifest.file_bytes]).hexdigest()
    assert found.vocabulary_sha256 == manifest.sha256["vocab.txt"]


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
    bundle = export(wide_run.folder, tmp_path / "bundle", target=target, recipe=recipe)
    manifest = bundle.manifest
    assert (manifest.dense, manifest.minimum_runtime, manifest.target_runtime) == (dense, minimum, target)
    fits = [name for name in targets.names() if lint.check(flatbuffer.read(bundle.model), name) == ()]
    assert fits == [name for name in targets.names() if name != "tflite-2.14" or minimum != "2.17.0"]
    validation = validate(bundle.folder, wide_run.folder, users=30, max_loss=1.0)
    assert validation.valid
    runtimes = [result.measurement.runtime for result in validation.results]
    assert runtimes == (["litert"] if minimum == "2.17.0" else ["tflite-2.14", "litert"])
    if minimum == "2.17.0":
        # Asked for by name, the older runtime is asked, and refuses it.
        [old] = validate(bundle.folder, runtimes=["tflite-2.14"]).results
        assert old.measurement.status == "refused"


def test_four_bits_are_for_items_not_for_labels(tiny_run, tmp_path) -> None:
    manifest = export(tiny_run("text memcom").folder, tmp_path / "bundle", recipe="int4_output").manifest
    assert manifest.dense == "int8_per_tensor"


def test_a_recipe_of_before_says_what_is_allowed(tiny_run, tmp_path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "x"\ntables = "int8_row"\ndense = "int8_per_tensor"\nscore_tolerance_steps = 4.0\n')
    words = r"^unknown dense format of recipe '.*mine\.toml' 'int8_per_tensor'\. Choose one of: float32, int4, int8\.$"
    with pytest.raises(UsageError, match=words):
        export(tiny_run("full").folder, tmp_path / "bundle", recipe=str(path))


def test_two_exports_give_the_same_bytes(tiny_run, tmp_path) -> None:
    run = tiny_run("memcom block")
    one, two = (export(run.folder, tmp_path / name) for name in ("one", "two"))
    assert sha256(one.model) == sha256(two.model)
    assert json.loads((one.folder / "manifest.json").read_text()) == json.loads(
        (two.folder / "manifest.json").read_text()
    )


def test_scales_are_folded_and_not_stored(tiny_run, tmp_path) -> None:
    bundle = export(tiny_run("memcom").folder, tmp_path / "bundle")
    shared, multiplier = bundle.manifest.embedding.tables
    assert (shared.scheme, shared.folded_into) == ("int8_row", "multiplier")
    assert shared.payload_bytes == shared.shape[0] * shared.shape[1], "one byte per number and no scales"
    assert multiplier.scheme == "float32"
    assert "as float32" in multiplier.reason


@pytest.mark.parametrize("policy", ["unknown", "padding"])
def test_ids_out_of_range_count_as_chosen(policy: str, tiny_run, tmp_path) -> None:
    bundle = export(tiny_run("memcom block").folder, tmp_path / "bundle", out_of_range=policy, recipe="float32")
    manifest = bundle.manifest
    row = np.zeros((3, 1, manifest.history_length), np.int32)
    row[0, 0, :3] = [5, -7, manifest.vocabulary_size]
    row[1, 0, :3] = [5, 1, 1]
    row[2, 0, :3] = [5, 0, 0]
    for runtime in Host().installed():
        outcome = Host().run(Job(bundle.model, runtime, manifest.signature, {"ids": row}))
        items = outcome.outputs["items"]
        np.testing.assert_array_equal(items[0], items[1 if policy == "unknown" else 2])


def test_history_can_be_kept_in_the_answer(tiny_run, tmp_path) -> None:
    run = tiny_run("full")
    bundle = export(run.folder, tmp_path / "bundle", exclude_history=False, top_k=250)
    manifest = open_bundle(bundle.folder).manifest
    assert not manifest.excludes_history
    ids = run.evaluation().histories[:5, None, :]
    outcome = Host().run(Job(bundle.model, "litert", manifest.signature, {"ids": ids}))
    returned = [np.isin(ids[n][ids[n] > 1], outcome.outputs["items"][n]).mean() for n in range(5)]
    assert max(returned) > 0.5
