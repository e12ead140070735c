"""`user item item …` lines in train, valid and test files: the format of the LightGCN line of work."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ondevice.data.interactions import Interactions
from ondevice.data.lists import Lists
from ondevice.data.reader import Reader, integer_lines, split_files
from ondevice.errors import OnDeviceError

LARGEST_ITEM = int(np.iinfo(np.int32).max)


class UserItems(Reader):
    """Reads a folder with `train.txt`, `valid.txt` and `test.txt`, each perhaps with `.gz`.

    Each line is a user and the items of that user as integers; order means nothing. Items keep their numbers as keys;
    users without training items are left out.
    """

    def read(self, name: str, path: Path | None) -> Interactions:
        """Read the three files."""
        files = split_files(path, ".txt")
        splits = {split: _read_split(file) for split, file in files.items()}
        users = sorted(user for user, items in splits["train"].items() if items)
        if not users:
            raise OnDeviceError(f"{files['train']} holds no user with an item.")
        lists = {part: Lists.of([found.get(user, []) for user in users]) for part, found in splits.items()}
        numbers, places = np.unique(np.concatenate([each.values for each in lists.values()]), return_inverse=True)
        ends = np.cumsum([len(each.values) for each in lists.values()])[:-1]
        train, valid, test = (
            Lists(each.offsets, values)
            for each, values in zip(lists.values(), np.split(places.astype(np.int32), ends), strict=True)
        )
        return Interactions(name, tuple(map(str, numbers.tolist())), train, valid, test, ordered=False)


def _read_split(path: Path) -> dict[int, list[int]]:
    split: dict[int, list[int]] = {}
    for number, (user, *items) in integer_lines(path):
        if user in split:
            raise OnDeviceError(f"{path}, line {number}: user {user} has a second line; each user has one.")
        if max(items, default=0) > LARGEST_ITEM:
            raise OnDeviceError(
                f"{path}, line {number}: item {max(items)} is above the largest allowed, {LARGEST_ITEM}."
            )
        # A repeated item would count twice in the metrics.
        split[user] = list(dict.fromkeys(items))
    return split
