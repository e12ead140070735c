"""Time-ordered `user item item …` lines in one file, split by leaving the last items out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ondevice.data.interactions import Interactions, divided
from ondevice.data.keys import Numbers
from ondevice.data.lines import read_user_lists
from ondevice.data.log import Log
from ondevice.data.reader import Reader, only_file
from ondevice.data.splits.last_out import LastOut


class Sequences(Reader):
    """Reads one `.txt` or `.txt.gz` file, or the only one in a folder.

    Each line is a user and the user's items in the order of time. The last item is for test, the last but one for
    validation; users with fewer than three items are left out. Users and items are keys as they are written.
    A user with two lines is an error: the later line may hold what the earlier one is tested on.
    """

    def read(self, name: str, path: Path | None) -> Interactions:
        """Read the file and split every sequence."""
        path = only_file(path, ("*.txt", "*.txt.gz"), ".txt or .txt.gz file", "sequences")
        items = Numbers()
        lists = read_user_lists(path, Numbers(), items, once=False).lists
        return divided(name, Log(lists, np.arange(len(lists.values), dtype=np.float64), None, items, {}, ()), LastOut())
