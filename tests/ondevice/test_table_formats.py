"""Tables of what users did: the same from every format, and one sentence for what no table should be."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

from ondevice.data.formats import separated
from ondevice.data.interactions import Interactions
from ondevice.data.readers.table import Table
from ondevice.errors import OnDeviceError
from ondevice.pipeline import frame
from ondevice.pipeline.train import configure

ROWS = "userId,movieId,rating,timestamp,title\n" + "".join(
    f'{user:03d},tt{item},{(user + item) % 10 / 2},{1_000 + item},"Film {item}, the ""best"""\n'
    for user in range(12)
    for item in range(user % 5 + 2)
)


def table(path: Path, **columns: Any) -> Interactions:
    return Table(columns).read("ratings", path)


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def as_frame(rows: str = ROWS) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(rows), dtype={"userId": str})


def lists(data: Interactions) -> list[list[list[str]]]:
    keys = np.array(data.item_keys)
    return [[keys[items].tolist() for items in split] for split in (data.train, data.valid, data.test)]


WRITERS: dict[str, Callable[[Path], object]] = {
    "ratings.csv": lambda path: written(path, ROWS),
    "mark and other ends.csv": lambda path: written(path, "\ufeff" + ROWS.replace("\n", "\r\n")),
    "index column.csv.gz": lambda path: as_frame().to_csv(path, index=True),
    "ratings.csv.zst": lambda path: written(path, pa.compress(ROWS.encode(), codec="zstd", asbytes=True)),
    "tabs.tsv": lambda path: (
        as_frame().assign(title=as_frame()["title"]).to_csv(path, sep="\t", index=False, quoting=3)
    ),
    "ratings.jsonl": lambda path: as_frame().to_json(path, orient="records", lines=True),
    "ratings.parquet": lambda path: as_frame().to_parquet(path, index=False),
    "categories.parquet": lambda path: as_frame().astype({"movieId": "category"}).to_parquet(path, row_group_size=7),
    "atomic.inter": lambda path: written(
        path,
        "userId:token\tmovieId:token\trating:float\ttimestamp:float\ttitle:token_seq\n"
        + "".join("\t".join(map(str, row)) + "\n" for row in as_frame().itertuples(index=False)),
    ),
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Interactions:
    return table(written(tmp_path_factory.mktemp("table") / "ratings.csv", ROWS))


def test_what_is_read(expected: Interactions) -> None:
    assert expected.item_keys == tuple(f"tt{item}" for item in range(6))
    assert expected.titles[1] == 'Film 1, the "best"'
    assert lists(expected)[0][0] == ["tt0"]
    assert lists(expected)[2][:2] == [["tt2"], ["tt3"]]
    assert expected.ordered
    for part in ("user is column 'userId'", "left out: 3 users with fewer than 3 items", "split last-out"):
        assert part in expected.summary()


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same(tmp_path: Path, expected: Interactions, name: str) -> None:
    WRITERS[name](tmp_path / name)
    assert table(tmp_path / name).digest == expected.digest


@pytest.mark.parametrize(
    "make", [as_frame, lambda: pl.from_pandas(as_frame()), lambda: pa.Table.from_pandas(as_frame())]
)
def test_every_frame_gives_the_same(expected: Interactions, make: Callable[[], Any]) -> None:
    config = configure(data=make(), split="last-out")
    assert (config.dataset, table(Path(config.data)).digest) == ("table", expected.digest)
    assert configure(data=make(), split="last-out") == config


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(OnDeviceError, match="data is a list; allowed are a path and a DataFrame"):
        frame.kept([1])


def test_parts_in_a_folder_are_one_table(tmp_path: Path, expected: Interactions) -> None:
    found = as_frame()
    found[:20].to_parquet(tmp_path / "part-0.parquet")
    found[20:].to_parquet(tmp_path / "part-1.parquet")
    assert table(tmp_path).digest == expected.digest


def test_other_separators_and_names(tmp_path: Path) -> None:
    content = "".join(f"{user}::{item}::5::{100 + item}\n" for user in range(3) for item in range(4))
    path = written(tmp_path / "ratings.dat", content)
    data = table(path, separator="::", names="user,item,rating,time")
    assert data.item_keys == ("0", "1", "2", "3")
    assert lists(data)[2] == [["3"]] * 3


def test_a_separator_that_is_cut_by_the_end_of_a_block_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = "".join(f"{user:04d}::{item:05d}\n" for user in range(60) for item in range(5))
    path = written(tmp_path / "pairs.dat", content)
    given = {"separator": "::", "names": "user,item", "split": "last-out"}
    whole = table(path, **given).digest
    for size in (97, 98, 99, 100):
        monkeypatch.setattr(separated, "BLOCK_BYTES", size)
        assert table(path, **given).digest == whole


def test_keys_stay_as_they_are_written(tmp_path: Path) -> None:
    keys = ["007", "7", str(2**31), str(2**63), "a, b", "é\u200dü", "NA", "null", " x"]
    content = "user,item,time\n" + "".join(f'u,"{key}",{n}\n' for n, key in enumerate(keys))
    assert set(table(written(tmp_path / "keys.csv", content)).item_keys) == set(keys)


def test_whole_numbers_beside_missing_ones_are_keys() -> None:
    found = pd.DataFrame({"user": [1, 1, 1, None, 2], "item": [10, 11, 12, 13, 10], "time": [1, 2, 3, 4, 5]})
    data = table(frame.kept(found))
    assert data.item_keys == ("10", "11", "12")
    assert "left out: 1 row without a user or an item" in data.summary()


COUNTED = """user,item,rating,time
a,1,5,1
a,2,5,2
a,2,5,2
user,item,rating,time
a,3,,3
a,,5,4
a,4,2,5
a,5,nan,6
a,6,4,
a,7,4,8
a,8,4.5,9
"""


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    data = table(written(tmp_path / "odd.csv", COUNTED), min_rating=3.0)
    assert lists(data) == [[["1", "2"]], [["7"]], [["8"]]]
    for part in (
        "left out: 1 row without a user or an item", "left out: 1 row that repeat the names of the columns",
        "left out: 1 row without a time", "left out: 2 rows without a rating", "left out: 1 row rated below 3",
        "counted once: 1 row",
    ):  # fmt: skip
        assert part in data.summary()


DATES = {
    "2020-01-31": 1_580_428_800.0,
    "2020-01-31 12:00:01": 1_580_472_001.0,
    "2020-01-31T12:00:01Z": 1_580_472_001.0,
    "2020-01-31T12:00:01.500000+00:00": 1_580_472_001.5,
}


@pytest.mark.parametrize("text", DATES)
def test_dates_are_times(text: str) -> None:
    from ondevice.data.cells import as_times

    assert as_times(pa.array([None, text])).tolist()[1] == DATES[text]


def test_times_of_a_frame_are_times() -> None:
    from ondevice.data.cells import as_times

    moments = pd.to_datetime(pd.Series(["2020-01-31 12:00:01", None]))
    for zone in (None, "UTC"):
        found = as_times(pa.Array.from_pandas(moments.dt.tz_localize(zone)))
        assert found[0] == 1_580_472_001.0
        assert np.isnan(found[1])


# What no table should be


def long_line(path: Path) -> None:
    path.write_bytes(b"user,item\n" + b"a" * 40)


Case = tuple[str, "str | bytes", dict[str, Any], str]

BAD: dict[str, Case] = {
    "no user": ("a.csv", "who,item\na,1\n", {}, "has columns 'who', 'item', so say which is the user"),
    "two items": ("a.csv", "user,asin,parent_asin\na,1,2\n", {}, "columns 'parent_asin', 'asin', so say which"),
    "other column": ("a.csv", "user,item\na,1\n", {"user": "uid"}, "user column is 'uid'; allowed is one of"),
    "empty": ("a.csv", "", {}, "a.csv is empty"),
    "header alone": ("a.csv", "user,item\n", {}, "holds no row that counts"),
    "twice": ("a.csv", "user,item,user\na,1,b\n", {}, "line 1: column 'user' is there twice"),
    "too few values": ("a.csv", "user,item,time\na,1,1\na,2\n", {}, "line 3: 2 values; allowed are 3"),
    "no number": ("a.csv", "user,item,time\na,1,1\na,2,later\n", {}, "row 3: time is 'later'; allowed is a number"),
    "no date": ("a.csv", "user,item,time\na,1,2020-01-01\na,2,7\n", {}, "row 3: time is '7'; allowed is a date"),
    "no rating": ("a.csv", "user,item,rating\na,1,good\n", {"min_rating": 3.0}, "row 2: rating is 'good'"),
    "limit alone": ("a.csv", "user,item\na,1\n", {"min_rating": 3.0}, "say which is the rating"),
    "no key": ("a.csv", 'user,item\na,1\na,"x\ny"\n', {}, r"row 3: item is 'x\\ny'; a key is one line"),
    "latin-1": ("a.csv", "user,item\na,1\na,caf\xe9\n".encode("latin-1"), {}, "line 3 is not text; allowed is UTF-8"),
    "utf-16": ("a.csv", "user,item\na,1\n".encode("utf-16"), {}, "line 1 is not text; allowed is UTF-8"),
    "cut gzip": ("a.csv.gz", gzip.compress(b"user,item\n" + b"a,1\n" * 999)[:-9], {}, "is not a whole gzip file"),
    "endless": ("a.csv", "user,item\n" + "a" * 999, {}, "row of more than 64 bytes"),
    "many columns": ("a.csv", ",".join(f"c{n}" for n in range(100_000)) + "\n", {}, r"'c11' … \(100,000 columns\)"),
    "no object": ("a.jsonl", '{"user": "a", "item": 1}\n[1]\n', {}, "line 2 is no object"),
    "no JSON": ("a.jsonl", '{"user": "a", "item": 1}\n{"user"\n', {}, "line 2 is no JSON"),
    "a list": ("a.jsonl", '{"user": "a", "item": [1]}\n', {}, "line 1: item is .*; allowed is a text or a number"),
    "deep": ("a.jsonl", '{"user": ' + "[" * 100_000, {}, "line 1 is no JSON"),
    "no Parquet": ("a.parquet", "user,item\na,1\n", {}, "is no whole Parquet file"),
    "names of Parquet": ("a.parquet", "", {"names": "a,b"}, "names is given; allowed is it only for a text"),
    "unknown ending": ("a.xls", "user,item\na,1\n", {}, "has no ending of a table; allowed are .csv"),
    "unknown split": ("a.csv", "user,item\na,1\n", {"split": "half"}, "split is 'half'; allowed are given"),
    "no times": ("a.csv", "user,item\na,1\n", {"split": "time:10%"}, "the data have no times"),
    "share": ("a.csv", "user,item\na,1\n", {"split": "random:90%"}, "share of the split random is '90%'"),
    "too short": ("a.csv", "user,item,time\na,1,1\n", {}, "split is last-out, and no user has 3 entries"),
    "after all": ("a.csv", "user,item,time\na,1,1\n", {"split": "time:2023-01-01"}, "every entry is before it"),
    "setting": ("a.csv", "user,item\na,1\n", {"users": "user"}, "table setting users is 'user'; allowed are"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_no_table_should_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    name, content, columns, message = BAD[case]
    if case == "endless":
        monkeypatch.setattr(separated, "BLOCK_BYTES", 64)
    path = written(tmp_path / name, content)
    with pytest.raises(OnDeviceError, match=message) as found:
        table(path, **columns)
    assert "\n" not in str(found.value)


def test_fractions_are_no_keys(tmp_path: Path) -> None:
    pd.DataFrame({"user": [1.5], "item": [1]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(OnDeviceError, match="column 'user' holds fractions; allowed are texts and whole numbers"):
        table(tmp_path / "a.parquet")


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    as_frame().to_parquet(tmp_path / "a.parquet")
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[10:60] = bytes(50)
    with pytest.raises(OnDeviceError, match=r"a\.parquet"):
        table(written(tmp_path / "a.parquet", bytes(content)))
