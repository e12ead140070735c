"""A family of members: one folder, one member per file, the file's name is the member's name."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Generic, TypeVar

from ondevice.errors import unknown_name

Base = TypeVar("Base")


def member_name(kind: type) -> str:
    """Return the name of a member of any family, given its class: that of its file."""
    return kind.__module__.rpartition(".")[2]


class Registry(Generic[Base]):
    """Finds the members of a family by their file names and imports only the one asked for.

    Args:
        kind: what a member is called in messages, e.g. `"method"`.
        package: dotted name of the folder that holds the members and nothing else.
        base: class that every member derives from; each file defines exactly one such class.
    """

    def __init__(self, kind: str, package: str, base: type[Base]) -> None:
        self.kind = kind
        self.package = package
        self.base = base
        self.loaded: dict[str, type[Base]] = {}

    def names(self) -> list[str]:
        """List the members without importing any of them."""
        package = importlib.import_module(self.package)
        return sorted(module.name for module in pkgutil.iter_modules(package.__path__))

    def load(self, name: str) -> type[Base]:
        """Import one member and return its class.

        Raises:
            UsageError: no file of the family has this name.
            TypeError: the file does not define exactly one member.
        """
        # A look-up in the family's folder takes longer than what many callers do with the member.
        if name not in self.loaded:
            self.loaded[name] = self._load(name)
        return self.loaded[name]

    def _load(self, name: str) -> type[Base]:
        if name not in self.names():
            raise unknown_name(self.kind, name, self.names())
        module = importlib.import_module(f"{self.package}.{name}")
        members = [
            value
            for value in vars(module).values()
            if inspect.isclass(value) and issubclass(value, self.base) and value.__module__ == module.__name__
        ]
        if len(members) != 1:
            raise TypeError(f"{module.__name__} must define exactly one {self.base.__name__}, found {len(members)}")
        return members[0]
