"""Write the page that runs a bundle in a browser, or serve it here at once.

The page is static: it needs no code on the server and fetches nothing from anywhere else. Browsers load no modules
from a file, so it wants any server: `python3 -m http.server --directory FOLDER`, or a host of static pages.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from ondevice.cli.console import results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="bundle folder")
    either = parser.add_mutually_exclusive_group(required=True)
    either.add_argument("--out", type=Path, metavar="FOLDER", help="folder to write")
    either.add_argument("--serve", action="store_true", help="write nothing; serve the page here until interrupted")
    parser.add_argument("--port", type=int, default=8000, help="port to serve at (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Write or serve."""
    from ondevice.pipeline.web import serve_page, write_page

    output = results()
    if arguments.serve:
        serve_page(
            arguments.bundle,
            arguments.port,
            lambda address: output.print(f"Open {address} in a browser; Ctrl-C ends it.", soft_wrap=True),
        )
        return 0
    folder = write_page(arguments.bundle, arguments.out)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    output.print(f"{folder}: {size / 1e6:.1f} MB", soft_wrap=True)
    output.print(
        f"Next: python3 -m http.server --directory {shlex.quote(str(folder))}, then open http://localhost:8000",
        soft_wrap=True,
    )
    return 0
