"""From a table with titles to the bundle: keys and titles as they are written, and the page shows both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ondevice.bundle import Bundle, open_bundle
from ondevice.cli.main import main
from ondevice.pipeline.export_run import export_run
from ondevice.pipeline.validate import validate_run
from tests.known_bad.good_bundles import reseal

ITEMS = 40


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("table")
    random = np.random.default_rng(0)
    rows = [
        f'{user:03d},"tt{item:04d}, é",{time},"Film {item}, the <b>best</b>"'
        for user in range(80)
        for time, item in enumerate(random.choice(ITEMS, 8, replace=False))
    ]
    (folder / "ratings.csv").write_text("\n".join(["userId,movieId,timestamp,title", *rows, ""]))
    words = f"--method full --order as_given --set epochs=1 --set width=8 --set history_length=8 --out {folder / 'run'}"
    assert main(["train", "--data", str(folder / "ratings.csv"), *words.split()]) == 0
    return export_run(folder / "run", folder / "bundle", recipe="float32")


def lines(bundle: Bundle, name: str) -> list[str]:
    return (bundle.folder / name).read_text(encoding="utf-8").split("\n")[:-1]


def test_keys_and_titles_are_as_they_are_written(bundle: Bundle) -> None:
    [feature] = bundle.manifest.inputs
    keys, titles = lines(bundle, feature.vocabulary), lines(bundle, feature.titles)
    assert keys[2:4] == ["tt0000, é", "tt0001, é"]
    assert titles[:4] == ["", "", "Film 0, the <b>best</b>", "Film 1, the <b>best</b>"]
    assert len(keys) == len(titles) == ITEMS + 2
    assert validate_run(bundle.folder, bundle.folder.parent / "run", runtimes=["litert"]).valid


def test_titles_of_another_number_of_ids_are_found(bundle: Bundle) -> None:
    path = bundle.folder / bundle.manifest.inputs[0].titles
    content = path.read_text(encoding="utf-8")
    path.write_text(content + "one more\n", encoding="utf-8")
    reseal(bundle.folder)
    try:
        [result] = validate_run(bundle.folder, runtimes=["litert"]).results
        assert [failure.message for failure in result.failures] == [
            f"titles.txt has {ITEMS + 3} lines; the manifest promises {ITEMS + 2} ids."
        ]
    finally:
        path.write_text(content, encoding="utf-8")
        reseal(bundle.folder)
    assert open_bundle(bundle.folder).manifest.titles == ("titles.txt",)


def test_the_page_shows_titles_and_finds_items_by_both(bundle: Bundle, tmp_path: Path) -> None:
    pytest.importorskip("playwright", reason="playwright, which drives the browser, is not installed")
    from playwright.sync_api import expect

    from ondevice.devices.browser.chromium import browser
    from ondevice.devices.browser.server import serving
    from ondevice.pipeline.web import write_page
    from tests.browsers import require_browser
    from tests.ondevice.web.pages import visiting

    require_browser()
    site = write_page(bundle.folder, tmp_path / "page")
    with (
        browser(viewport={"width": 390, "height": 844}) as context,
        serving(site) as address,
        visiting(context, address) as visit,
    ):
        page = visit.page
        assert (visit.reason, visit.errors) == ("", [])
        expect(page.locator("#check")).to_contain_text("are those of the reference model")
        for query in ("film 7,", "tt0007"):
            page.locator("#query").fill(query)
            expect(page.locator("#suggestions li").first).to_contain_text("Film 7, the <b>best</b> tt0007, é")
        page.locator("#suggestions li").first.click()
        expect(page.locator("#chips li").first).to_contain_text("Film 7, the <b>best</b>")
        expect(page.locator("#answers .name").first).to_contain_text("the <b>best</b> tt")
        page.screenshot(path=str(tmp_path / "page.png"))
