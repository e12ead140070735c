"""Broken bundles: the page refuses each of them with a sentence of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="playwright, which drives the browser, is not installed")

from tests.ondevice.web.pages import resealed, visiting

BROKEN: dict[str, tuple[Callable[[Path], dict[str, bytes | None]], str]] = {
    "no manifest": (lambda folder: {"manifest.json": None}, r"file manifest\.json is missing\.$"),
    "no model": (lambda folder: {"model.tflite": None}, r"file model\.tflite is missing\.$"),
    "another model": (
        lambda folder: {"model.tflite": (folder / "model.tflite").read_bytes() + b"x"},
        r"file model\.tflite was changed since export: its SHA-256 is not the manifest's\.$",
    ),
    "another vocabulary": (
        lambda folder: {"vocab.txt": (folder / "vocab.txt").read_bytes().replace(b"1", b"2", 1)},
        r"file vocab\.txt was changed since export",
    ),
    "half a model": (
        lambda folder: {"model.tflite": (folder / "model.tflite").read_bytes()[:1000]},
        r"file model\.tflite is cut short: 1,000 of [\d,]+ bytes are there\.$",
    ),
    "half a model, sealed": (
        lambda folder: resealed(folder, {"model.tflite": (folder / "model.tflite").read_bytes()[:1000]}),
        r"^LiteRT\.js refuses model\.tflite: ",
    ),
    "no JSON": (lambda folder: {"manifest.json": b"{"}, r"^manifest\.json is not valid JSON: "),
    "a field is missing": (
        lambda folder: resealed(folder, top_k=None),
        r"^manifest\.json: top_k is null, .* no int\.$",
    ),
    "newer": (
        lambda folder: resealed(folder, schema_version=3),
        r"schema version 3; this page reads version 2: make the page anew with the ondevice that exported it\.$",
    ),
    "another signature": (
        lambda folder: resealed(folder, signature="advise"),
        r'can\'t be called as the manifest promises: the file has no signature "advise"; it has: recommend\.$',
    ),
    "another shape": (
        lambda folder: resealed(folder, inputs=[{"name": "ids", "shape": [1, 7], "dtype": "int32"}]),
        r"the input ids as int32\[1, 48\]; the manifest promises int32\[1, 7\]\.$",
    ),
    "another name": (
        lambda folder: resealed(folder, inputs=[{"name": "history", "shape": [1, 48], "dtype": "int32"}]),
        r"has inputs named ids; the manifest promises history\.$",
    ),
    "vocabulary of another size": (
        lambda folder: resealed(folder, {"vocab.txt": (folder / "vocab.txt").read_bytes() + b"more\n"}),
        r"^vocab\.txt has 303 lines; the manifest promises 302 ids\.$",
    ),
    "vocabulary cut off": (
        lambda folder: resealed(folder, {"vocab.txt": (folder / "vocab.txt").read_bytes()[:-3]}),
        r"^vocab\.txt is cut off: its last line ",
    ),
    "another task": (
        lambda folder: resealed(folder, task="chess"),
        r'for the task "chess"; this page knows ranking, text, clicks',
    ),
    "another tokenizer": (
        lambda folder: resealed(folder, task="text", tokenizer={"name": "pieces", "lowercase": True}),
        r'^The bundle\'s tokenizer is "pieces"; for the task text this page knows words\.$',
    ),
    "a tokenizer of another task": (
        lambda folder: resealed(folder, task="clicks", tokenizer={"name": "words", "lowercase": True}),
        r'^The bundle\'s tokenizer is "words"; for the task clicks this page knows fields\.$',
    ),
    "a task without a tokenizer": (
        lambda folder: resealed(folder, task="clicks"),
        r'^The bundle\'s tokenizer is "none"; for the task clicks this page knows fields\.$',
    ),
    "fields that are no names": (
        lambda folder: resealed(
            folder, task="clicks", tokenizer={"name": "fields", "lowercase": False, "fields": ["a", 2]}
        ),
        r"^manifest\.json: tokenizer is .*, which is no Tokenizer \| None\.$",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_bundle_is_refused_with_its_own_sentence(opened, site, bundle, name) -> None:
    files, sentence = BROKEN[name]
    with visiting(opened, site, files(bundle.folder)) as visit:
        assert re.search(sentence, visit.reason), visit.reason
        assert visit.page.locator("#view").is_hidden()
        assert visit.page.locator("#about").is_hidden()
        # A file that is not there is told by the browser, too.
        assert [error for error in visit.errors if "404" not in error] == []
