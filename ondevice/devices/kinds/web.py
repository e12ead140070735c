"""A browser as a device: the page's own modules run the file with LiteRT.js in Chromium without a window."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ondevice.devices.browser import chromium, runtime_files
from ondevice.devices.browser.job_page import write_page
from ondevice.devices.browser.server import serving
from ondevice.devices.device import Device, Job, Outcome
from ondevice.devices.job_folder import failed, read_outcome
from ondevice.devices.process import beside
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

    def _run_all(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs one after the other, each in a browser of its own."""
        runtime = runtime_files.open_runtime(runtime_files.load(self.runtime))
        # A thread of its own: the library that drives the browser refuses to work where an event loop runs already,
        # and in a notebook one does.
        return beside(lambda job, cancelled: self._run(job, runtime, cancelled), jobs, 1)

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
