"""Broken bundles: the page refuses each of them with a sentence of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="playwright, which drives the browser, is not installed")

from ondevice.bundle import MANIFEST_FILE
from tests.ondevice.web.pages import resealed, visiting


def changed_input(folder: Path, **changes: object) -> list[dict[str, object]]:
    """Return the inputs of a bundle of one input, that one changed."""
    [feature] = json.loads((folder / MANIFEST_FILE).read_text())["inputs"]
    return [feature | changes]


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
        lambda folder: resealed(folder, head={"k": 3}),
        r"^manifest\.json has no field head\.kind\.$",
    ),
    "a field is of another type": (
        lambda folder: resealed(folder, recipe=None),
        r"^manifest\.json: recipe is null, which is no str\.$",
    ),
    "newer": (
        lambda folder: resealed(folder, schema_version=4),
        r"schema version 4; this page reads version 3: make the page anew with the ondevice that exported it\.$",
    ),
    "older": (
        lambda folder: resealed(folder, schema_version=2),
        r"schema version 2; this page reads version 3: export the model again\.$",
    ),
    "another signature": (
        lambda folder: resealed(folder, signature="advise"),
        r'can\'t be called as the manifest promises: the file has no signature "advise"; it has: recommend\.$',
    ),
    "another shape": (
        lambda folder: resealed(folder, inputs=changed_input(folder, shape=[1, 7])),
        r"the input ids as int32\[1, 48\]; the manifest promises int32\[1, 7\]\.$",
    ),
    "another name": (
        lambda folder: resealed(folder, inputs=changed_input(folder, name="history")),
        r"has inputs named ids; the manifest promises history\.$",
    ),
    "a type that the runtime lacks": (
        lambda folder: resealed(folder, inputs=changed_input(folder, dtype="bool")),
        r'^LiteRT\.js refuses model\.tflite: "ids" is bool, and it takes tensors of float32, int32, uint8 only\.$',
    ),
    "another kind of input": (
        lambda folder: resealed(folder, inputs=changed_input(folder, kind="image")),
        r'^The bundle has the kind of input "image"; this page knows ids, number, bool\.$',
    ),
    "another head": (
        lambda folder: resealed(folder, head={"kind": "boxes"}),
        r'^The bundle has the head "boxes"; this page knows top_k, probabilities, values\.$',
    ),
    "more inputs than a task has": (
        lambda folder: resealed(folder, inputs=2 * changed_input(folder)),
        r"^The bundle has the head top_k, 2 inputs .*; for the task ranking this page needs the head top_k, one input ",
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
        r'^The bundle has the task "chess"; this page knows ranking, text, clicks\.$',
    ),
    "another tokenizer": (
        lambda folder: resealed(folder, inputs=changed_input(folder, tokenizer={"name": "pieces"})),
        r'^The bundle has the tokenizer "pieces"; this page knows words, fields\.$',
    ),
    "a tokenizer of another task": (
        lambda folder: resealed(folder, inputs=changed_input(folder, tokenizer={"name": "words"})),
        r"^The bundle has .* the tokenizer words; for the task ranking this page needs .* the tokenizer none\.$",
    ),
    "a task without a tokenizer": (
        lambda folder: resealed(folder, task="clicks", head={"kind": "probabilities", "k": 1, "labels": ["click"]}),
        r"^The bundle has .* the tokenizer none; for the task clicks this page needs .* the tokenizer fields\.$",
    ),
    "fields that are no names": (
        lambda folder: resealed(
            folder, inputs=changed_input(folder, tokenizer={"name": "fields", "lowercase": False, "fields": ["a", 2]})
        ),
        r"^manifest\.json: inputs\[0\]\.tokenizer\.fields\[1\] is 2, which is no str\.$",
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
