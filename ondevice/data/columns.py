"""Which column of a table is what, which rows count, and how they are split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ondevice.errors import UsageError

KNOWN = {
    "user": (
        "user",
        "userid",
        "user_id",
        "reviewerid",
        "customer_id",
        "customerid",
        "visitorid",
        "session_id",
        "sessionid",
    ),
    "item": (
        *("item", "itemid", "item_id", "movieid", "movie_id", "parent_asin", "asin", "product_id", "productid"),
        *("business_id", "article_id", "track_id", "song_id", "artistid", "book_id", "isbn", "location_id"),
    ),
    "time": ("timestamp", "time", "datetime", "date", "unixreviewtime", "t_dat", "ts"),
    "rating": ("rating", "stars", "overall", "score"),
    "title": ("title", "item_title", "movie_title", "product_title"),
}
"""Names, in small letters, from which a column is known without being told."""

SHOWN = 12
"""Names of columns that a message lists, at most."""


@dataclass(frozen=True)
class Columns:
    """What a table of interactions is read by.

    Args:
        user: name of the column with the user's key; empty to know it by its name.
        item: the same of the item's key.
        time: column of the time, a number or a date; empty to know it by its name, `none` for no time.
        rating: column of the rating, read beside `min_rating` only; empty to know it by its name.
        title: column of what an item is called for people; empty to know it by its name, `none` for no titles.
        min_rating: lowest rating that counts.
        split: `last-out`, `time:DATE`, `time:SHARE`, `random:SHARE` or `given`; empty for `last-out` with times and
            `random:10%` without.
        separator: what stands between two values of a text; empty for a comma in `.csv` files and else a tab.
        names: names of the columns with commas between, where the first line does not say them.
        titles: name of another table beside, with the column of the item and that of the title; empty for none.
        file: name of the file in the folder of the data; empty if the data are a file.
    """

    user: str = ""
    item: str = ""
    time: str = ""
    rating: str = ""
    title: str = ""
    min_rating: float = float("-inf")
    split: str = ""
    separator: str = ""
    names: str = ""
    titles: str = ""
    file: str = ""

    @property
    def limited(self) -> bool:
        """Whether only rows of some rating count."""
        return self.min_rating > float("-inf")

    @classmethod
    def of(cls, values: Mapping[str, int | float | str | bool]) -> Columns:
        """Build from what was asked for.

        Raises:
            UsageError: a name or a value is none of these.
        """
        known = {field.name: float if field.name == "min_rating" else str for field in fields(cls)}
        for name, value in values.items():
            if name not in known or not isinstance(value, known[name] if known[name] is str else (int, float)):
                raise UsageError(
                    f"table setting {name} is {value!r}; allowed are {', '.join(known)}, all but min_rating texts."
                )
        return cls(**values)  # type: ignore[arg-type]

    def found_in(self, names: Sequence[str], of: str) -> tuple[Columns, tuple[str, ...]]:
        """Return the columns with those that are known by their names, and what was found so.

        Args:
            names: names of the table's columns.
            of: what the table is called in messages.

        Raises:
            UsageError: a column is missing, or two could be meant.
        """
        guessed: dict[str, Any] = {}
        for what, aliases in KNOWN.items():
            asked = getattr(self, what)
            if asked and asked not in names and asked != NONE and not (what == "title" and self.titles):
                raise UsageError(f"{what} column is {asked!r}; allowed is one of {of}: {listed(names)}.")
            if not asked and (what != "rating" or self.limited):
                found = [name for alias in aliases for name in names if name.lower() == alias]
                if len(found) > 1:
                    raise UsageError(f"{of} has columns {listed(found)}, so say which is the {what}: --{what} NAME.")
                if found:
                    guessed[what] = found[0]
        chosen = replace(self, **guessed)
        for what in ("user", "item", *(["rating"] if self.limited else [])):
            if getattr(chosen, what) in ("", NONE):
                raise UsageError(f"{of} has columns {listed(names)}, so say which is the {what}: --{what} NAME.")
        unwanted: dict[str, Any] = {what: "" for what in ("time", "title") if getattr(chosen, what) == NONE}
        chosen = replace(chosen, **unwanted)
        return chosen, tuple(f"{what} is column {name!r}" for what, name in guessed.items())


NONE = "none"


def listed(names: Sequence[str]) -> str:
    """Return the names of columns for a message."""
    more = f" … ({len(names):,} columns)" if len(names) > SHOWN else ""
    return ", ".join(repr(name[:40]) for name in names[:SHOWN]) + more
