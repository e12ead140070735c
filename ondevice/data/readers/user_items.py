"""`user item item …` lines in train, valid and test files: the format of the LightGCN line of work."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ondevice.data.interactions import Interactions, in_order
from ondevice.data.keys import Numbers, place
from ondevice.data.lines import read_user_lists
from ondevice.data.reader import Reader, split_files
from ondevice.errors import OnDeviceError
from ondevice.units import counted


class UserItems(Reader):
    """Reads a folder with `train.txt`, `valid.txt` and `test.txt`, each perhaps with `.gz`.

    Each line is a user and the items of that user; order means nothing, and what is repeated counts once. Users and
    items are keys as they are written. Users without training items are left out.
    """

    def read(self, name: str, path: Path | None) -> Interactions:
        """Read the three files."""
        files = split_files(path, ".txt")
        users, items = Numbers(), Numbers()
        # A repeated item would count twice in the metrics.
        splits = {split: read_user_lists(file, users, items, once=True) for split, file in files.items()}
        train = splits["train"]
        learned = train.users[np.diff(train.lists.offsets) > 0]
        if not len(learned):
            raise OnDeviceError(f"{files['train']} holds no user with an item.")
        keys = list(users)
        ordered = sorted(learned.tolist(), key=lambda user: place(keys[user]))
        notes = []
        if left_out := len(users) - len(ordered):
            notes.append(f"left out: {counted(left_out, 'user')} without training items")
        if repeated := sum(each.repeated for each in splits.values()):
            notes.append(f"counted once: {counted(repeated, 'repeated item')} of a line")
        return in_order(name, items, [each.of(ordered) for each in splits.values()], ordered=False, notes=notes)
