"""A browser as a device: the page's own modules run the file with LiteRT.js in Chromium without a window."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ondevice.devices.browser import chromium, runtime_files
from ondevice.devices.browser.job_page import write_page
from ondevice.devices.browser.server import serving
from ondevice.devices.device import Device, Job, Outcome
from ondevice.devices.job_folder import check_job, failed, read_outcome
from ondevice.versions import machine


@dataclass(frozen=True)
class Web(Device):
    """A browser of this machine, with the runtime for browsers.

    Its clock is that of the page, in steps of 5 microseconds. A browser does not tell how much memory a page has
    taken at its most, nor what its processor offers.

    Args:
        name: name of the device.
        runtime: name of the runtime.
    """

    runtime: str = "litert.js-2.5.3"

    def runtimes(self) -> list[str]:
        """Name the only runtime."""
        return [self.runtime]

    def missing(self) -> str:
        """Say what keeps the browser from being used and what to do about it."""
        return chromium.missing() or runtime_files.not_installed(runtime_files.load(self.runtime))

    def machine(self) -> dict[str, str]:
        """Describe the browser and the machine it runs on."""
        here = machine()
        return {**here, "system": f"{chromium.version()} on {here['system']}"}

    def run_all(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs one after the other, each in a browser of its own; see `Device.run_all`.

        Raises:
            UsageError: a job can't be run by the runtime.
            OnDeviceError: a file of the runtime was changed.
        """
        for job in jobs:
            check_job(job, self.runtimes())
        if reason := self.missing():
            return [failed(job, self.name, "", "missing", reason) for job in jobs]
        runtime = runtime_files.open_runtime(runtime_files.load(self.runtime))
        cancelled = threading.Event()
        # A thread of its own: the library that drives the browser refuses to work where an event loop runs already,
        # and in a notebook one does.
        with ThreadPoolExecutor(1) as pool:
            try:
                return list(pool.map(lambda job: self._run(job, runtime, cancelled.is_set), jobs))
            finally:
                # Also on KeyboardInterrupt: the pool waits for its thread, and that for the browser.
                cancelled.set()

    def _run(self, job: Job, runtime: Path, cancelled: Callable[[], bool]) -> Outcome:
        version = runtime_files.load(self.runtime).version
        with tempfile.TemporaryDirectory(prefix="ondevice-web-") as name:
            site, results = Path(name) / "site", Path(name) / "results"
            results.mkdir()
            write_page(site, job, runtime)
            with serving(site, results=results) as address:
                ending = chromium.visit(address, (results / "result.json").is_file, job.timeout_s, cancelled)
            shutil.rmtree(site)
            if ending.status != "done":
                return failed(job, self.name, version, ending.status, ending.message)
            outcome = read_outcome(results, job, self.name, version)
            return outcome or failed(job, self.name, version, "device failed", "the page's result is gone")
