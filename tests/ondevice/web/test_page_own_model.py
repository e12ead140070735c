"""The page of a model of one's own: a field for each input, and answers by the names of its outputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="playwright, which drives the browser, is not installed")

from playwright.sync_api import BrowserContext, Page, expect

from ondevice.bundle import TEST_VECTORS_FILE
from tests.ondevice.web.hand_made import hand_made_site
from tests.ondevice.web.own_bundles import CALLS, SONGS, best_songs, expected, write_own_bundle, write_ranking_bundle
from tests.ondevice.web.pages import resealed, visiting


@pytest.fixture(scope="module")
def folder(opened: BrowserContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def own_site(folder: Path) -> Iterator[str]:
    with hand_made_site(folder, lambda out: write_own_bundle(out, "int32")) as address:
        yield address


def shown(page: Page) -> list[list[float]]:
    """Return the numbers of every output that the page shows."""
    rows = page.locator("#answers > li").all()
    texts = [row.locator(".numbers > li, .value").all_inner_texts() for row in rows]
    return [[float(text.replace(",", "")) for text in each] for each in texts]


def values(call: dict[str, list[float]]) -> list[list[float]]:
    return list(expected(call).values())


def test_every_input_has_a_field_and_every_output_its_numbers(opened: BrowserContext, own_site: str) -> None:
    with visiting(opened, own_site) as visit:
        page = visit.page
        assert (visit.reason, visit.errors) == ("", [])
        expect(page.locator("#check")).to_contain_text("All 5 test answers are those of the reference model")
        expect(page.locator("#answers .name")).to_have_text(["rating", "parts", "rank"])
        # The first test vector's inputs are there, without the padding behind them.
        expect(page.get_by_label("songs", exact=True).get_by_role("listitem")).to_have_count(2)
        expect(page.get_by_label("prices")).to_have_value("2.5, -1.25")
        assert shown(page) == values(CALLS[0])

        page.get_by_role("button", name="Sample 3").click()
        expect(page.locator("#answers .value").first).to_have_text("1,026")
        page.get_by_role("button", name="Remove Über uns").first.click()
        page.get_by_label("country").fill("2")
        page.get_by_label("prices").fill("1 -2.5")
        page.get_by_label("yes").uncheck()
        search = page.get_by_role("combobox", name="songs")
        search.fill("blue")
        search.press("Enter")
        call = {"songs": [7, 6, 5, 2], "country": [2], "prices": [1, -2.5], "member": [0]}
        expect(page.locator("#answers .value").first).to_have_text(f"{values(call)[0][0]:g}")
        assert shown(page) == values(call)
        # One more: of a list that takes four, the last ones count.
        search.fill("party")
        search.press("Enter")
        call["songs"] = [6, 5, 2, 4]
        expect(page.locator("#answers .value").last).to_have_text("6")
        assert shown(page) == values(call)
        assert visit.errors == []


@pytest.mark.parametrize(
    ("label", "text", "note"),
    [
        ("country", "5", "5 is not one of 0 to 4"),
        ("country", "1.5", "“1.5” is no id"),
        ("country", "", "1 needed, 0 given"),
        ("prices", "1", "2 needed, 1 given"),
        ("prices", "1, 2, 3", "2 needed, 3 given"),
        ("prices", "1, two", "“two” is no number"),
    ],
)
def test_what_is_no_input_is_told_in_its_field(opened, own_site, label, text, note) -> None:
    with visiting(opened, own_site) as visit:
        field = visit.page.get_by_label(label)
        before = field.input_value()
        field.fill(text)
        expect(visit.page.locator(".wrong")).to_have_text([note])
        expect(visit.page.locator("#answers")).to_be_hidden()
        expect(visit.page.locator("#incomplete")).to_be_visible()
        field.fill(before)
        expect(visit.page.locator(".wrong")).to_have_count(0)
        expect(visit.page.locator("#answers")).to_be_visible()
        assert visit.errors == []


@pytest.mark.parametrize("exclude", ["songs", ""])
def test_answers_are_named_by_the_input_that_is_left_out(opened, tmp_path, exclude) -> None:
    with (
        hand_made_site(tmp_path, lambda out: write_ranking_bundle(out, exclude)) as site,
        visiting(opened, site) as visit,
    ):
        assert (visit.reason, visit.errors) == ("", [])
        expect(visit.page.locator("#check")).to_have_attribute("data-verdict", "passed")
        best, scores = best_songs(CALLS[0]["songs"], CALLS[0]["country"][0])
        assert visit.answers() == best
        names = [SONGS[song] for song in best] if exclude else [f"Id {song}" for song in best]
        expect(visit.page.locator("#answers .name")).to_have_text(names)
        expect(visit.page.locator("#answers .number")).to_have_text([f"{score:g}" for score in scores])


def test_numbers_that_are_not_the_references_are_told(opened, own_site, folder) -> None:
    content = (folder / "bundle" / TEST_VECTORS_FILE).read_text()
    # Half a step is allowed, which is a five hundredth of the range.
    for number, sentence in (
        (10.26, ""),
        (10.28, 'Test vector "row 0": numbers differ by 0.765 steps; 0.5 are allowed.'),
    ):
        changed = content.replace('"rating": [10.25]', f'"rating": [{number}]', 1)
        files = resealed(folder / "bundle", {TEST_VECTORS_FILE: changed.encode()})
        with visiting(opened, own_site, files) as visit:
            expect(visit.page.locator("#check")).to_have_attribute("data-verdict", "failed" if sentence else "passed")
            expect(visit.page.locator("#check")).to_contain_text(sentence)


def test_a_model_that_takes_a_bool_is_refused_with_a_sentence(opened, tmp_path) -> None:
    with hand_made_site(tmp_path, write_own_bundle) as site, visiting(opened, site) as visit:
        said = 'LiteRT.js refuses model.tflite: "member" is bool, and it takes tensors of float32, int32, uint8 only.'
        assert visit.reason == said
        assert visit.errors == []
