"""The page in a real browser: it answers as the reference does and asks nobody else."""

from __future__ import annotations

import functools
import json
import re
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

pytest.importorskip("playwright", reason="playwright, which drives the browser, is not installed")

from playwright.sync_api import BrowserContext, Route, expect

from ondevice import bundle as bundles
from ondevice.bundle import Bundle, TestVector
from ondevice.data.vocabulary import Vocabulary, text_ids
from ondevice.devices.browser.server import serving
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.pipeline.export_run import export_run
from ondevice.pipeline.validate import validate_run
from ondevice.pipeline.web import write_page
from ondevice.validation.contract import score_error
from ondevice.web.sources import PAGE
from tests.ondevice.web.hand_made import hand_made_site
from tests.ondevice.web.pages import Visit, resealed, visiting
from tests.ondevice.web.text_bundles import LABELS, LENGTH, encode, expected, write_text_bundle


class Silent(SimpleHTTPRequestHandler):
    """What `python3 -m http.server` serves with, but that it says nothing."""

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def text_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with hand_made_site(tmp_path_factory.mktemp("text"), write_text_bundle) as address:
        yield address


@pytest.fixture(scope="module")
def shown(opened: BrowserContext, site: str) -> Iterator[Visit]:
    """The page as it comes up, not to be changed."""
    with visiting(opened, site) as visit:
        yield visit


@pytest.mark.parametrize("missing", ["page.js", "dom.js", "litert/core.js"])
def test_a_page_whose_own_files_are_missing_says_so(opened: BrowserContext, site: str, missing: str) -> None:
    page = opened.new_page()
    try:
        page.route(f"{site}{missing}", lambda route: route.abort())
        page.goto(site)
        page.wait_for_selector("#problem:not([hidden])", timeout=30_000)
        assert page.locator("#reason").inner_text().startswith("The page’s own files can’t be loaded.")
        assert page.locator("#problem-title").inner_text() == "This page can’t run here"
        assert page.locator("#advice").is_hidden()
        assert page.locator("#progress").is_hidden()
    finally:
        page.close()


def test_an_answer_that_cannot_be_shown_is_told_beside_what_the_self_check_found(
    opened: BrowserContext, site: str
) -> None:
    """A runtime that returns an item beyond the vocabulary, as a model of another vocabulary would."""
    page = opened.new_page()

    def answer_wrongly(route: Route) -> None:
        source = (PAGE / "recommender.js").read_text(encoding="utf-8")
        assert source.count("[name, Array.from(array)]") == 1
        wrong = "[name, name === 'items' ? [999_999, ...array.slice(1)] : [...array]]"
        route.fulfill(body=source.replace("[name, Array.from(array)]", wrong), content_type="text/javascript")

    try:
        page.route(f"{site}recommender.js", answer_wrongly)
        page.goto(site)
        page.wait_for_selector("#problem:not([hidden])", timeout=30_000)
        assert (
            page.locator("#reason").inner_text() == "The model's answer can't be shown: 999999 is no id of an answer."
        )
        assert page.locator("#problem-title").inner_text() == "This bundle can’t be used"
        assert page.locator("#advice").is_visible()
        assert "999999 is no id of an answer" in page.locator("#check").inner_text()
    finally:
        page.close()


def test_a_history_that_is_longer_than_the_model_looks_back_says_what_counts(opened: BrowserContext, site: str) -> None:
    """As if the model looked back four items, since nobody picks as many as the bundle takes."""
    page = opened.new_page()

    def look_back_four(route: Route) -> None:
        source = (PAGE / "ranking_view.js").read_text(encoding="utf-8")
        assert source.count("const length = lengthOf(feature);") == 1
        changed = source.replace("const length = lengthOf(feature);", "const length = 4;")
        route.fulfill(body=changed, content_type="text/javascript")

    try:
        page.route(f"{site}ranking_view.js", look_back_four)
        page.goto(site)
        page.wait_for_selector("#about:not([hidden])", timeout=30_000)
        expect(page.locator("#size")).to_have_text(re.compile(r"^\d+, the last 4 count$"))
    finally:
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
    [feature] = bundle.manifest.inputs
    assert f"{feature.size - feature.reserved}" in facts
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
        field.fill(keys[int(wanted.inputs["ids"][0])].upper())
        expect(field).to_have_attribute("aria-expanded", "true")
        field.press("ArrowDown")
        chosen = page.locator(f"#{field.get_attribute('aria-activedescendant')}")
        expect(chosen).to_have_attribute("aria-selected", "true")
        expect(chosen).to_contain_text(keys[int(wanted.inputs["ids"][0])])
        field.press("Enter")
        expect(page.locator("#chips > li")).to_have_count(1)
        expect(page.locator("#answers-status")).to_contain_text(f"the first is {wanted.keys[0]}")
        items = visit.answers()
        scores = [float(text) for text in page.locator("#answers .number").all_inner_texts()]
        best, best_scores, span = wanted.outputs["items"], wanted.outputs["scores"], wanted.ranges["scores"]
        error = score_error(np.array(items), np.array(scores), np.array(best), np.array(best_scores), span)
        # The page shows two decimals.
        assert error <= bundle.manifest.score_tolerance_steps + 0.005 / (span / 255)
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


def test_a_line_is_scored_as_the_reference_does(opened, tiny_run, tmp_path) -> None:
    bundle = export_run(tiny_run("clicks memcom").folder, tmp_path / "bundle")
    tokenizer, vocabulary = (
        bundle.manifest.inputs[0].tokenizer,
        Vocabulary.read(bundle.folder / bundles.VOCABULARY_FILE),
    )
    with serving(write_page(bundle.folder, tmp_path / "page")) as site, visiting(opened, site) as visit:
        page = visit.page
        assert (visit.reason, visit.errors) == ("", [])
        total = len(bundle.vectors.vectors) + len(bundle.vectors.texts)
        expect(page.locator("#check")).to_contain_text(f"All {total} test answers are those of the reference model")
        expect(page.get_by_role("heading", name="Click predictor")).to_be_visible()
        page.get_by_role("button", name="Sample line 3").click()
        for field, word in zip(tokenizer.fields, tokenizer.words(bundle.vectors.texts[2].text), strict=True):
            expect(page.get_by_role("combobox", name=field)).to_have_value(word.partition("=")[2])
        # A value that the model does not know is told, and counts as unknown.
        page.get_by_role("combobox", name="user").fill("nobody")
        expect(page.locator("#note-0")).to_have_text("The model does not know this value.")
        page.get_by_role("combobox", name="position").fill("p2")
        words = ["user=nobody", *tokenizer.words(bundle.vectors.texts[2].text)[1:3], "position=p2"]
        ids = text_ids(vocabulary.keys, ["\n".join(words)], tokenizer, 4)
        job = Job(bundle.model, "litert", "score", {"ids": ids[None]}, warmups=0)
        score = float(Host().run(job).outputs["scores"][0, 0, 0])
        expect(page.locator("#answers .name")).to_have_text(["click"])
        expect(page.locator("#answers .number")).to_have_text([f"{score * 100:.0f} %"])
        expect(page.locator("#values-3 option")).to_have_count(3)


def test_the_first_difference_to_the_reference_is_told(opened, site, bundle) -> None:
    content = json.loads((bundle.folder / bundles.TEST_VECTORS_FILE).read_text())
    content["vectors"][1]["outputs"]["scores"][0] += 1.0
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


def test_a_bundle_is_validated_in_the_browser(bundle, run, tmp_path) -> None:
    validation = validate_run(bundle.folder, run.folder, device="web", users=50, out=tmp_path / "verdict.json")
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
