"""Exporting for a runtime that gathers int4 rows: native tables, proved where they run, with the same answers."""

from __future__ import annotations

import pytest

from ondevice.cli.main import main
from ondevice.converters import flatbuffer, lint
from ondevice.errors import OnDeviceError
from ondevice.files import sha256
from ondevice.pipeline.export_run import export_run
from ondevice.pipeline.validate import validate_run
from ondevice.quantize.scheme import INT4
from ondevice.training.fit import fit
from tests.tiny_runs import tiny_config, tiny_interactions

OLD, NEW = "tflite-2.14", "litert-2.3"


@pytest.fixture(scope="module", params=[("memcom block", "int4"), ("memcom block", "mixed"), ("output tied", "int4")])
def both(request, tiny_run, tmp_path_factory):
    variant, recipe = request.param
    folder, run = tmp_path_factory.mktemp("native"), tiny_run(variant)
    return run, [export_run(run.folder, folder / name, recipe=recipe, target=name) for name in (OLD, NEW)]


def test_the_numbers_are_those_of_the_portable_file(both) -> None:
    _, (portable, native) = both
    one, other = portable.manifest, native.manifest
    assert other.embeddings[0].lookup.sha256 == one.embeddings[0].lookup.sha256 != ()
    assert list(other.tables) == list(one.tables)
    for left, right in zip(one.tables.values(), other.tables.values(), strict=True):
        assert (right.scheme, right.payload_bytes) == (left.scheme, left.payload_bytes)
        assert (right.max_error, right.relative_error) == (left.max_error, left.relative_error)
        assert left.storage == ""
        assert right.storage == (INT4 if left.scheme == "int4_row" else "")
        assert left.portable == (f"{OLD} does not gather rows of an int4 table" if right.storage else "")
    assert {table.storage for table in other.tables.values()} == {"", INT4}
    assert (other.output, other.recipe) == (one.output, one.recipe)


def test_the_file_has_fewer_operations_and_says_what_it_needs(both) -> None:
    _, (portable, native) = both
    one, other = portable.manifest, native.manifest
    assert (one.minimum_runtime, other.minimum_runtime) == ("2.8.0", "2.15.0")
    assert one.file_bytes - 1_200 < other.file_bytes < one.file_bytes - 800
    fewer = {name: count - other.ops.get(name, 0) for name, count in one.ops.items()}
    expected = {"ADD": 1, "CONCATENATION": 1, "FLOOR": 1, "MUL": 2, "SUB": 1}
    assert {name: count for name, count in fewer.items() if count} == expected
    summary = flatbuffer.read(native.model)
    assert lint.check(summary, NEW) == ()
    assert "GATHER version 7 came with runtime 2.15.0" in " ".join(lint.check(summary, OLD))


def test_two_exports_give_the_same_bytes(both, tmp_path) -> None:
    run, (_, native) = both
    again = export_run(run.folder, tmp_path / "again", recipe=native.manifest.recipe, target=NEW)
    assert sha256(again.model) == sha256(native.model)


def test_only_runtimes_that_can_have_it_are_asked(both, tmp_path, capsys) -> None:
    run, (_, native) = both
    validation = validate_run(native.folder, run.folder, out=tmp_path / "verdict.json")
    assert [result.measurement.runtime for result in validation.results] == ["litert"]
    assert validation.valid
    assert main(["validate", str(native.folder), "--out", str(tmp_path / "verdict.json")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"{OLD}  not asked: the file is for {NEW} and needs release 2.15.0"
    )
    refused = validate_run(native.folder, runtimes=[OLD], out=tmp_path / "verdict.json")
    assert "Didn't find op for builtin opcode" in refused.results[0].failures[0].message


def test_without_a_runtime_for_it_nothing_is_written(tiny_run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("ondevice.devices.kinds.host.Host.installed", lambda self: [OLD])
    with pytest.raises(OnDeviceError, match=rf"is for {NEW} and needs runtime 2\.15\.0, which {OLD} does not have"):
        export_run(tiny_run("memcom block").folder, tmp_path / "bundle", recipe="int4", target=NEW)
    assert not (tmp_path / "bundle").exists()


def test_rows_of_odd_width_stay_portable_and_the_manifest_says_why(tmp_path) -> None:
    config = tiny_config("full", width=15, epochs=1)
    run = fit(config, tiny_interactions(), tmp_path / "run", lambda done, total, share: None)
    bundles = [export_run(run.folder, tmp_path / name, recipe="int4", target=name) for name in (OLD, NEW)]
    [table] = bundles[1].manifest.tables.values()
    assert (table.scheme, table.storage, table.reason) == ("int4_row", "", "")
    assert table.portable == "rows of 15 do not fill whole bytes, so that runtimes would read wrong ones"
    assert sha256(bundles[0].model) == sha256(bundles[1].model)
