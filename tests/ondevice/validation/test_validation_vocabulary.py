"""A vocabulary that does not belong to the file is found, however well the manifest describes it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ondevice import bundle as bundles
from ondevice import records
from ondevice.bundle import TestVectors, open_bundle
from ondevice.pipeline.validate import validate_run
from tests.ondevice.validation.bundle_edits import failures_of, reseal


def vocabulary_of(folder: Path) -> list[str]:
    return (folder / bundles.VOCABULARY_FILE).read_text(encoding="utf-8").splitlines()


def write_vocabulary(folder: Path, lines: list[str]) -> None:
    (folder / bundles.VOCABULARY_FILE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    reseal(folder)


def test_a_shuffled_vocabulary_is_a_failure(copy) -> None:
    """The order of another export of the same items: everything but the names of the items is right."""
    lines = vocabulary_of(copy)
    write_vocabulary(copy, [*lines[:2], *lines[3:], lines[2]])
    for result in validate_run(copy).results:
        [failure] = result.failures
        assert failure.check == "vocabulary"
        vector = open_bundle(copy).vectors.vectors[0]
        item = int(vector.outputs["items"][0])
        found = vocabulary_of(copy)[item]
        first = f"test vector {vector.name!r}: id {item} is {found!r} in vocab.txt, expected is {lines[item]!r}; "
        assert failure.message.startswith(first)
        assert failure.message.endswith("340 of 340 keys differ.")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: lines[:-1], "vocab.txt has 301 lines; the manifest promises 302 ids."),
        (lambda lines: [*lines, "more"], "vocab.txt has 303 lines; the manifest promises 302 ids."),
        (lambda lines: [*lines[:-1], lines[-2]], "occurs twice"),
        (lambda lines: lines[2:], "must start with"),
    ],
)
def test_a_vocabulary_of_another_form_is_a_failure(copy, change, says: str) -> None:
    write_vocabulary(copy, change(vocabulary_of(copy)))
    [result] = validate_run(copy, runtimes=["litert"]).results
    assert [failure.check for failure in result.failures] == ["vocabulary"]
    assert says in result.failures[0].message


def test_vectors_without_keys_are_a_failure(copy) -> None:
    """A check that has nothing to compare must not pass."""
    vectors = open_bundle(copy).vectors
    silent = tuple(dataclasses.replace(vector, keys=()) for vector in vectors.vectors)
    records.write(copy / bundles.TEST_VECTORS_FILE, TestVectors(vectors.schema_version, silent))
    reseal(copy)
    [result] = validate_run(copy, runtimes=["litert"]).results
    assert [failure.check for failure in result.failures] == ["vocabulary"]
    assert "has 0 keys; expected is one for each of 20 items below 302" in result.failures[0].message


def test_names_that_no_vector_shows_are_compared_with_the_run(copy, good) -> None:
    shown = {item for vector in open_bundle(copy).vectors.vectors for item in vector.outputs["items"][:20]}
    one, two = [item for item in range(2, 302) if item not in shown][:2]
    lines = vocabulary_of(copy)
    lines[one], lines[two] = lines[two], lines[one]
    write_vocabulary(copy, lines)
    assert validate_run(copy, runtimes=["litert"]).valid, "nothing but the run can tell"
    assert failures_of(copy, good[1], runtimes=["litert"]) == {"vocabulary"}
