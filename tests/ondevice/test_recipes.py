"""Recipes: which table gets which scheme and why, files of the user's own, and the choice by the trained tables."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from ondevice.embeddings.method import Table, registry
from ondevice.errors import OnDeviceError, UsageError
from ondevice.models.output import registry as outputs
from ondevice.pipeline.plan import Plan, check
from ondevice.pipeline.size import asked
from ondevice.pipeline.train import configure
from ondevice.quantize import recipe as recipes
from ondevice.quantize.choose import READ_BY_OUTPUT, Choice, choices
from ondevice.quantize.encode import encode, table_errors
from ondevice.quantize.mixed import fewest_bytes, relative_error
from tests.samples import METHODS, sample_tables

MEMCOM = registry.load("memcom")(1_002, 32, 50, "block", bias=True)

OWN = """
title = "my own"
tables = "int4_row"
narrow = "codebook4"
dense = "float32"
score_tolerance_steps = 1.0
[by_table]
bias = "float16_rows"
"""


def schemes(found: dict[str, Choice]) -> dict[str, str]:
    return {name: choice.scheme for name, choice in found.items()}


def test_narrow_tables_have_a_scheme_of_their_own() -> None:
    found = choices(MEMCOM, recipes.load("int4"))
    assert schemes(found) == {"shared": "int4_row", "multiplier": "uint8_block", "bias": "uint8_block"}
    assert not any(choice.reason for choice in found.values())


def test_without_one_the_reason_is_kept() -> None:
    found = choices(MEMCOM, recipes.load("int8"))
    assert schemes(found) == {"shared": "int8_row", "multiplier": "float32", "bias": "float32"}
    assert found["bias"].reason == "1002 rows of 1 would take 5010 bytes as int8_row and take 4008 as float32"


def test_where_both_refuse_each_says_why() -> None:
    narrow = recipes.Recipe("own", "", "int8_row", "float32", 1.0, narrow="codebook8")
    [choice] = [each for name, each in choices(METHODS["memcom block"], narrow).items() if name == "multiplier"]
    assert choice == Choice("float32", "53 rows of 1 would take 1077 bytes as codebook8 and take 212 as float32")
    both = recipes.Recipe("own", "", "codebook8", "float32", 1.0, narrow="codebook4")
    assert choices(registry.load("full")(3, 2), both)["table"].reason == (
        "3 rows of 2 would take 1030 bytes as codebook8 and take 24 as float32; "
        "3 rows of 2 would take 67 bytes as codebook4 and take 24 as float32"
    )


def test_what_the_output_layer_reads_as_a_whole_stays_as_it_is() -> None:
    found = choices(MEMCOM, recipes.load("int4"), plain=("multiplier",))
    assert found["multiplier"] == Choice("float32", READ_BY_OUTPUT)
    assert choices(MEMCOM, recipes.load("float32"), plain=("multiplier",))["multiplier"] == Choice("float32")
    tied = outputs.load("tied")
    whole = [
        tied(53, 8, METHODS["memcom mod"], own_multipliers=False).reads_whole,
        tied(53, 8, METHODS["memcom block"], own_multipliers=False).reads_whole,
        tied(53, 8, METHODS["memcom mod"]).reads_whole,
        outputs.load("dense")(53, 8).reads_whole,
    ]
    assert whole == [("multiplier",), (), (), ()]


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_file_of_ones_own_is_a_recipe(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"mine{suffix}"
    fields = {
        "title": "my own", "tables": "int4_row", "narrow": "codebook4", "dense": "float32", "score_tolerance_steps": 1,
        "by_table": {"bias": "float16_rows"},
    }  # fmt: skip
    path.write_text(OWN if suffix == ".toml" else json.dumps(fields))
    recipe = recipes.load(str(path))
    assert (recipe.name, recipe.title, recipe.counts_ahead) == ("mine", "my own", True)
    assert schemes(choices(MEMCOM, recipe)) == {"shared": "int4_row", "multiplier": "codebook4", "bias": "float16_rows"}
    assert asked(None, 1_000, str(path)).budget_recipe == str(path)
    with pytest.raises(UsageError, match=r"by_table of recipe 'mine' names table 'bias'; allowed are .*: table"):
        choices(METHODS["full"], recipe)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("int4_row", "int5_row", "unknown scheme in field tables of recipe 'mine' 'int5_row', did"),
        ("codebook4", "code", "unknown scheme in field narrow of recipe 'mine' 'code'"),
        ("float16_rows", "float", "unknown scheme in field by_table of recipe 'mine' 'float'"),
        ("steps = 1.0", "steps = 0.0", "score_tolerance_steps of recipe 'mine' is 0.0; allowed is a number above 0"),
        ('dense = "float32"', "", "required field missing @ .*dense"),
        ('dense = "float32"', "dense = 8", "8 is not of type str @ .*dense"),
        ("narrow =", "thin =", r"extra fields found \(thin\)"),
        ("dense =", 'name = "x"\ndense =', "has a field name; allowed is none"),
        ("dense =", "error_limit = 0.1\ndense =", "error_limit of recipe 'mine' is 0.1; allowed is above 0 with cand"),
        ("dense =", 'candidates = ["int8_row"]\ndense =', "error_limit of recipe 'mine' is 0.0; allowed is above 0"),
        ("[by_table]", "[by_table", "is no TOML file"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(old: str, new: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    assert old in OWN
    path.write_text(OWN.replace(old, new))
    with pytest.raises(OnDeviceError, match=words):
        recipes.load(str(path))


def test_files_that_are_missing_or_named_as_ours_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"recipe '.*none\.toml' is no file"):
        recipes.load(str(tmp_path / "none.toml"))
    with pytest.raises(UsageError, match=r"recipe '.*none\.json' does not exist"):
        recipes.load(str(tmp_path / "none.json"))
    (tmp_path / "int8.toml").write_text(OWN)
    with pytest.raises(UsageError, match="has the name of one of ondevice"):
        recipes.load(str(tmp_path / "int8.toml"))


def test_two_files_of_one_name_have_no_place_in_a_run(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.toml").write_text(OWN)
    named = tuple(str(tmp_path / folder / "mine.toml") for folder in ("one", "two"))
    with pytest.raises(UsageError, match="allowed are files of different names"):
        check(Plan(configure(), ("full@as_given",), recipes=named))


def test_a_recipe_that_chooses_by_values_is_none_for_a_budget(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    chooses = 'candidates = ["int8_row"]\nerror_limit = 0.1\n'
    path.write_text(chooses + OWN)
    with pytest.raises(UsageError, match="allowed for a budget is one that names all schemes"):
        asked(None, 1_000, str(path))


def gaussian(rows: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)


def test_the_cheapest_error_is_taken_until_the_limit() -> None:
    tables = [Table("wide", 1_000, 64), Table("tall", 40_000, 1)]
    # Rows of the wide table differ in size, so that scales of their own serve them better than a codebook for all.
    sizes = np.exp(gaussian(1_000, 1, 1))
    values = {"wide": gaussian(1_000, 64) * sizes, "tall": gaussian(40_000, 1)}
    candidates = ("int8_row", "int4_row", "codebook8", "codebook4")

    def chosen(limit: float) -> dict[str, str]:
        return fewest_bytes(tables, values, candidates, limit)

    assert chosen(1e-6) == {}
    # A byte per number of an id has an error of 0.0063 for 119,000 bytes saved, int8 rows one of 0.0061 for 188,000.
    assert chosen(0.006) == {}
    assert chosen(0.0065) == {"wide": "int8_row"}
    assert chosen(0.01) == {"wide": "int8_row", "tall": "codebook8"}
    # Half a byte costs rows an error of 0.100 and saves 31,000 bytes, and numbers of ids 0.098 for 20,000.
    assert chosen(0.11) == {"wide": "int4_row", "tall": "codebook8"}
    assert chosen(0.15) == {"wide": "int4_row", "tall": "codebook4"}
    for limit in (0.006, 0.0065, 0.01, 0.11, 0.15):
        total = sum(relative_error(scheme, values[name]) ** 2 for name, scheme in chosen(limit).items())
        assert total**0.5 <= limit


def test_numbers_that_ids_have_alone_keep_their_signs() -> None:
    # Without an entry for the one negative number the nearest would be a positive one.
    values = np.concatenate([np.linspace(0.9, 1.1, 500), [-0.01, 0.02, 0.02]]).astype(np.float32)[:, None]
    for scheme in ("codebook4", "codebook8"):
        assert relative_error(scheme, values) < 0.1
    assert relative_error("int2_row", np.tile(values, (1, 2))) < math.inf
    assert relative_error("int4_row", np.array([[1.0], [-1.0]], np.float32)) == 0


def test_mixed_keeps_its_limit_and_says_what_it_left() -> None:
    values = sample_tables(MEMCOM, 0)
    recipe = recipes.load("mixed")
    encoded = encode(MEMCOM, values, recipe)
    assert encode(MEMCOM, values, recipe).payload_bytes == encoded.payload_bytes
    errors = [table_errors(entry, values[name])[1] for name, entry in encoded.tables.items()]
    assert np.sqrt(np.sum(np.square(errors))) < recipe.error_limit * 1.02
    assert encoded.payload_bytes < encode(MEMCOM, values, recipes.load("int8")).payload_bytes / 2
    small = encode(METHODS["factorized"], sample_tables(METHODS["factorized"], 0), recipe).tables["projection"]
    assert (small.scheme, small.reason[:20]) == ("float32", "every look-up reads ")


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.5])
def test_the_limit_of_mixed_holds_for_the_vectors_however_rows_differ_in_size(spread: float) -> None:
    """Multipliers that absorb scales of many sizes are harder to encode than before."""
    method = registry.load("memcom")(5_002, 32, 625, "block")
    sizes = np.exp(spread * gaussian(method.shared_rows, 1, 1))
    values = {"shared": gaussian(method.shared_rows, 32) * sizes, "multiplier": 1 + gaussian(5_002, 1, 2) / 2}
    recipe, ids = recipes.load("mixed"), np.arange(5_002, dtype=np.int32)
    plain, encoded = (encode(method, values, each).lookup(ids).astype(np.float64) for each in ("float32", recipe))
    assert np.sqrt(np.sum((encoded - plain) ** 2) / np.sum(plain**2)) < recipe.error_limit


def test_scales_of_a_table_whose_scheme_is_named_count_as_well() -> None:
    method = registry.load("memcom")(5_002, 32, 625, "block")
    sizes = np.exp(1.5 * gaussian(method.shared_rows, 1, 1))
    values = {"shared": gaussian(method.shared_rows, 32) * sizes, "multiplier": 1 + gaussian(5_002, 1, 2) / 2}
    named = {
        scheme: dataclasses.replace(recipes.load("mixed"), error_limit=0.08, by_table={"shared": scheme})
        for scheme in ("float32", "int4_row")
    }
    found = {scheme: schemes(choices(method, recipe, values))["multiplier"] for scheme, recipe in named.items()}
    assert found == {"float32": "codebook4", "int4_row": "int8_column"}


def test_with_candidates_what_none_of_them_gains_stays_float32() -> None:
    strict = dataclasses.replace(recipes.load("mixed"), tables="int8_row", error_limit=1e-9)
    assert set(schemes(choices(MEMCOM, strict, sample_tables(MEMCOM, 0))).values()) == {"float32"}


def test_errors_of_tables_whose_scales_moved_are_those_of_the_tables() -> None:
    values = sample_tables(MEMCOM, 1)
    encoded = encode(MEMCOM, values, recipes.load("int4")).tables
    worst, relative = table_errors(encoded["shared"], values["shared"])
    alone = encode(registry.load("full")(52, 32), {"table": values["shared"]}, "int4_row").tables["table"]
    assert (worst, relative) == pytest.approx(table_errors(alone, values["shared"]), rel=1e-5)
    plain = encode(MEMCOM, values, "int8_row").tables["multiplier"]
    assert table_errors(plain, values["multiplier"]) == (0, 0)
    # A byte per number costs a multiplier with the scale of its row about as much as one without.
    assert 0.001 < table_errors(encoded["multiplier"], values["multiplier"])[1] < 0.02
