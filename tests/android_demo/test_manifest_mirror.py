"""The app reads what Python writes: each field that the Kotlin asks for is one of the Python record, of that type."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import types
import typing
from collections.abc import Iterator
from typing import Any

import pytest

from ondevice import bundle, feature, head, ids
from ondevice.bundle import TestVectors
from ondevice.manifest import Manifest
from ondevice.tokenizer import FIELDS, Tokenizer
from ondevice.validation.contract import STEPS_PER_RANGE
from tests.android_demo.maven import DEMO

KOTLIN = DEMO / "app" / "src" / "main" / "kotlin" / "dev" / "ondevice" / "demo"
MANIFEST, VECTORS = (KOTLIN / "bundle" / name for name in ("Manifest.kt", "TestVectors.kt"))

TYPES: dict[str, Any] = {
    "text": str,
    "truth": bool,
    "whole": int,
    "count": int,
    "number": float,
    "texts": tuple[str, ...],
    "wholeOrNull": int | None,
    "wholes": tuple[int, ...],
    "numberByName": dict[str, float],
    "numbersByName": dict[str, tuple[float, ...]],
    "textsByName": dict[str, str],
}
"""Python's type by the Kotlin function that reads it."""

DEFAULTS = {"WordTokenizer.NAME": "words", "emptyList()": (), "0": 0, "true": True, '""': "", "null": None}
"""Python's value by the Kotlin expression for it."""

READ = re.compile(
    r'record\.(\w+)\("(\w+)"(?:, (?:default = )?([\w.+ ]+(?:\(\))?|""))?\)(?:\??\.(?:map|let)\(::(\w+)\))?'
)
FUNCTION = re.compile(r"fun (\w+)\(record: JsonRecord\b")


def functions(source: str) -> dict[str, str]:
    """Return the text of each function that reads a record, by its name."""
    starts = [match.start() for match in re.finditer(r"\bfun ", source)] + [len(source)]
    texts = (source[start:end] for start, end in itertools.pairwise(starts))
    return {match[1]: text for text in texts if (match := FUNCTION.match(text))}


def misfits(source: str, record: type) -> Iterator[str]:
    """Say where the Kotlin reads something else than what the Python record holds.

    Args:
        source: Kotlin file, whose function `of` reads the record.
        record: the dataclass that is written.
    """
    found = functions(source)
    assert sum(len(READ.findall(text)) for text in found.values()) == source.count("record."), "a read was overlooked"
    yield from _misfits(found, "of", record)


def _misfits(found: dict[str, str], function: str, record: type) -> Iterator[str]:
    hints = typing.get_type_hints(record)
    fields = {field.name: field for field in dataclasses.fields(record)}
    for reader, name, argument, inner in READ.findall(found[function]):
        if name not in fields:
            yield f"{record.__name__} has no field {name}"
            continue
        yield from _default_misfits(fields[name], "null" if reader.endswith("OrNull") else argument)
        if reader in TYPES:
            if hints[name] != TYPES[reader]:
                yield f"{name} is {hints[name]}, read as {reader}"
        elif (inside := _record_in(reader, hints[name])) is not None:
            yield from _misfits(found, inner or _reader_of(found, name), inside)
        else:
            yield f"{name} is {hints[name]}, read as {reader}"


def _record_in(reader: str, hint: Any) -> type | None:
    """Return the record that a field of this type holds, None if this Kotlin function can't read it."""
    kinds = {"record": (type,), "recordOrNull": (type, types.UnionType), "records": (tuple,)}
    if (typing.get_origin(hint) or type(hint)) not in kinds[reader]:
        return None
    inside = next(iter(typing.get_args(hint)), hint)
    return inside if dataclasses.is_dataclass(inside) else None


def _reader_of(found: dict[str, str], name: str) -> str:
    """Return the function that is given the record of a field, as in `headOf(record.record("head"))`."""
    [function] = re.findall(rf'(\w+)\(record\.record\("{name}"\)\)', "".join(found.values()))
    return str(function)


def _default_misfits(field: dataclasses.Field[Any], default: str) -> Iterator[str]:
    required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    if required != (default == ""):
        yield f"{field.name} is {'required' if required else 'optional'}, read as {default or 'required'}"
    elif required or field.default is dataclasses.MISSING:
        # What stands for a whole record is made of its own defaults.
        return
    elif field.default != DEFAULTS[default]:
        yield f"{field.name} is {field.default!r} by default, read as {DEFAULTS[default]!r}"


@pytest.mark.parametrize(("path", "record"), [(MANIFEST, Manifest), (VECTORS, TestVectors)])
def test_the_app_reads_what_is_written(path: Any, record: type) -> None:
    assert list(misfits(path.read_text(), record)) == []


@pytest.mark.parametrize(
    ("kotlin", "changed", "misfit"),
    [
        ('record.text("recipe")', 'record.text("best")', "Manifest has no field best"),
        ('record.count("file_bytes")', 'record.text("file_bytes")', "file_bytes is <class 'int'>, read as text"),
        ('record.text("signature")', 'record.text("recipe", 0)', "recipe is required, read as 0"),
        ('record.whole("k", default = 0)', 'record.whole("k", default = true)', "k is 0 by default, read as True"),
        ('record.count("appended_bytes", 0)', 'record.count("appended_bytes")', "appended_bytes is optional, read as"),
        ('record.text("method")', 'record.text("kind")', "Embedding has no field kind"),
        ('record.wholes("shape")', 'record.texts("shape")', "shape is tuple[int, ...], read as texts"),
        ('record.records("inputs")', 'record.records("recipe")', "recipe is <class 'str'>, read as records"),
    ],
)
def test_a_difference_is_noticed(kotlin: str, changed: str, misfit: str) -> None:
    source = MANIFEST.read_text()
    assert kotlin in source
    [found] = set(misfits(source.replace(kotlin, changed), Manifest))
    assert found.startswith(misfit)


def test_what_the_app_must_cut_as_written_down_is_cut_so_here() -> None:
    resources = DEMO / "app" / "src" / "test" / "resources"
    texts = json.loads((resources / "words.json").read_text())["texts"]
    assert texts == [{**each, "words": Tokenizer(lowercase=each["lowercase"]).words(each["text"])} for each in texts]
    given = json.loads((resources / "fields.json").read_text())
    tokenizer = Tokenizer(FIELDS, lowercase=False, fields=tuple(given["fields"]))
    assert given["texts"] == [{**each, "words": tokenizer.words(each["text"])} for each in given["texts"]]


def constants(name: str, pattern: str) -> list[Any]:
    """Return what a pattern finds in a Kotlin file of the app."""
    return re.findall(pattern, (KOTLIN / name).read_text(), re.MULTILINE)


def test_files_and_the_version_have_the_same_names() -> None:
    names = {bundle.MANIFEST_FILE, bundle.MODEL_FILE, bundle.TEST_VECTORS_FILE}
    assert set(constants("bundle/Bundle.kt", r'_FILE = "(.+)"')) == names
    assert constants("bundle/Manifest.kt", r"SCHEMA_VERSION = (\d+)") == [str(bundle.SCHEMA_VERSION)]


def test_heads_kinds_and_scores_mean_the_same() -> None:
    kinds = constants("bundle/Feature.kt", r'[A-Z]+\("(\w+)"\)')
    assert tuple(kinds) == tuple(feature.DTYPES)
    assert constants("bundle/Served.kt", r"DTYPES = listOf\((.+)\)") == ['"float32", "int32", "bool"']
    assert {each for kind in feature.DTYPES.values() for each in kind} == {"float32", "int32", "bool"}
    heads = constants("bundle/Head.kt", r'^    [A-Z_]+\("(\w+)", (?:"(\w+)"|null)\)')
    assert dict(heads) == {kind: head.ANSWERS.get(kind, "") for kind in head.KINDS}
    assert constants("bundle/Head.kt", r'SCORES = "(\w+)"') == [head.SCORES]
    assert constants("bundle/Bundle.kt", r"UNKNOWN_ID = (\d+)") == [str(ids.UNKNOWN_ID)]
    assert constants("recommend/Comparison.kt", r"STEPS_PER_RANGE = (\d+)") == [str(STEPS_PER_RANGE)]
