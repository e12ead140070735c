"""A page under test: opened in a browser that is started once, everything that it says and asks for kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, Route

from ondevice.bundle import MANIFEST_FILE

READY = "#about:not([hidden]), #problem:not([hidden])"


@dataclass
class Visit:
    """A page, and what was heard of it."""

    page: Page
    errors: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def reason(self) -> str:
        """What the page says of a bundle that can't be used, empty if it can."""
        return self.page.locator("#reason").inner_text() if self.page.locator("#problem").is_visible() else ""

    def answers(self) -> list[int]:
        """Return the ids that the page shows as answers, best first."""
        return [int(row.get_attribute("data-id") or "") for row in self.page.locator("#answers > li").all()]


@contextlib.contextmanager
def visiting(browser: BrowserContext, url: str, files: Mapping[str, bytes | None] | None = None) -> Iterator[Visit]:
    """Open the page and wait until it shows the model, or says why it can't.

    Args:
        browser: the browser.
        url: address of the page.
        files: what the server gives as files of the bundle instead of what it has; None for nothing.
    """
    page = browser.new_page()
    visit = Visit(page)
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.on("console", lambda said: visit.errors.append(said.text) if said.type == "error" else None)
    page.on("request", lambda request: visit.asked.append(request.url))
    for name, content in (files or {}).items():
        page.route(f"{url}bundle/{name}", _answering(content))
    try:
        page.goto(url)
        page.wait_for_selector(READY, timeout=30_000)
        yield visit
    finally:
        page.close()


def _answering(content: bytes | None) -> Any:
    def answer(route: Route) -> None:
        if content is None:
            route.fulfill(status=404)
        else:
            route.fulfill(body=content)

    return answer


def resealed(folder: Path, files: Mapping[str, bytes] | None = None, **changes: object) -> dict[str, bytes | None]:
    """Return changed files of a bundle with a manifest that describes them, as a careless exporter would write it.

    Args:
        folder: the bundle.
        files: contents of its other files.
        changes: fields of the manifest.
    """
    files = files or {}
    manifest: dict[str, Any] = json.loads((folder / MANIFEST_FILE).read_text())
    manifest |= changes
    manifest["sha256"] |= {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return {**files, MANIFEST_FILE: json.dumps(manifest).encode()}
