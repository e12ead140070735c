"""The stock converter's file, to compare with: written whatever it is, described as it is, judged by validation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ondevice.bundle import Bundle
from ondevice.converters import flatbuffer
from ondevice.errors import UsageError
from ondevice.manifest import UNKNOWN_RUNTIME
from ondevice.pipeline.export_run import export_run
from ondevice.pipeline.plan import DEFAULT_RECIPES, Plan, check, recipes_of
from ondevice.pipeline.train import configure
from ondevice.pipeline.validate import validate_run
from ondevice.quantize import recipe as recipes
from ondevice.training.run_folder import Run

STOCK = "stock_dynamic_range"


@pytest.fixture(scope="module")
def stock(tiny_run: Callable[[str], Run], tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Bundle]:
    run = tiny_run("full")
    return run, export_run(run.folder, tmp_path_factory.mktemp("stock") / "bundle", recipe=STOCK)


def test_it_is_refused_by_the_older_runtime_and_loads_on_the_newer(stock: tuple[Run, Bundle]) -> None:
    run, bundle = stock
    validation = validate_run(bundle.folder, run.folder, users=20)
    old, new = validation.results
    assert (old.measurement.runtime, old.measurement.status) == ("tflite-2.14", "refused")
    assert "'FULLY_CONNECTED' version '12'" in old.measurement.message
    assert (new.measurement.runtime, new.measurement.status) == ("litert", "ok")
    assert new.quality is not None
    assert not validation.valid


def test_the_manifest_says_what_the_converter_chose(stock: tuple[Run, Bundle]) -> None:
    run, bundle = stock
    manifest, summary = bundle.manifest, flatbuffer.read(bundle.model)
    assert manifest.comparison
    assert (manifest.recipe, manifest.target_runtime, manifest.minimum_runtime) == (STOCK, "", "2.17.0")
    # The hidden layer has 256 weights, too few for the converter to quantize.
    assert manifest.dense == "float32, int8_per_channel"
    (table,) = manifest.tables.values()
    assert (table.name, table.scheme, table.reason) == ("table", "int8_per_tensor", "")
    assert table.payload_bytes == run.method().full_parameters == table.float32_bytes // 4
    assert 0 < table.relative_error < 0.1
    assert manifest.embeddings[0].lookup.sha256 == ()
    assert manifest.ops == summary.op_histogram
    assert manifest.file_bytes - manifest.overhead_bytes == summary.weight_bytes


def test_an_operation_that_no_release_has_is_no_reason_to_stop(
    tiny_run: Callable[[str], Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ondevice.converters.lint.RELEASES", {})
    bundle = export_run(tiny_run("full").folder, tmp_path / "bundle", recipe=STOCK)
    assert bundle.manifest.minimum_runtime == UNKNOWN_RUNTIME


def test_only_the_full_table_is_compared_with(tiny_run: Callable[[str], Run], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'embedding' is compressed; allowed for .* are models of the method 'full'"):
        export_run(tiny_run("memcom").folder, tmp_path / "bundle", recipe=STOCK)
    assert not list(tmp_path.iterdir())


def test_what_is_there_to_compare_with_is_no_recipe_of_ours() -> None:
    assert recipes.names() == [
        "float16",
        "float32",
        "int4",
        "int4_output",
        "int8",
        "int8_small",
        "mixed",
    ]
    assert recipes.load(STOCK).name == STOCK
    assert set(DEFAULT_RECIPES) == {STOCK, "float32", "int8"}


def test_a_run_makes_it_of_the_full_table_only() -> None:
    plan = Plan(
        configure(ratio=8.0),
        variants=("full@as_given", "memcom@semantic"),
        seeds=(0,),
        recipes=DEFAULT_RECIPES,
        target="litert-2.3",
        devices=("host",),
    )
    check(plan)
    assert recipes_of(plan, "full@as_given") == DEFAULT_RECIPES
    assert recipes_of(plan, "memcom@semantic") == ("float32", "int8")
    with pytest.raises(UsageError, match="allowed is at least one that is for 'memcom@semantic'"):
        check(replace(plan, recipes=(STOCK,)))
