"""The browser as a device: exact outputs, a fine clock, and a different result for everything that goes wrong."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from ondevice.devices.browser import chromium, runtime_files
from ondevice.devices.kinds.web import Web
from ondevice.devices.profile import open_device
from ondevice.errors import OnDeviceError, UsageError
from tests.browsers import require_browser
from tests.ondevice.devices.gather_files import EVERY_ID, LENGTH, TABLE, job, processes

RUNTIME = "litert.js-2.5.3"


@pytest.fixture(scope="module")
def web() -> Web:
    return require_browser()


def pages_at_work(folder: Path) -> list[int]:
    """Return the numbers of the processes of pages, of browsers whose profile is in a folder, that work hard."""
    found = []
    for number in processes(folder, "chrom"):
        # A process may end between being listed and being read.
        with contextlib.suppress(OSError):
            kind = Path(f"/proc/{number}/cmdline").read_bytes()
            ticks = sum(map(int, Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[11:13]))
            if b"--type=renderer" in kind and ticks > os.sysconf("SC_CLK_TCK"):
                found.append(number)
    return found


def test_every_id_gives_its_row_exactly(web: Web, models: Path) -> None:
    outcome = web.run(job(models / "gather.tflite", RUNTIME, warmups=2, repeats=20))
    measured = outcome.measurement
    assert (measured.status, measured.message, measured.device, measured.clock) == ("ok", "", "web", "time")
    assert (measured.runtime, measured.runtime_version) == (RUNTIME, "2.5.3")
    np.testing.assert_array_equal(outcome.outputs["rows"], TABLE[EVERY_ID])
    np.testing.assert_array_equal(outcome.outputs["sums"], 2 * TABLE[EVERY_ID].sum(axis=-1))
    [ids] = outcome.inputs
    assert (ids.name, ids.shape, ids.dtype) == ("ids", (LENGTH,), "int32")
    assert {spec.name for spec in outcome.outputs_spec} == {"rows", "sums"}
    assert (len(measured.warmup_ns), len(measured.run_ns)) == (2, 20)
    assert measured.load_ns > 0
    assert (measured.memory_growth_bytes, measured.mapped_growth_bytes, measured.cpu_features) == (-1, -1, ())
    # Steps of 5 microseconds, not of 100: the page is isolated.
    assert any(time % 100_000 for time in measured.run_ns)


def test_a_signature_is_called_by_its_name_wherever_it_is(web: Web, models: Path) -> None:
    inputs = {"divisor": np.full((3, 1), 4, np.int32), "number": np.array([[7], [9], [12]], np.int32)}
    outcome = web.run(job(models / "two.tflite", RUNTIME, inputs=inputs))
    assert outcome.measurement.status == "ok"
    assert outcome.outputs["remainder"].tolist() == [[3], [1], [0]]


def test_an_inference_that_fails_is_refused_though_the_runtime_answers(web: Web, models: Path) -> None:
    # The runtime itself returns outputs that hold anything here, as if nothing had happened.
    beyond = {"ids": np.full((1, LENGTH), 10**6, np.int32)}
    outcome = web.run(job(models / "gather.tflite", RUNTIME, inputs=beyond))
    assert outcome.measurement.status == "refused"
    assert re.match(r"inference 0: .*gather index out of bounds", outcome.measurement.message)
    assert not outcome.outputs


def test_a_page_whose_process_dies_has_crashed(web: Web, models: Path, scratch: Path) -> None:
    ended = threading.Event()

    def kill_all() -> None:
        # A browser has more processes of pages than one, and on a slow machine another may work hard first.
        while not ended.wait(0.01):
            for number in pages_at_work(scratch):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)

    killer = threading.Thread(target=kill_all)
    killer.start()
    try:
        outcome = web.run(job(models / "gather.tflite", RUNTIME, repeats=10**9, timeout_s=60))
    finally:
        ended.set()
        killer.join()
    assert outcome.measurement.status == "crashed"


def test_a_page_that_never_ends_is_stopped(web: Web, models: Path) -> None:
    outcome = web.run(job(models / "gather.tflite", RUNTIME, repeats=10**9, timeout_s=2))
    assert (outcome.measurement.status, outcome.measurement.message) == ("timed out", "no result within 2 s")


def test_a_browser_that_does_not_start_is_a_failed_device(web: Web, models: Path, monkeypatch) -> None:
    monkeypatch.setattr(chromium, "program", lambda: "/bin/false")
    outcome = web.run(job(models / "gather.tflite", RUNTIME))
    assert outcome.measurement.status == "device failed"
    assert outcome.measurement.message.startswith("the browser broke down: ")


def test_what_is_missing_is_named_with_the_command_that_brings_it(models: Path, tmp_path: Path, monkeypatch) -> None:
    device = open_device("web")
    monkeypatch.setattr(chromium, "program", lambda: None)
    assert "apt-get install" in device.missing()
    monkeypatch.setattr(chromium, "program", lambda: "/usr/bin/chromium")
    monkeypatch.setattr(chromium.importlib.util, "find_spec", lambda name: None)
    assert device.missing().endswith("run: pip install playwright")
    monkeypatch.setattr(chromium, "missing", lambda: "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "run: ondevice devices install web" in device.missing()
    [outcome] = device.run_all([job(models / "gather.tflite", RUNTIME)])
    assert (outcome.measurement.status, outcome.measurement.message) == ("missing", device.missing())
    assert device.installed() == []


def test_a_runtime_that_the_browser_does_not_have_is_a_usage_error(models: Path) -> None:
    with pytest.raises(UsageError, match="unknown runtime 'litert'"):
        open_device("web").run(job(models / "gather.tflite", "litert"))


def test_a_changed_file_of_the_runtime_is_an_error(web: Web, models: Path, tmp_path: Path, monkeypatch) -> None:
    spec = runtime_files.load(RUNTIME)
    installed = spec.folder
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    spec.folder.mkdir(parents=True)
    (spec.folder / "wasm").symlink_to(installed / "wasm")
    for name in ("wasm-utils.js", runtime_files.RECORD_FILE):
        (spec.folder / name).symlink_to(installed / name)
    (spec.folder / "core.js").write_text("export {};")
    with pytest.raises(OnDeviceError, match=r"core\.js' is gone or was changed .* install web --again"):
        web.run(job(models / "gather.tflite", RUNTIME))
