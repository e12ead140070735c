"""Damaged files of data are refused with a sentence, or are data that can be counted, by every reader of files."""

from __future__ import annotations

import functools
import gzip
import itertools
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.contracts.test_readers import NAMES, SAMPLES
from tests.fuzz.damage import CASES, damaged_bytes, require_told


@functools.cache
def good(reader: str) -> dict[str, bytes]:
    """Return the files of a reader's sample by name; none for one that reads none."""
    _, write = SAMPLES[reader]
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def cases(seed: int) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Give readers and files, one of which is damaged, some compressed, without end."""
    chosen = random.Random(seed)
    readers = [name for name in NAMES if good(name)]
    for reader in itertools.cycle(readers):
        files = dict(good(reader))
        name = chosen.choice(sorted(files))
        if not name.endswith(".gz"):
            how = chosen.randrange(6)
            content = files.pop(name)
            damaged = damaged_bytes(content, chosen) if how < 5 else content
            packed = damaged_bytes(gzip.compress(damaged), chosen) if how == 5 else gzip.compress(damaged)
            files |= {name: damaged} if how < 4 else {f"{name}.gz": packed}
        elif chosen.random() < 0.5:
            files[name] = damaged_bytes(files[name], chosen)
        else:
            files[name] = gzip.compress(damaged_bytes(gzip.decompress(files[name]), chosen))
        yield reader, files


def run(case: tuple[str, dict[str, bytes]]) -> None:
    """Read the data and count what training would use."""
    reader, files = case
    make, _ = SAMPLES[reader]
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        data = make().read("a name", Path(folder))
    assert len(data.counts) == data.items == len(data.item_keys)
    # Data without any key are refused before anybody asks.
    assert not data.items or data.summary().encode()
    assert len(data.contexts) >= 0


def test_every_reader_of_files_reads_its_good_ones() -> None:
    for reader in NAMES:
        if good(reader):
            run((reader, good(reader)))


def test_damaged_ones_are_told() -> None:
    for case in itertools.islice(cases(0), CASES):
        require_told(run, case)
