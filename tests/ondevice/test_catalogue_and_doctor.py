"""What is known before any training: costs of the methods, and what this machine has."""

from __future__ import annotations

import pytest

from ondevice.embeddings.method import registry
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.pipeline import doctor as doctor_module
from ondevice.pipeline.catalogue import catalogue
from ondevice.pipeline.doctor import doctor
from ondevice.quantize import recipe as recipes
from ondevice.quantize.encode import encode
from tests.samples import sample_tables


def test_every_method_is_listed_and_hand_worked_sizes_hold() -> None:
    entries = {entry.method: entry for entry in catalogue(1_000, 32, 8.0)}
    assert sorted(entries) == registry.names()
    full = entries["full"]
    assert (full.parameters, full.ratio) == (1_002 * 32, 1.0)
    assert full.payload_bytes == {
        "float32": 1_002 * 32 * 4,
        "float16": 1_002 * 32 * 2,
        "int8": 1_002 * (32 + 4),
        "int8_small": 1_002 * (32 + 4),
        "int4": 1_002 * (16 + 1) + 256 * 4,
        "int4_output": 1_002 * (16 + 1) + 256 * 4,
    }


@pytest.mark.parametrize("name", registry.names())
def test_promised_bytes_are_those_of_the_encoded_tables(name: str) -> None:
    [entry] = [entry for entry in catalogue(700, 16, 4.0) if entry.method == name]
    method = registry.load(name).for_ratio(700 + RESERVED_IDS, 16, 1.0 if name == "full" else 4.0)
    values = sample_tables(method, 0)
    for recipe, promised in entry.payload_bytes.items():
        assert encode(method, values, recipes.load(recipe)).payload_bytes == promised


@pytest.mark.parametrize(("size", "rest"), [({"ratio": 40.0}, {}), ({"budget_bytes": 300_000}, {"recipe": "int8"})])
def test_share_used_is_of_what_was_asked_for(size: dict, rest: dict) -> None:
    entries = {entry.method: entry for entry in catalogue(40_981, 64, **size, **rest)}
    for entry in entries.values():
        if rest:
            assert entry.used == entry.payload_bytes.get("int8", 0) / 300_000
        else:
            assert entry.used == pytest.approx(entry.parameters / (40_983 * 64 / 40), rel=1e-4)
        assert (entry.used > 1) == (entry.method == "full")
    assert entries["hashing"].used > 0.98
    # One number of 64, where 1.6 were asked for.
    assert rest or entries["reduced_width"].used == pytest.approx(0.625)


def test_a_method_out_of_reach_says_why() -> None:
    refusals = {entry.method: entry.refusal for entry in catalogue(500, 16, 15.9)}
    assert refusals["full"] == ""
    assert "it stores 1 number per id and 3 rows at least, so it can reach at most 14." in refusals["memcom"]


@pytest.mark.parametrize(("items", "width", "ratio"), [(0, 8, 2), (10, 0, 2), (10, 8, 0.5), (10, 8, float("nan"))])
def test_senseless_requests_are_refused(items: int, width: int, ratio: float) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        catalogue(items, width, ratio)


def test_a_budget_sizes_every_method_but_the_full_table() -> None:
    entries = {entry.method: entry for entry in catalogue(1_000, 32, budget_bytes=9_000, recipe="float32")}
    assert entries["full"].payload_bytes["float32"] == 1_002 * 32 * 4
    # 70 rows of 128 bytes.
    assert entries["hashing"].payload_bytes["float32"] == 8_960
    reached = [entry for entry in entries.values() if not entry.refusal and entry.method != "full"]
    assert all(entry.payload_bytes["float32"] <= 9_000 for entry in reached)
    assert "with the least it can store, shared 3 x 32" in catalogue_refusals(3_000)["memcom"]


def catalogue_refusals(budget_bytes: int) -> dict[str, str]:
    return {entry.method: entry.refusal for entry in catalogue(1_000, 32, budget_bytes=budget_bytes)}


def test_doctor_finds_everything_here() -> None:
    assert all(finding.ok for finding in doctor())


def test_doctor_names_the_command_for_what_is_missing(monkeypatch) -> None:
    monkeypatch.setattr(doctor_module, "package_version", lambda name: "not installed")
    findings = {finding.name: finding for finding in doctor()}
    assert "pip install tensorflow" in findings["tensorflow"].message
    assert not findings["tflite-runtime"].needed


def test_doctor_sees_the_clash_with_numpy_2(monkeypatch) -> None:
    versions = {"numpy": "2.1.0", "tflite-runtime": "2.14.0"}
    monkeypatch.setattr(doctor_module, "package_version", lambda name: versions.get(name, "1.0"))
    [clash] = [finding for finding in doctor() if not finding.ok]
    assert "numpy 2.1.0 breaks tflite-runtime 2.14.0" in clash.message
