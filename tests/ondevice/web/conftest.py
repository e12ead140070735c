"""What the tests of the page share: a bundle, the page made of it, and a browser as wide as a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from ondevice.bundle import Bundle
from ondevice.devices.browser.chromium import browser
from ondevice.devices.browser.server import serving
from ondevice.pipeline.export_run import export_run
from ondevice.pipeline.web import write_page
from ondevice.training.run_folder import Run
from tests.browsers import require_browser

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext


@pytest.fixture(scope="session")
def run(tiny_run: Callable[[str], Run]) -> Run:
    require_browser()
    return tiny_run("memcom block")


@pytest.fixture(scope="session")
def bundle(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return export_run(run.folder, tmp_path_factory.mktemp("web") / "bundle")


@pytest.fixture(scope="session")
def site(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = write_page(bundle.folder, tmp_path_factory.mktemp("site") / "page")
    with serving(folder) as address:
        yield address


@pytest.fixture(scope="module")
def opened() -> Iterator[BrowserContext]:
    """A browser as wide as a phone."""
    require_browser()
    with browser(viewport={"width": 390, "height": 844}) as context:
        yield context
