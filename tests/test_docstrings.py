"""The examples in the documentation of public functions say what is so."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
NAMES = {"np": np}
"""What a reader of an example is expected to have imported beside the module's own names."""

MODULES = sorted(
    ".".join((*package, *path.relative_to(ROOT / source).with_suffix("").parts))
    for source, package in (("ondevice", ("ondevice",)), ("converters", ("ondevice", "converters")))
    for path in (ROOT / source).rglob("*.py")
    if re.search(r"^\s+>>> (?!.*doctest: \+SKIP)", path.read_text(encoding="utf-8"), re.MULTILINE)
)


def test_the_main_doors_have_examples() -> None:
    assert {"ondevice.feature", "ondevice.head", "ondevice.embeddings.layer"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name: str) -> None:
    module = importlib.import_module(name)
    found = doctest.testmod(module, extraglobs=NAMES, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.failed == 0
