"""A server for a folder, reachable from this machine alone, that may take back the results of a page."""

from __future__ import annotations

import contextlib
import functools
import re
import secrets
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ADDRESS = "127.0.0.1"
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
"""With these headers a page's clock has steps of 5 and not of 100 microseconds."""

RESULT = re.compile(r"/(output-\d+\.bin|result\.json)")
LARGEST_RESULT = 1 << 30
"""Bytes that a page may send back at once, at most."""
_CHUNK_BYTES = 1 << 20


class _Handler(SimpleHTTPRequestHandler):
    # What the system has registered for an ending is not always what browsers accept.
    extensions_map = {  # noqa: RUF012
        **SimpleHTTPRequestHandler.extensions_map,
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".json": "application/json",
        ".txt": "text/plain; charset=utf-8",
        ".wasm": "application/wasm",
    }

    def __init__(self, *arguments: Any, results: Path | None, token: str, **more: Any) -> None:
        self.results, self.token = results, token
        super().__init__(*arguments, **more)

    def parse_request(self) -> bool:
        """Refuse what another site's page asks for, by a name that it has for this machine, or without the token."""
        if not super().parse_request():
            return False
        host = self.headers.get("Host", "")
        port = self.connection.getsockname()[1]
        origin = self.headers.get("Origin", f"http://{host}")
        known = host in (f"{ADDRESS}:{port}", f"localhost:{port}") and origin == f"http://{host}"
        if not known or not self.path.startswith(self.token):
            self.send_error(403)
            return False
        self.path = self.path[len(self.token) :] or "/"
        return True

    def end_headers(self) -> None:
        for name, value in ISOLATED.items():
            self.send_header(name, value)
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def do_POST(self) -> None:
        """Take a result; a file that is there is whole."""
        named = RESULT.fullmatch(self.path)
        length = self.headers.get("Content-Length", "")
        if self.results is None or named is None or not length.isdecimal() or int(length) > LARGEST_RESULT:
            self.send_error(404)
            return
        part = self.results / f"{named[1]}.part"
        left = int(length)
        with part.open("wb") as file:
            while left and (chunk := self.rfile.read(min(left, _CHUNK_BYTES))):
                left -= file.write(chunk)
        if left:
            return
        part.rename(self.results / named[1])
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: requests are no news."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser that was ended leaves its connections open."""


@contextlib.contextmanager
def serving(folder: Path, port: int = 0, results: Path | None = None) -> Iterator[str]:
    """Serve a folder while the block runs and give its address, e.g. `http://127.0.0.1:8000/`.

    Args:
        folder: what to serve.
        port: port to listen on; 0 for any that is free.
        results: folder for what a page sends back; without it nothing is taken. With it, only who is given the address
            can ask for anything: it holds a token that no other start has.

    Raises:
        OSError: the port is taken.
    """
    token = f"/{secrets.token_urlsafe(16)}" if results is not None else ""
    handler = functools.partial(_Handler, directory=str(folder), results=results, token=token)
    with _Server((ADDRESS, port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://{ADDRESS}:{server.server_address[1]}{token}/"
        finally:
            server.shutdown()
            thread.join()
