"""Time-ordered `user item item …` lines in one file, split by leaving the last items out."""

from __future__ import annotations

from pathlib import Path

from ondevice.data.interactions import Interactions
from ondevice.data.lists import Lists
from ondevice.data.reader import Reader, integer_lines, only_file
from ondevice.errors import OnDeviceError

SHORTEST = 3
"""One item to learn from, one for validation, one for test."""


class Sequences(Reader):
    """Reads one `.txt` or `.txt.gz` file, or the only one in a folder.

    Each line is a user and the user's items in the order of time. The last item is for test, the last but one for
    validation; users with fewer than three items are left out. Items keep their numbers as keys.
    A user with two lines is an error: the later line may hold what the earlier one is tested on.
    """

    def read(self, name: str, path: Path | None) -> Interactions:
        """Read the file and split every sequence."""
        path = only_file(path, ("*.txt", "*.txt.gz"), ".txt or .txt.gz file", "sequences")
        sequences = [items for items in _by_user(path).values() if len(items) >= SHORTEST]
        if not sequences:
            raise OnDeviceError(f"{path} holds no user with at least {SHORTEST} items.")
        numbers = {item: 0 for sequence in sequences for item in sequence}
        for number, item in enumerate(sorted(numbers)):
            numbers[item] = number
        users = [[numbers[item] for item in sequence] for sequence in sequences]
        return Interactions(
            name,
            tuple(str(item) for item in sorted(numbers)),
            Lists.of([user[:-2] for user in users]),
            Lists.of([user[-2:-1] for user in users]),
            Lists.of([user[-1:] for user in users]),
            ordered=True,
        )


def _by_user(path: Path) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for number, (user, *items) in integer_lines(path):
        if user in found:
            raise OnDeviceError(f"{path}, line {number}: user {user} has a second line; each user has one.")
        found[user] = items
    return found
