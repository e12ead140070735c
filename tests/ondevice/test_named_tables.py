"""The named data sets that are tables: each is read from files laid out as those that their publishers give."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ondevice.data import dataset
from ondevice.data.interactions import Interactions
from ondevice.errors import UsageError

USERS, ITEMS = 4, 5


def lines(row: str, first: str = "") -> str:
    return first + "".join(
        row.format(u=user, i=item, t=1_100_000_000 + 10 * item) for user in range(USERS) for item in range(ITEMS)
    )


def json_lines(fields: Callable[[int, int], dict[str, object]]) -> str:
    return "".join(json.dumps(fields(user, item)) + "\n" for user in range(USERS) for item in range(ITEMS))


FILES: dict[str, dict[str, str]] = {
    "movielens-100k": {"u.data": lines("{u}\t{i}\t3\t{t}\n"), "u.item": "1|Toy Story (1995)|01-Jan-1995||\n"},
    "movielens-1m": {"ratings.dat": lines("{u}::{i}::5::{t}\n"), "movies.dat": "1::Toy Story (1995)::Comedy\n"},
    "movielens": {
        "ratings.csv": lines("{u},{i},3.5,{t}\n", "userId,movieId,rating,timestamp\n"),
        "movies.csv": 'movieId,title,genres\n0,"American President, The (1995)",Comedy|Drama\n9,Never rated,Drama\n',
    },
    "amazon-2014": {"ratings_Toys.csv": lines("A{u},B{i},5.0,{t}\n")},
    "amazon-2018": {
        "Toys_5.json.gz": json_lines(
            lambda user, item: {
                "overall": 5.0, "verified": True, "reviewerID": f"A{user}", "asin": f"B{item}",
                "style": {"Size:": " 4"}, "reviewText": "fine", "unixReviewTime": 1_500_000_000 + item,
            }
        )
    },
    "amazon-2023": {"Toys.csv": lines("A{u},B{i},5.0,{t}000\n", "user_id,parent_asin,rating,timestamp\n")},
    "gowalla-check-ins": {"loc-gowalla_totalCheckins.txt": lines("{u}\t2010-10-1{i}T23:55:27Z\t30.23\t-97.79\t{i}\n")},
    "yelp": {
        "review.json": json_lines(
            lambda user, item: {"review_id": "r", "user_id": f"u-{user}", "business_id": f"b_{item}", "stars": 4.0,
                                "text": "fine,\nreally", "date": f"2018-07-0{item + 1} 22:09:11"}
        )
    },
    "pairs": {"ratings.txt": lines("{u} {i} 1\n")},
}  # fmt: skip


def read(folder: Path, name: str) -> Interactions:
    for file, content in FILES[name].items():
        data = content.encode()
        (folder / file).write_bytes(gzip.compress(data) if file.endswith(".gz") else data)
    profile = dataset.load(name)
    # A folder where the set is one, else the file.
    found = profile.read(folder if profile.table.get("file") else folder / next(iter(FILES[name])))
    assert isinstance(found, Interactions)
    return found


def test_every_named_table_is_tried() -> None:
    tables = {name for name in dataset.names() if dataset.load(name).table}
    assert tables == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_the_layout_is_read(tmp_path: Path, name: str) -> None:
    data = read(tmp_path, name)
    assert (data.users, data.items) == (USERS, ITEMS)
    assert len(data.train.values) + len(data.valid.values) + len(data.test.values) == USERS * ITEMS
    assert data.ordered == (name != "pairs")
    if data.ordered:
        last = data.item_keys[-1]
        assert [data.item_keys[item] for item in data.test.values] == [last] * USERS


def test_titles_come_from_the_table_beside(tmp_path: Path) -> None:
    assert read(tmp_path, "movielens").titles == ("American President, The (1995)", "", "", "", "")


def test_titles_that_are_not_there_are_told(tmp_path: Path) -> None:
    data = read(tmp_path, "movielens")
    (tmp_path / "movies.csv").unlink()
    data = dataset.load("movielens").read(tmp_path)
    assert isinstance(data, Interactions)
    assert data.titles == ()
    assert "no titles: movies.csv is not there" in data.summary()


LOOKS: dict[str, tuple[tuple[str, ...], str]] = {
    "a table": (("ratings.csv",), "table"),
    "a compressed table": (("ratings.parquet",), "table"),
    "user items": (("train.txt", "valid.txt", "test.txt.gz"), "user-items"),
    "labelled texts": (("train.tsv", "valid.tsv", "test.tsv"), "labelled-texts"),
    "lists": (("lists.txt",), ""),
    "a spreadsheet": (("ratings.xls",), ""),
}


@pytest.mark.parametrize("case", LOOKS)
def test_what_data_look_like(tmp_path: Path, case: str) -> None:
    names, expected = LOOKS[case]
    for name in names:
        (tmp_path / name).write_text("x")
    path = tmp_path / names[0] if len(names) == 1 else tmp_path
    if expected:
        assert dataset.recognised(path) == expected
    else:
        with pytest.raises(UsageError, match="say which: --dataset "):
            dataset.recognised(path)
