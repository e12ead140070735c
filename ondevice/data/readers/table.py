"""Tables of what users did: CSV, JSON lines and Parquet files, by the names of their columns."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from ondevice.data.cells import as_keys
from ondevice.data.columns import Columns
from ondevice.data.interactions import Interactions, divided
from ondevice.data.labelled import SPLITS
from ondevice.data.log import Log
from ondevice.data.read_log import read_log
from ondevice.data.reader import Reader, regular
from ondevice.data.row_format import COMPRESSED, all_endings, ending, open_rows
from ondevice.data.split import open_split
from ondevice.errors import OnDeviceError, UsageError


@dataclass(frozen=True)
class Table(Reader):
    """Reads a table with a row for everything that a user did with an item.

    The data are a file, or a folder with the parts of one, or with a file each whose names begin with `train`, `valid`
    and `test`. Users and items are keys as they are written; a row that is there twice counts once.

    Args:
        table: which column is what, which rows count and how they are split, by the fields of `Columns`.
    """

    settings: ClassVar[tuple[str, ...]] = ("table",)

    table: dict[str, int | float | str | bool] = field(default_factory=dict)

    def read(self, name: str, path: Path | None) -> Interactions:
        """Read the file or files."""
        columns = Columns.of(self.table)
        paths = _files(path, columns.file)
        names = tuple(each for each in columns.names.split(",") if each)
        tables = [open_rows(each, columns.separator, names) for each in paths]
        columns, notes = columns.found_in(tables[0].names(), str(paths[0]))
        apart = [each.name.partition(".")[0] for each in paths] == list(SPLITS)
        split = columns.split or ("given" if apart else "last-out" if columns.time else "random:10%")
        chosen = open_split(split)
        for table in tables[1:]:
            columns.found_in(table.names(), str(table.path))
        title, columns = columns.title, replace(columns, title="" if columns.titles else columns.title)
        log = read_log(tables, columns, apart=apart and split == "given")
        if columns.titles:
            notes = (*notes, *_add_titles(paths[0].parent / columns.titles, columns.item, title, log))
        if not columns.split:
            notes = (*notes, f"split {split}")
        return divided(name, log, chosen, notes)


def _files(path: Path | None, inside: str) -> list[Path]:
    """Return the file, or the tables of a folder: train, valid and test in this order, or parts by their names."""
    if path is None or not path.exists():
        raise UsageError(f"data {str(path)!r} does not exist; it must be a table, or a folder of tables.")
    if path.is_dir() and inside:
        path = next(
            (path / each for each in (inside, *(inside + end for end in COMPRESSED)) if (path / each).exists()),
            path / inside,
        )
    if not path.is_dir():
        if not path.exists():
            raise UsageError(f"data {str(path)!r} does not exist.")
        return [regular(path)]
    known = all_endings()
    found = sorted(each for each in path.iterdir() if ending(each) in known and not each.name.startswith((".", "_")))
    stems = {each.name.partition(".")[0]: each for each in found}
    if set(stems) == set(SPLITS) and len(found) == len(SPLITS):
        return [regular(stems[split]) for split in SPLITS]
    if len({ending(each) for each in found}) != 1:
        raise UsageError(
            f"data folder {str(path)!r} holds {len(found)} tables; it must hold one, parts of one in one format, or "
            f"{', '.join(SPLITS)}."
        )
    return [regular(each) for each in found]


def _add_titles(path: Path, item: str, title: str, log: Log) -> list[str]:
    """Add the titles of another table, and return what is to be told where there is none."""
    if not path.is_file():
        return [f"no titles: {path.name} is not there"]
    rows = open_rows(path)
    missing = next((name for name in (item, title) if name not in rows.names()), None)
    if missing is not None:
        raise OnDeviceError(f"{path} has no column {missing!r}; allowed is a table with {item!r} and {title!r}.")
    for batch in rows.batches((item, title)):
        for key, called in zip(*(as_keys(batch.column(name)).to_pylist() for name in (item, title)), strict=True):
            if key in log.items and called:
                log.titles[log.items[key]] = " ".join(called.split())
    return []
