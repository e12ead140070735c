"""Ways to split what users did: every entry goes into one part, the same each time, no future into training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ondevice.data.interactions import Interactions
from ondevice.data.keys import Numbers
from ondevice.data.lists import Lists
from ondevice.data.log import Log
from ondevice.data.readers.table import Table
from ondevice.data.split import NOWHERE, TEST, TRAIN, VALID, open_split, registry
from ondevice.errors import UsageError

RNG = np.random.default_rng(5)
LENGTHS = RNG.integers(0, 30, 200)
ARGUMENTS = {"given": "", "last_out": "", "random": ":10%", "time": ":10%"}


def log(times: bool = True) -> Log:
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)])
    entries = int(offsets[-1])
    time = np.concatenate([np.sort(RNG.uniform(1e9, 2e9, length)) for length in LENGTHS])
    tables = RNG.integers(0, 3, entries).astype(np.int8)
    items = Numbers()
    values = np.array([items[str(item)] for item in RNG.integers(0, 50, entries)], np.int32)
    return Log(Lists(offsets, values), time if times else None, tables, items, {}, ())


@pytest.mark.parametrize("name", registry.names())
def test_every_entry_has_a_part_and_it_is_the_same_each_time(name: str) -> None:
    found, given = log(), f"{name.replace('_', '-')}{ARGUMENTS[name]}"
    parts, _ = open_split(given).parts(found)
    assert parts.shape == found.lists.values.shape
    assert set(parts.tolist()) <= {TRAIN, VALID, TEST, NOWHERE}
    assert all(np.count_nonzero(parts == part) for part in (TRAIN, VALID, TEST))
    np.testing.assert_array_equal(open_split(given).parts(found)[0], parts)


@pytest.mark.parametrize("given", ["time:10%", "time:0.25", "time:2031-01-01"])
def test_a_cut_in_time_puts_nothing_later_into_training(given: str) -> None:
    found = log()
    assert found.times is not None
    parts, _ = open_split(given).parts(found)
    latest = [found.times[parts == part].max() for part in (TRAIN, VALID)]
    first = [found.times[parts == part].min() for part in (VALID, TEST)]
    assert latest[0] < first[0] <= latest[1] < first[1]
    if given == "time:0.25":
        assert np.mean(parts == TEST) == pytest.approx(0.25, abs=0.001)


@pytest.mark.parametrize(
    ("per_second", "unit"), [(1.0, "seconds"), (1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nano")]
)
def test_a_date_is_compared_in_the_unit_of_the_times(per_second: float, unit: str) -> None:
    found = log()
    assert found.times is not None
    scaled = Log(found.lists, found.times * per_second, None, found.items, {}, ())
    parts, told = open_split("time:2001-09-20").parts(scaled)
    np.testing.assert_array_equal(parts == TEST, found.times >= 1_000_944_000)
    assert unit in told[0]


def test_last_out_takes_the_last_two_of_users_with_three() -> None:
    found = log()
    parts, _ = open_split("last-out").parts(found)
    for length, each in zip(LENGTHS, np.split(parts, found.lists.offsets[1:-1]), strict=True):
        assert each.tolist() == ([NOWHERE] * length if length < 3 else [TRAIN] * (length - 2) + [VALID, TEST])


def test_a_random_split_of_data_with_times_is_warned_of() -> None:
    assert "learns from the future" in open_split("random:10%").parts(log())[1][0]
    assert open_split("random:10%").parts(log(times=False))[1] == ()


@pytest.mark.parametrize(
    "given", ["last-out:2", "given:1", "random", "random:0%", "random:nan", "time", "time:soon", "Time:10%"]
)
def test_what_is_no_split_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="split"):
        open_split(given)


def test_three_tables_are_the_parts(tmp_path: Path) -> None:
    for name, rows in {"train": "a,1\na,2\nb,1\n", "valid": "a,3\n", "test": "a,1\na,4\nc,4\n"}.items():
        (tmp_path / f"{name}.csv").write_text(f"user,item\n{rows}")
    found = Table({}).read("given", tmp_path)
    assert isinstance(found, Interactions)
    assert [[items.tolist() for items in split] for split in (found.train, found.valid, found.test)] == [
        [[0, 1], [0]],
        [[2], []],
        [[0, 3], []],
    ]
    assert "left out: 1 user without training items" in found.summary()


def test_three_tables_without_names_of_parts_are_one(tmp_path: Path) -> None:
    for name, rows in {"a": "a,1\na,2\n", "b": "a,3\n", "c": "a,1\na,4\n"}.items():
        (tmp_path / f"{name}.csv").write_text(f"user,item\n{rows}")
    with pytest.raises(UsageError, match="allowed is it for a folder with a table each of train, valid and test"):
        Table({"split": "given"}).read("parts", tmp_path)
    assert "counted once: 1 row that" in Table({"split": "last-out"}).read("parts", tmp_path).summary()
