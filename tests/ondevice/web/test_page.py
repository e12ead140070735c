"""The page in a real browser: it answers as the reference does, refuses what is broken, and asks nobody else."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("playwright", reason="playwright, which drives the browser, is not installed")

from playwright.sync_api import BrowserContext, Page, expect

from ondevice import bundle as bundles
from ondevice.bundle import Bundle, TestVector
from ondevice.cli.main import main
from ondevice.devices.browser.chromium import browser
from ondevice.devices.browser.server import serving
from ondevice.errors import OnDeviceError
from ondevice.manifest import Manifest
from ondevice.pipeline.export import export
from ondevice.pipeline.validate import validate
from ondevice.pipeline.web import write_page
from ondevice.training.run_folder import Run
from ondevice.validation.contract import answer_problem, score_error
from ondevice.web.sources import PAGE
from tests.browsers import require_browser
from tests.ondevice.web.pages import Visit, resealed, visiting
from tests.ondevice.web.text_bundles import KEYS, LABELS, LENGTH, encode, expected, write_text_bundle


class Silent(SimpleHTTPRequestHandler):
    """What `python3 -m http.server` serves with, but that it says nothing."""

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def run(tiny_run: Callable[[str], Run]) -> Run:
    require_browser()
    return tiny_run("memcom block")


@pytest.fixture(scope="module")
def bundle(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return export(run.folder, tmp_path_factory.mktemp("web") / "bundle")


@pytest.fixture(scope="module")
def site(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = write_page(bundle.folder, tmp_path_factory.mktemp("site") / "page")
    with serving(folder) as address:
        yield address


@pytest.fixture(scope="module")
def text_site(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("text")
    site = write_page(bundle.folder, folder / "page")
    shutil.rmtree(site / "bundle")
    write_text_bundle(site / "bundle", bundle.folder, folder / "model")
    with serving(site) as address:
        yield address


@pytest.fixture(scope="module")
def opened() -> Iterator[BrowserContext]:
    """A browser as wide as a phone."""
    require_browser()
    with browser(viewport={"width": 390, "height": 844}) as context:
        yield context


@pytest.fixture(scope="module")
def shown(opened: BrowserContext, site: str) -> Iterator[Visit]:
    """The page as it comes up, not to be changed."""
    with visiting(opened, site) as visit:
        yield visit


@pytest.fixture(scope="module")
def modules(opened: BrowserContext, site: str) -> Iterator[Page]:
    """A page on which modules can be imported one by one."""
    page = opened.new_page()
    page.goto(f"{site}icon.svg")
    yield page
    page.close()


def vector(bundle: Bundle, name: str) -> TestVector:
    return next(each for each in bundle.vectors.vectors if each.name == name)


def test_self_check_passes_and_nobody_but_the_server_is_asked(shown, site, bundle) -> None:
    assert shown.reason == ""
    total = len(bundle.vectors.vectors)
    expect(shown.page.locator("#check")).to_contain_text(f"All {total} test answers are those of the reference model")
    expect(shown.page.locator("#badge")).to_contain_text(re.compile(r"Self-check passed · \d+\.\d\d ms"))
    facts = shown.page.locator("#facts").inner_text()
    assert re.search(r"p50\s+\d+\.\d+ ms\s+half of 200 took less\s", facts), "the clock is a fine one"
    assert f"{round(bundle.model.stat().st_size / 1e3)} kB" in facts
    assert f"{bundle.manifest.vocabulary_size - 2}" in facts
    assert shown.errors == []
    assert [url for url in shown.asked if not url.startswith(site)] == []
    loaded = {url.removeprefix(site) for url in shown.asked}
    assert {name for name in loaded if name.endswith(".wasm")} == {"litert/wasm/litert_wasm_internal.wasm"}
    # No module is there that no page loads.
    assert {path.name for path in PAGE.iterdir()} <= loaded | {"index.html"}


def test_any_static_server_will_do(opened, bundle, tmp_path) -> None:
    folder = write_page(bundle.folder, tmp_path / "page")
    handler = functools.partial(Silent, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with visiting(opened, f"http://localhost:{server.server_address[1]}/") as visit:
                assert (visit.reason, visit.errors) == ("", [])
                expect(visit.page.locator("#check")).to_have_attribute("data-verdict", "passed")
                expect(visit.page.locator("#facts")).to_contain_text("the clock has steps of 0.1 ms")
        finally:
            server.shutdown()


def test_the_page_itself_forbids_requests_to_others(opened, site) -> None:
    with visiting(opened, site) as visit:
        blocked = "fetch('http://localhost:9/').then(() => 'sent', () => 'blocked')"
        with visit.page.expect_console_message(lambda said: "Content Security Policy" in said.text):
            assert visit.page.evaluate(blocked) == "blocked"


def test_picking_an_item_gives_the_references_recommendations(opened, site, bundle) -> None:
    wanted = vector(bundle, "first item")
    keys = (bundle.folder / bundles.VOCABULARY_FILE).read_text().split("\n")
    with visiting(opened, site) as visit:
        page = visit.page
        page.get_by_role("button", name="Clear").click()
        field = page.get_by_role("combobox", name="Search items to add")
        field.fill(keys[wanted.ids[0]].upper())
        expect(field).to_have_attribute("aria-expanded", "true")
        field.press("ArrowDown")
        chosen = page.locator(f"#{field.get_attribute('aria-activedescendant')}")
        expect(chosen).to_have_attribute("aria-selected", "true")
        expect(chosen).to_contain_text(keys[wanted.ids[0]])
        field.press("Enter")
        expect(page.locator("#chips > li")).to_have_count(1)
        expect(page.locator("#answers-status")).to_contain_text(f"the first is {wanted.keys[0]}")
        items = visit.answers()
        scores = [float(text) for text in page.locator("#answers .number").all_inner_texts()]
        error = score_error(
            np.array(items), np.array(scores), np.array(wanted.items), np.array(wanted.scores), wanted.score_range
        )
        # The page shows two decimals.
        assert error <= bundle.manifest.score_tolerance_steps + 0.005 / (wanted.score_range / 255)
        assert [keys[item] for item in items] == page.locator("#answers .name").all_inner_texts()

        page.get_by_role("button", name=f"Add {keys[items[0]]} to the history").click()
        expect(page.locator("#chips > li")).to_have_count(2)
        assert items[0] not in visit.answers(), "what is in the history is not recommended"
        expect(page.locator("#answers button").first).to_be_focused()
        page.get_by_role("button", name=f"Remove {keys[items[0]]}").click()
        expect(page.locator("#chips > li")).to_have_count(1)
        assert visit.answers() == items
        field.fill("no such item")
        expect(page.locator("#nothing")).to_have_text("No item is called anything like “no such item”.")
        assert visit.errors == []


def test_a_text_is_classified_as_the_reference_does(opened, text_site) -> None:
    with visiting(opened, text_site) as visit:
        page = visit.page
        assert visit.reason == ""
        expect(page.locator("#check")).to_contain_text("All 8 test answers are those of the reference model")
        text = "Such a BORING, boring, boring film"
        page.get_by_role("textbox", name="Your text").fill(text)
        labels, shares = expected(encode(text))
        expect(page.locator("#answers .name")).to_have_text([LABELS[label] for label in labels])
        assert page.locator("#answers .number").first.inner_text() == f"{shares[0] * 100:.0f} %"
        expect(page.locator("#count")).to_have_text(f"6 words, the last {LENGTH} count" if LENGTH < 6 else "6 words")
        expect(page.locator("#unknown")).to_have_text("Words the model does not know: such, a, film")
        assert visit.errors == []


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
        r'for the task "chess"; this page knows ranking and',
    ),
    "another tokenizer": (
        lambda folder: resealed(folder, task="text", tokenizer={"name": "pieces", "lowercase": True}),
        r'^The bundle\'s tokenizer is "pieces"; this page knows words\.$',
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


def test_the_first_difference_to_the_reference_is_told(opened, site, bundle) -> None:
    content = json.loads((bundle.folder / bundles.TEST_VECTORS_FILE).read_text())
    content["vectors"][1]["scores"][0] += 1.0
    content["vectors"][2]["keys"][3] = "something else"
    files = resealed(bundle.folder, {bundles.TEST_VECTORS_FILE: json.dumps(content).encode()})
    with visiting(opened, site, files) as visit:
        check = visit.page.locator("#check")
        expect(check).to_have_attribute("data-verdict", "failed")
        named = re.escape(content["vectors"][1]["name"])
        expect(check).to_contain_text(
            re.compile(rf'2 of \d+ test answers differ\. Test vector "{named}": scores differ')
        )
        expect(visit.page.locator("#badge")).to_contain_text("Self-check failed")


def test_the_self_check_has_the_rule_of_validation(modules, site, bundle) -> None:
    """Random answers, right and wrong, are judged by the page's module and by Python's alike."""
    rng = np.random.default_rng(1)
    manifest = dataclasses.replace(bundle.manifest, vocabulary_size=12)
    cases = []
    for _ in range(300):
        best = rng.permutation(np.arange(2, 12))
        best_scores = np.sort(rng.normal(0, 2, 10))[::-1]
        items = rng.permutation(best[:6])[:4] if rng.random() < 0.5 else best[:4]
        items = np.where(rng.random(4) < 0.05, rng.integers(-1, 14, 4), items)
        scores = best_scores[:4] + rng.normal(0, 0.1, 4) * (rng.random() < 0.7)
        scores = np.where(rng.random(4) < 0.02, np.nan, np.sort(scores)[::-1] if rng.random() < 0.9 else scores)
        ids = rng.integers(0, 12, 3) if rng.random() < 0.3 else np.zeros(3, int)
        span = 0.0 if rng.random() < 0.1 else 5.0
        cases.append((ids, items, scores, best, best_scores, span))
    given = [
        {
            "ids": ids.tolist(),
            "items": items.tolist(),
            "scores": [None if np.isnan(score) else score for score in scores],
            "vector": {"items": best.tolist(), "scores": best_scores.tolist(), "score_range": span},
        }
        for ids, items, scores, best, best_scores, span in cases
    ]
    judge = """async ({ address, cases, manifest }) => {
        const { answerProblem, scoreError } = await import(`${address}selfcheck.js`);
        return cases.map(({ ids, items, scores, vector }) => {
            const answer = { items, scores: scores.map((score) => score ?? NaN) };
            const error = scoreError(answer, vector);
            return [answerProblem(manifest, ids, answer) !== "", error === Infinity ? "infinite" : error];
        });
    }"""
    about = {"task": "ranking", "vocabulary_size": 12, "excludes_history": manifest.excludes_history, "labels": []}
    found = modules.evaluate(judge, {"address": site, "cases": given, "manifest": about})
    problems = 0
    for (ids, items, scores, best, best_scores, span), (wrong, error) in zip(cases, found, strict=True):
        problem = answer_problem(manifest, ids.tolist(), items, scores)
        assert bool(problem) == wrong, problem
        problems += wrong
        if not np.isnan(scores).any():
            allowed = score_error(items, scores, best, best_scores, span)
            assert float("inf" if error == "infinite" else error) == pytest.approx(allowed, rel=1e-9)
    assert 30 < problems < 270


def test_the_tokenizer_cuts_as_the_contract_says(modules, site) -> None:
    texts = [
        "It's GREAT<br />, really great!", "", "  ", "a-b_c'd\t9", "ÜBER straße ÉTÉ", "x\u0080y \u007f z",
        "日本語 テスト", "smile \U0001f600!", "I\u0130i", "don\u2019t", "A" * 3 + " b" * 9, "NUL\x00and\u00a0space",
    ]  # fmt: skip
    cut = """async ({ address, keys, length, texts }) => {
        const { Tokenizer, words } = await import(`${address}tokenizer.js`);
        const { Vocabulary } = await import(`${address}vocabulary.js`);
        const tokenizer = new Tokenizer({ name: "words", lowercase: true }, new Vocabulary(keys), length);
        return texts.map((text) => [words(text, true), [...tokenizer.encode(text)]]);
    }"""
    found = modules.evaluate(cut, {"address": site, "keys": KEYS, "length": LENGTH, "texts": texts})
    for text, (words, ids) in zip(texts, found, strict=True):
        lowered = re.sub("[A-Z]", lambda letter: letter[0].lower(), text)
        assert words == re.findall("[a-zA-Z0-9'\u0080-\U0010ffff]+", lowered)
        assert ids == encode(text)


def test_search_finds_the_best_first_and_percentiles_are_numpys(modules, site) -> None:
    keys = ["<padding>", "<unknown>", "big noir-12", "noir-1", "noir-10", "Ünoir", "rock-1", "noir"]
    look = """async ({ address, keys, queries, samples }) => {
        const { Vocabulary } = await import(`${address}vocabulary.js`);
        const { percentile } = await import(`${address}latency.js`);
        const vocabulary = new Vocabulary(keys);
        const found = queries.map((query) => vocabulary.search(query, 4, new Set([6])));
        return [found, [0, 50, 95, 100].map((percent) => percentile(samples, percent))];
    }"""
    queries = ["NOIR", "noir 1", "unoir", "  ", "rock", "<pad", "big"]
    samples = np.random.default_rng(0).random(37).tolist()
    given = {"address": site, "keys": keys, "queries": queries, "samples": samples}
    found, percentiles = modules.evaluate(look, given)
    assert found == [[7, 3, 4, 2], [2, 3, 4], [5], [], [], [], [2]]
    assert percentiles == pytest.approx(np.percentile(samples, [0, 50, 95, 100]).tolist())


def test_the_page_reads_the_manifest_that_is_written(modules, site) -> None:
    """Every field that the page needs is one of the manifest's, of the same type and with the same default."""
    read = "async (address) => (await import(`${address}manifest.js`)).FIELDS"
    known = {each.name: each for each in dataclasses.fields(Manifest)}
    for name, field in modules.evaluate(read, site).items():
        assert field["type"] == known[name].type
        default = known[name].default
        assert ("default" in field) == (default is not dataclasses.MISSING), name
        if "default" in field:
            assert field["default"] == (list(default) if isinstance(default, tuple) else default)


def test_the_page_reads_the_version_that_is_written(modules, site) -> None:
    read = "async (address) => (await import(`${address}manifest.js`)).SCHEMA_VERSION"
    assert modules.evaluate(read, site) == bundles.SCHEMA_VERSION


def test_a_bundle_is_validated_in_the_browser(bundle, run, tmp_path) -> None:
    validation = validate(bundle.folder, run.folder, device="web", users=50, out=tmp_path / "verdict.json")
    [result] = validation.results
    assert (result.failures, result.measurement.status) == ((), "ok")
    assert (validation.device, result.measurement.runtime) == ("web", "litert.js-2.5.3")
    assert validation.machine["system"].startswith("Chrom")
    assert 0 <= result.largest_score_error_steps <= bundle.manifest.score_tolerance_steps
    assert result.quality is not None
    assert result.quality.users == 50
    assert (result.measurement.memory_growth_bytes, result.measurement.cpu_features) == (-1, ())


def test_every_button_has_a_name_and_is_large_enough_for_a_finger(shown) -> None:
    look = """() => {
        const seen = [...document.querySelectorAll("button, input")].filter((each) => each.checkVisibility());
        return seen.map((each) => {
            const { width, height } = each.getBoundingClientRect();
            const label = each.labels?.[0]?.textContent ?? "";
            return [each.ariaLabel ?? each.textContent ?? "", Math.min(width, height), label];
        });
    }"""
    found = shown.page.evaluate(look)
    assert len(found) > 20
    for name, size, label in found:
        assert name.strip() or label.strip()
        assert size >= 36, name
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 390, "nothing is wider than the phone"


def test_command_writes_the_page_and_says_how_to_open_it(bundle, tmp_path, capsys, monkeypatch) -> None:
    out = tmp_path / "page"
    assert main(["web", str(bundle.folder), "--out", str(out)]) == 0
    first, after = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"{re.escape(str(out))}: \d\d\.\d MB", first)
    assert after == f"Next: python3 -m http.server --directory {out}, then open http://localhost:8000"
    assert (out / "bundle" / bundles.MODEL_FILE).read_bytes() == bundle.model.read_bytes()
    assert main(["web", str(bundle.folder), "--out", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main(["web", str(bundle.folder), "--out", str(tmp_path / "other")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("ondevice: the page can't be written: the files of litert.js-2.5.3 are not installed; run: ")
    assert not (tmp_path / "other").exists()


def test_a_changed_bundle_becomes_no_page(bundle, tmp_path) -> None:
    shutil.copytree(bundle.folder, tmp_path / "bundle")
    with (tmp_path / "bundle" / bundles.VOCABULARY_FILE).open("a") as file:
        file.write("one more\n")
    with pytest.raises(OnDeviceError, match=r"vocab\.txt' was changed since export"):
        write_page(tmp_path / "bundle", tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_command_serves_the_page_until_interrupted(bundle, tmp_path) -> None:
    # A shell starts what it puts in the background with the signal ignored; then nothing would end this one.
    start = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    start += "from ondevice.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", start, "web", str(bundle.folder), "--serve", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(tmp_path)}
    ) as one:
        assert one.stdout is not None
        found = re.fullmatch(r"Open (http://127\.0\.0\.1:\d+/) in a browser; Ctrl-C ends it\.\n", one.stdout.readline())
        assert found is not None
        with urllib.request.urlopen(found[1]) as answer:
            assert b"On-device model" in answer.read()
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        one.send_signal(signal.SIGINT)
        try:
            assert one.wait(20) == 0
        finally:
            one.kill()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_can_be_none_is_wrong_usage(bundle, port, capsys) -> None:
    assert main(["web", str(bundle.folder), "--serve", f"--port={port}"]) == 2
    assert capsys.readouterr().err == f"ondevice: port is {port}; allowed is 0 to 65535.\n"
