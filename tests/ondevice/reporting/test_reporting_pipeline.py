"""From files to a report and from a report to an exit code: several devices, and files to compare with."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from report_samples import make_report, one_seed_report, two_device_report

from ondevice import records
from ondevice.bundle import MANIFEST_FILE
from ondevice.cli.main import main
from ondevice.errors import UsageError
from ondevice.head import top_k
from ondevice.pipeline.report import report, validations_of
from ondevice.pipeline.validate import is_validated, validation_path
from ondevice.reporting.record import ModelRecord, Report
from tests.manifests import embedding


def write_bundles(sample: Report, folder: Path) -> None:
    for number, model in enumerate(sample.models):
        bundle = folder / f"bundle-{number}"
        records.write(bundle / MANIFEST_FILE, model.manifest)
        for validation in model.validations:
            records.write(validation_path(bundle, validation.device), validation)


def test_every_device_beside_a_bundle_is_gathered_the_host_first(tmp_path: Path) -> None:
    sample = two_device_report()
    write_bundles(sample, tmp_path)
    found = report(tmp_path, remarks=sample.remarks)
    assert found.remarks == sample.remarks
    assert [[validation.device for validation in model.validations] for model in found.models] == [
        ["host", "entry-2018"]
    ] * 14
    assert all(model in sample.models for model in found.models)
    assert records.read(Report, tmp_path / "report.json", "report") == found


def test_validations_of_a_bundle_with_a_longer_name_are_not_its_own(tmp_path: Path) -> None:
    (host, phone) = two_device_report().models[0].validations
    for name, validation in (("int8", host), ("int8", phone), ("int8.entry", host), ("[int8]", phone)):
        records.write(validation_path(tmp_path / name, validation.device), validation)
    assert validations_of(tmp_path / "int8") == (host, phone)
    assert validations_of(tmp_path / "int8.entry") == (host,)
    assert validations_of(tmp_path / "[int8]") == (phone,)
    assert validations_of(tmp_path / "int") == ()


def test_a_validation_of_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    sample = one_seed_report()
    write_bundles(sample, tmp_path)
    stale = replace(sample.models[0].validations[0], model_sha256="cd" * 32)
    records.write(validation_path(tmp_path / "bundle-0", "host"), stale)
    with pytest.raises(UsageError, match=r"bundle-0\.host\.validation\.json' is of another file than bundle"):
        report(tmp_path)


def test_a_run_validates_what_has_changed_since(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_report().models[0]
    monkeypatch.setattr("ondevice.pipeline.validate.open_bundle", lambda folder: model)
    place = validation_path(tmp_path / "bundle", "host")
    assert not is_validated(tmp_path / "bundle", "host")
    for digest, validated in (("ab" * 32, True), ("cd" * 32, False)):
        records.write(place, replace(model.validations[0], model_sha256=digest))
        assert is_validated(tmp_path / "bundle", "host") == validated


def changed(model: ModelRecord, seed: int = 1, **fields: object) -> ModelRecord:
    training = replace(model.manifest.training, seed=seed)
    return replace(model, manifest=replace(model.manifest, training=training, **fields))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "both have seed 1"),
        ({"seed": 9, "head": top_k(10, "ids", 2)}, "differ in answers"),
        ({"seed": 9, "target_runtime": "litert-2.3"}, "differ in target"),
        ({"seed": 9, "embeddings": (embedding(5_002, 64, 50),)}, "differ in parameters"),
    ],
)
def test_different_models_are_not_shown_as_seeds_of_one(tmp_path: Path, fields: dict, why: str) -> None:
    sample = one_seed_report()
    write_bundles(replace(sample, models=(*sample.models, changed(sample.models[0], **fields))), tmp_path)
    with pytest.raises(UsageError, match=rf"bundle-0' and '.*' are both .*, and {why}; .* with another --name"):
        report(tmp_path)
    # By another name it is another row.
    write_bundles(replace(sample, models=(*sample.models, changed(sample.models[0], **fields, name="other"))), tmp_path)
    assert len(report(tmp_path).models) == len(sample.models) + 1


def test_a_bundle_that_no_device_validated_is_not_shown(tmp_path: Path) -> None:
    records.write(tmp_path / "bundle" / MANIFEST_FILE, make_report().models[0].manifest)
    with pytest.raises(UsageError, match="holds no validated bundle"):
        report(tmp_path)


def test_a_model_of_ones_own_is_no_row_of_a_report(tmp_path: Path) -> None:
    sample = one_seed_report()
    write_bundles(replace(sample, models=(*sample.models, changed(sample.models[0], task="", name="mine"))), tmp_path)
    with pytest.raises(UsageError, match="holds 'mine', a model of one's own; a report compares models of a task"):
        report(tmp_path)


def finished(sample: Report, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and recommended bundle of a run that ends with this report."""
    monkeypatch.setattr("ondevice.pipeline.run.run", lambda *args, **options: (sample, Path("out")))
    code = main(["run"])
    found = re.search(r"ondevice validate (\S+)", capsys.readouterr().out)
    assert found
    return code, found[1]


def of(sample: Report, *kept: tuple[str, str]) -> Report:
    return replace(sample, models=tuple(m for m in sample.models if (m.variant, m.manifest.recipe) in kept))


def test_a_refused_file_to_compare_with_is_no_failure_of_a_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full, stock, memcom = ("full", "float32"), ("full", "stock_dynamic_range"), ("memcom@semantic", "int8")
    sample = of(two_device_report(), full, stock, memcom)
    assert finished(sample, monkeypatch, capsys) == (0, "out/memcom@semantic/seed-2/int8")
    # The refused file is the smallest of these, and none to go on with.
    assert finished(of(sample, full, stock), monkeypatch, capsys) == (0, "out/full/seed-2/float32")
    refused = of(two_device_report(), full, ("qr@arbitrary", "int8"))
    assert finished(refused, monkeypatch, capsys)[0] == 1
    assert finished(of(two_device_report(), ("qr@arbitrary", "float32")), monkeypatch, capsys)[0] == 1
    assert finished(of(make_report(), ("qr@arbitrary", "float32")), monkeypatch, capsys)[0] == 0
