"""The web page of a bundle: a folder that any static server can serve."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from ondevice import files
from ondevice.bundle import MANIFEST_FILE, open_bundle
from ondevice.devices.browser import runtime_files
from ondevice.devices.browser.job_page import copy_runtime
from ondevice.devices.browser.server import serving
from ondevice.devices.kinds.web import Web
from ondevice.errors import OnDeviceError, UsageError
from ondevice.web.sources import PAGE, copy_sources

BUNDLE_FOLDER = "bundle"
"""Where the page expects the bundle."""

PORTS = 1 << 16


def write_page(bundle: Path | str, out: Path | str) -> Path:
    """Write the page that runs a bundle in a browser: sources, runtime and bundle, nothing else is ever fetched.

    Args:
        bundle: the bundle folder.
        out: folder to write; must not exist.

    Raises:
        UsageError: the bundle is not there, or the folder is taken.
        OnDeviceError: a file of the bundle or of the runtime was changed, or the runtime is not installed.
    """
    bundle, out = Path(bundle), Path(out)
    files.refuse_existing(out)
    opened = open_bundle(bundle)
    spec = runtime_files.load(Web("web").runtime)
    if reason := runtime_files.not_installed(spec):
        raise OnDeviceError(f"the page can't be written: {reason}.")
    runtime = runtime_files.open_runtime(spec)
    with files.new_folder(out) as folder:
        copy_sources(PAGE, folder)
        copy_runtime(runtime, folder, list(spec.files))
        (folder / BUNDLE_FOLDER).mkdir()
        for name in (MANIFEST_FILE, *opened.manifest.sha256):
            shutil.copyfile(bundle / name, folder / BUNDLE_FOLDER / name)
    return out


def serve_page(bundle: Path | str, port: int, say: Callable[[str], None]) -> None:
    """Serve the page of a bundle to this machine until interrupted.

    Args:
        bundle: the bundle folder.
        port: port to listen on; 0 for any that is free.
        say: told the address.

    Raises:
        UsageError: the bundle is not there, or the port can't be one.
        OnDeviceError: as of `write_page`, or the port is taken.
    """
    if not 0 <= port < PORTS:
        raise UsageError(f"port is {port}; allowed is 0 to {PORTS - 1}.")
    with tempfile.TemporaryDirectory(prefix="ondevice-web-") as name, contextlib.suppress(KeyboardInterrupt):
        folder = write_page(bundle, Path(name) / "page")
        try:
            with serving(folder, port) as address:
                say(address)
                threading.Event().wait()
        except OSError as error:
            raise OnDeviceError(f"port {port} can't be used: {error.strerror}.") from error
