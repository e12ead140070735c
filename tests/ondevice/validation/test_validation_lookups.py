"""Every id's look-up is compared, on any device and without the run; one wrong number is found and its block named."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from ondevice.bundle import open_bundle
from ondevice.devices.runner import digests_of
from ondevice.manifest import Lookup, LookupCall
from ondevice.pipeline.validate import validate_run
from ondevice.validation import lookups
from ondevice.validation.record import Failure
from tests.ondevice.validation.bundle_edits import Recording, constant, edit_model, failures_of, promise_lookups, reseal


def encoded_of(run):
    from ondevice.quantize import recipe
    from ondevice.quantize.encode import encode
    from ondevice.training.reference import load_reference

    _, values = load_reference(run)
    return encode(run.method(), values, recipe.load("int8"))


def in_blocks(folder: Path, run, ids_per_block: int) -> None:
    """Let the manifest promise the same look-ups in smaller blocks."""
    [feature] = open_bundle(folder).manifest.inputs
    vectors = encoded_of(run).lookup(np.arange(feature.size, dtype=np.int32))
    blocks = np.split(vectors, range(ids_per_block, len(vectors), ids_per_block))
    digests = tuple(hashlib.sha256(block.tobytes()).hexdigest() for block in blocks)
    promise_lookups(folder, ids_per_block=ids_per_block, sha256=digests)


def change_one_multiplier(folder: Path, run, item: int) -> None:
    """Move one id's multiplier to the next number there is."""
    multipliers = encoded_of(run).tables["multiplier"].arrays["values"]
    wrong = multipliers.copy()
    wrong[item] = np.nextafter(wrong[item], np.float32(9))

    def change(model) -> None:
        constant(model, multipliers.tobytes()).data = np.frombuffer(wrong.tobytes(), np.uint8)

    edit_model(folder, change)
    reseal(folder)


def test_vectors_stay_where_they_are_computed(copy, good, tmp_path, monkeypatch) -> None:
    """Those of all ids may take more memory than the model, and long to be brought from a device."""
    in_blocks(copy, good[1], 20)
    monkeypatch.setattr(lookups, "IDS_PER_JOB", 40)
    device = Recording()
    monkeypatch.setattr("ondevice.devices.profile.open_device", lambda name: device)
    assert validate_run(copy, runtimes=["litert"], out=tmp_path / "verdict.json").valid
    [[answers, *found]] = device.given
    assert (len(answers.outputs), len(answers.digests)) == (2, 0)
    assert len(found) > 4
    for outcome in found[:-1]:
        assert outcome.outputs == {}
        assert [len(digests) for digests in outcome.digests.values()] == [2]


def test_ids_that_are_off_by_one_are_a_failure_of_values_and_lookups(copy, good) -> None:
    """Each id gets its neighbour's shared row: plausible scores, wrong items."""
    table = encoded_of(good[1]).tables["shared"].arrays["values"]

    def shift(model) -> None:
        constant(model, table.tobytes()).data = np.frombuffer(np.roll(table, 1, axis=0).tobytes(), np.uint8)

    edit_model(copy, shift)
    reseal(copy)
    assert {"values", "look-ups"} <= failures_of(copy)


def test_one_wrong_id_among_all_is_found_without_the_run(copy, good) -> None:
    """No test vector shows the difference; only the comparison of every id sees it."""
    change_one_multiplier(copy, good[1], 137)
    validation = validate_run(copy)
    said = "look-ups of ids 0 to 301 of layer 'embedding' differ from the reference, 1 of 1 blocks of ids do so."
    assert [result.failures for result in validation.results] == [(Failure("look-ups", said),)] * 2


@pytest.mark.parametrize(("item", "first", "last"), [(99, 0, 99), (100, 100, 199), (301, 300, 301)])
def test_block_of_a_wrong_id_is_named(item: int, first: int, last: int, copy, good, monkeypatch) -> None:
    in_blocks(copy, good[1], 100)
    change_one_multiplier(copy, good[1], item)
    # Also with a job for each block, the last of which is shorter than one inference.
    for ids_per_job in (lookups.IDS_PER_JOB, 1):
        monkeypatch.setattr(lookups, "IDS_PER_JOB", ids_per_job)
        [result] = validate_run(copy, runtimes=["litert"]).results
        which = f"look-ups of ids {first} to {last} of layer 'embedding'"
        said = f"{which} differ from the reference, 1 of 4 blocks of ids do so."
        assert result.failures == (Failure("look-ups", said),)


@pytest.mark.parametrize("ids_per_block", [48, 100, 301, 302, 303])
def test_any_size_of_blocks_is_checked(ids_per_block: int, copy, good) -> None:
    in_blocks(copy, good[1], ids_per_block)
    assert validate_run(copy, runtimes=["litert"]).valid


def look_up(layer: str, size: int, shape: tuple[int, ...] = (1, 48), ids: str = "") -> lookups.LayerLookup:
    """Make a look-up in blocks of 100 ids."""
    call = LookupCall(ids or f"{layer}/ids", f"{layer}/vectors", shape)
    return lookups.LayerLookup(layer, call, Lookup((call,), size, 8, 100, ()))


def test_look_ups_are_cut_into_jobs_of_whole_blocks(monkeypatch) -> None:
    monkeypatch.setattr(lookups, "IDS_PER_JOB", 250)
    jobs = lookups.LookupFile(Path("cut.tflite"), (look_up("items", 302),)).jobs("litert", "recommend")
    given = [job.inputs["ids_0"].ravel().tolist() for job in jobs]
    assert [ids[:200] for ids in given] == [list(range(200)), [*range(200, 302), *[0] * 42]]
    assert {job.inputs["ids_0"].shape[1:] for job in jobs} == {(1, 48)}
    assert [job.digests.rows for job in jobs] == [{"vectors_0": 200}, {"vectors_0": 102}]


def test_look_ups_of_other_sizes_and_shapes_share_jobs_and_those_of_the_same_ids_an_input(monkeypatch) -> None:
    monkeypatch.setattr(lookups, "IDS_PER_JOB", 200)
    several = (
        look_up("items", 302),
        look_up("bias", 302, ids="items/ids"),
        look_up("users", 90, (1,)),
    )
    jobs = lookups.LookupFile(Path("cut.tflite"), several).jobs("litert", "recommend")
    assert [{name: ids.shape for name, ids in job.inputs.items()} for job in jobs] == [
        {"ids_0": (90, 1, 48), "ids_1": (90, 1)},
        {"ids_0": (3, 1, 48), "ids_1": (3, 1)},
    ]
    assert jobs[0].inputs["ids_0"].ravel()[:200].tolist() == list(range(200))
    assert jobs[0].inputs["ids_1"].ravel().tolist() == list(range(90))
    assert [job.digests.rows for job in jobs] == [
        {"vectors_0": 200, "vectors_1": 200, "vectors_2": 90},
        {"vectors_0": 102, "vectors_1": 102, "vectors_2": 0},
    ]


def test_missing_digests_are_a_failure(copy, good) -> None:
    in_blocks(copy, good[1], 100)
    promise_lookups(copy, sha256=open_bundle(copy).manifest.embeddings[0].lookup.sha256[:2])
    [result] = validate_run(copy, runtimes=["litert"]).results
    said = "the manifest has 2 digests of look-ups of 'embedding' for 4 blocks of ids."
    assert result.failures == (Failure("look-ups", said),)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"calls": (LookupCall("embedding/ids", "nowhere", (1, 48)),)},
            "tensor 'nowhere' must be the name of one computed tensor",
        ),
        ({"width": 8}, "is float32 [1, 48, 16]; the manifest promises float32 [1, 48, 8]"),
    ],
)
def test_look_ups_elsewhere_or_of_another_width_are_a_failure(copy, changes: dict, says: str) -> None:
    promise_lookups(copy, **changes)
    [result] = validate_run(copy, runtimes=["litert"]).results
    assert [failure.check for failure in result.failures] == ["look-ups"]
    assert says in result.failures[0].message


def test_look_ups_that_are_not_promised_are_not_checked(copy, good) -> None:
    change_one_multiplier(copy, good[1], 137)
    promise_lookups(copy, sha256=())
    assert validate_run(copy, runtimes=["litert"]).valid


def test_sign_of_zero_does_not_count_and_everything_else_does() -> None:
    zeros = np.zeros((5, 2), np.float32)
    digests = digests_of(zeros, len(zeros), 2)
    assert digests == digests_of(-zeros, len(zeros), 2)
    assert digests == tuple(hashlib.sha256(bytes(size)).hexdigest() for size in (16, 16, 8))
    for place in range(5):
        other = zeros.copy()
        other[place, 1] = np.finfo(np.float32).smallest_subnormal
        wrong = [
            n for n, pair in enumerate(zip(digests, digests_of(other, len(other), 2), strict=True)) if len({*pair}) > 1
        ]
        assert wrong == [place // 2]
