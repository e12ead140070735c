"""The registry: a member is a file, the file's name is the member's name, and no error is hidden."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ondevice.errors import UsageError, unknown_name
from ondevice.registry import Registry

PACKAGE = "members_of_a_test_family"


class Base:
    """What the members of the family derive from."""


MEMBER = f"from {__name__} import Base\n\nclass Member(Base):\n    pass\n"


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Registry[Base]]]:
    """Return a function that makes a family of the given files."""

    def make(**members: str) -> Registry[Base]:
        folder = tmp_path / PACKAGE
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        for name, source in members.items():
            (folder / f"{name}.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        # A member must meet this very module's class, whatever name pytest imported it under.
        monkeypatch.setitem(sys.modules, __name__, sys.modules[Base.__module__])
        importlib.invalidate_caches()
        return Registry("thing", PACKAGE, Base)

    yield make
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]


def test_names_are_the_files_and_none_is_imported(family: Callable[..., Registry[Base]]) -> None:
    registry = family(second=MEMBER, first="raise RuntimeError('imported')")
    assert registry.names() == ["first", "second"]
    assert f"{PACKAGE}.second" not in sys.modules


def test_only_the_member_asked_for_is_imported(family: Callable[..., Registry[Base]]) -> None:
    registry = family(good=MEMBER, bad="raise RuntimeError('imported')")
    assert registry.load("good").__name__ == "Member"
    assert f"{PACKAGE}.bad" not in sys.modules


def test_error_in_a_member_gets_through(family: Callable[..., Registry[Base]]) -> None:
    with pytest.raises(RuntimeError, match="broken member"):
        family(bad="raise RuntimeError('broken member')").load("bad")


def test_unknown_name_suggests_the_nearest(family: Callable[..., Registry[Base]]) -> None:
    registry = family(alpha=MEMBER, beta=MEMBER)
    with pytest.raises(UsageError) as raised:
        registry.load("alhpa")
    assert str(raised.value) == "unknown thing 'alhpa', did you mean 'alpha'? Choose one of: alpha, beta."


@pytest.mark.parametrize("name", ["", "zzzz", "..alpha", "__init__"])
def test_name_unlike_any_has_no_suggestion(family: Callable[..., Registry[Base]], name: str) -> None:
    with pytest.raises(UsageError, match=r"unknown thing .*Choose one of: alpha\."):
        family(alpha=MEMBER).load(name)


def test_file_with_two_members_is_a_mistake(family: Callable[..., Registry[Base]]) -> None:
    registry = family(both=MEMBER + "\nclass Other(Base):\n    pass\n")
    with pytest.raises(TypeError, match=rf"{PACKAGE}\.both must define exactly one Base, found 2"):
        registry.load("both")


def test_file_without_a_member_is_a_mistake(family: Callable[..., Registry[Base]]) -> None:
    # The base is imported here and not defined, and another class is no member.
    registry = family(none=f"from {__name__} import Base\n\nclass Other:\n    pass\n")
    with pytest.raises(TypeError, match=r"must define exactly one Base, found 0"):
        registry.load("none")


def test_imported_member_does_not_count(family: Callable[..., Registry[Base]]) -> None:
    extended = f"from {PACKAGE}.plain import Member\n\nclass Extended(Member):\n    pass\n"
    assert family(plain=MEMBER, extended=extended).load("extended").__name__ == "Extended"


def test_unknown_name_without_choices_is_still_one_sentence() -> None:
    assert str(unknown_name("thing", "x", [])).startswith("unknown thing 'x'.")
