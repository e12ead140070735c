"""The local server answers this machine's own page and nobody else."""

from __future__ import annotations

import http.client
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ondevice.devices.browser import server


def asked(address: str, method: str, path: str, body: bytes = b"", **headers: str) -> int:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body or None, given)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("page")
    return tmp_path / "site"


def test_a_page_without_results_is_read_by_its_address_alone(site: Path) -> None:
    with server.serving(site) as address:
        port = urlsplit(address).port
        assert asked(address, "GET", "/") == 200
        assert asked(address, "GET", "/", Host=f"localhost:{port}") == 200
        assert asked(address, "GET", "/", Host=f"evil.example:{port}") == 403
        assert asked(address, "GET", "/", Origin="http://evil.example") == 403
        assert asked(address, "POST", "/result.json", b"{}") == 404


def test_results_are_taken_with_the_token_of_this_start_only(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LARGEST_RESULT", 10)
    results = tmp_path / "results"
    results.mkdir()
    with server.serving(site, results=results) as address, server.serving(site, results=results) as other:
        path, origin = urlsplit(address).path, address.removesuffix(urlsplit(address).path)
        assert len(path) > 20
        assert path != urlsplit(other).path
        assert asked(address, "GET", "/") == 403
        assert asked(address, "POST", "/result.json", b"{}") == 403
        assert asked(address, "POST", f"{urlsplit(other).path}result.json", b"{}") == 403
        assert asked(address, "POST", f"{path}result.json", b"{}", Origin="http://evil.example") == 403
        assert asked(address, "POST", f"{path}result.json", b"x" * 11) == 404
        assert asked(address, "POST", f"{path}../result.json", b"{}") == 404
        assert list(results.iterdir()) == []
        assert asked(address, "GET", path) == 200
        assert asked(address, "POST", f"{path}result.json", b"{}", Origin=origin) == 204
    assert [each.name for each in results.iterdir()] == ["result.json"]
