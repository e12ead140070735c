"""The host runs real files on the real runtimes, and survives whatever they do."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import platform
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from ondevice.devices.device import Job, RowDigests, registry
from ondevice.devices.runner import RowHash, digests_of
from ondevice.devices.runtimes import RUNTIMES, Runtime, installed_version
from ondevice.errors import UsageError
from ondevice.manifest import Tensor
from tests.ondevice.devices.gather_files import EVERY_ID, LENGTH, TABLE, WIDTH, job, when_running

HOST = registry.load("host")()

IN_CI = os.environ.get("CI") == "true"
"""Whether a runtime that is not installed is a failure."""

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
every_runtime = pytest.mark.parametrize(
    "runtime",
    [
        pytest.param(
            name, marks=pytest.mark.skipif(installed_version(one) is None and not IN_CI, reason="not installed")
        )
        for name, one in RUNTIMES.items()
    ],
)


@every_runtime
def test_every_id_gives_its_row_exactly(models: Path, runtime: str) -> None:
    outcome = HOST.run(job(models / "gather.tflite", runtime, warmups=2, repeats=100))
    assert outcome.measurement.message == ""
    np.testing.assert_array_equal(outcome.outputs["rows"], TABLE[EVERY_ID])
    np.testing.assert_allclose(outcome.outputs["sums"], 2 * TABLE[EVERY_ID].sum(axis=-1), rtol=1e-6)
    assert outcome.inputs == (Tensor("ids", (LENGTH,), "int32"),)
    assert outcome.outputs_spec == (
        Tensor("rows", (LENGTH, WIDTH), "float32"),
        Tensor("sums", (LENGTH,), "float32"),
    )
    measured = outcome.measurement
    assert (measured.status, measured.device, measured.threads, measured.clock) == ("ok", "host", 1, "time")
    assert "sse2" in measured.cpu_features or platform.machine() != "x86_64"
    assert measured.runtime_version == installed_version(RUNTIMES[runtime])
    assert (len(measured.warmup_ns), len(measured.run_ns)) == (2, 100)
    assert min(measured.load_ns, *measured.warmup_ns, *measured.run_ns) > 0


@every_runtime
@pytest.mark.parametrize(("rows", "per_digest"), [(20, 7), (20, 20), (13, 5), (20, 1)])
def test_digests_come_back_in_place_of_outputs(models: Path, runtime: str, rows: int, per_digest: int) -> None:
    ids = np.arange(20, dtype=np.int32) % len(TABLE)
    inputs = {"ids": np.resize(ids, (-(-20 // LENGTH), LENGTH))}
    digests = RowDigests({"rows": rows, "sums": 1}, per_digest)
    asked = job(models / "gather.tflite", runtime, inputs=inputs, digests=digests)
    outcome = HOST.run(asked)
    assert outcome.measurement.ok, outcome.measurement.message
    assert outcome.outputs == {}
    vectors = TABLE[ids[:rows]]
    expected = [hashlib.sha256(vectors[n : n + per_digest].tobytes()).hexdigest() for n in range(0, rows, per_digest)]
    assert list(outcome.digests["rows"]) == expected
    outputs = HOST.run(dataclasses.replace(asked, digests=None)).outputs
    assert digests_of(outputs["rows"], rows, per_digest) == outcome.digests["rows"]
    assert digests_of(outputs["sums"], 1, per_digest) == outcome.digests["sums"]


def test_digests_do_not_tell_zeros_apart_nor_how_rows_were_added() -> None:
    values = np.arange(24, dtype=np.float32).reshape(6, 4) * np.float32(-1)
    whole = digests_of(values, 6, 4)
    assert digests_of(np.float32([[-0.0, 1]]), 1, 1) == digests_of(np.float32([[0.0, 1]]), 1, 1)
    for cut in range(7):
        found = RowHash(6, 4)
        for part in (values[:cut], values[cut:], values):
            found.add(part)
        assert tuple(found.finish()) == whole, "what is beyond the rows is left out"
    values[5, 3] += 1
    assert [one == other for one, other in zip(digests_of(values, 6, 4), whole, strict=True)] == [True, False]


@linux
@every_runtime
def test_the_mapped_part_is_what_was_touched_of_the_file(models: Path, runtime: str) -> None:
    model = models / "gather.tflite"
    one = HOST.run(job(model, runtime, inputs={"ids": np.zeros((1, LENGTH), np.int32)})).measurement
    every = HOST.run(job(model, runtime)).measurement
    # How much of its surroundings a touched page brings with it depends on the kernel.
    assert 0 < one.mapped_growth_bytes <= every.mapped_growth_bytes
    assert TABLE.nbytes <= every.mapped_growth_bytes <= model.stat().st_size + 4096
    assert every.memory_growth_bytes >= every.mapped_growth_bytes


@every_runtime
def test_an_open_dimension_takes_the_length_of_the_input(models: Path, runtime: str) -> None:
    ids = np.arange(14, dtype=np.int32).reshape(2, 7)
    outcome = HOST.run(job(models / "any_length.tflite", runtime, inputs={"ids": ids}))
    np.testing.assert_array_equal(outcome.outputs["next"], ids + 1)


@every_runtime
@pytest.mark.parametrize(
    ("model", "changes", "message"),
    [
        ("gather", {"inputs": {"ids": EVERY_ID - 1}}, "inference 0: .*gather index out of bounds"),
        ("gather", {"inputs": {"ids": EVERY_ID + 1}}, "inference 79: .*gather index out of bounds"),
        ("gather", {"inputs": {"ids": EVERY_ID.astype(np.int64)}}, "INT64 but expected type INT32"),
        ("gather", {"inputs": {"ids": EVERY_ID[:, 1:]}}, "Attempting to resize dimension 0"),
        ("gather", {"inputs": {"id": EVERY_ID}}, r"takes \['ids'\], the job gives \['id'\]"),
        ("gather", {"signature": "train"}, "no signature 'train'; it has: recommend"),
        ("two", {"inputs": {"number": EVERY_ID, "divisor": EVERY_ID}}, "not the file's first graph"),
    ],
)
def test_what_the_runtime_cannot_do_is_refused_in_one_line(
    models: Path, runtime: str, model: str, changes: dict[str, Any], message: str
) -> None:
    outcome = HOST.run(dataclasses.replace(job(models / f"{model}.tflite", runtime), **changes))
    assert outcome.measurement.status == "refused"
    assert re.search(message, outcome.measurement.message)
    assert "\n" not in outcome.measurement.message
    assert (outcome.outputs, outcome.measurement.load_ns) == ({}, -1)


@every_runtime
@pytest.mark.parametrize("size_bytes", [0, 7, 1_000])
def test_a_truncated_file_does_not_harm_the_caller(models: Path, tmp_path: Path, runtime: str, size_bytes: int) -> None:
    short = tmp_path / "short.tflite"
    short.write_bytes((models / "gather.tflite").read_bytes()[:size_bytes])
    outcome = HOST.run(job(short, runtime))
    # Only the newer runtime checks the file before it follows its offsets.
    expected = {"litert": ("refused",), "tflite-2.14": ("refused", "crashed")}
    assert outcome.measurement.status in expected[runtime]
    assert outcome.measurement.message != ""


@every_runtime
@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors do not trap on this division")
def test_a_file_that_kills_the_runtime_is_a_crash(models: Path, runtime: str) -> None:
    inputs = {"number": np.array([[-(2**31)]], np.int32), "divisor": np.array([[-1]], np.int32)}
    outcome = HOST.run(job(models / "remainder.tflite", runtime, inputs=inputs))
    assert outcome.measurement.status == "crashed"
    assert outcome.measurement.message == "killed by SIGFPE"


def endless(models: Path, timeout_s: float) -> Job:
    """Return a job whose inferences take far longer than any test."""
    return job(models / "gather.tflite", "litert", repeats=10**9, timeout_s=timeout_s)


@linux
def test_a_process_killed_from_outside_is_a_crash(models: Path, scratch: Path) -> None:
    thread = when_running(scratch, lambda number: os.kill(number, signal.SIGKILL))
    outcome = HOST.run(endless(models, timeout_s=30))
    thread.join()
    assert (outcome.measurement.status, outcome.measurement.message) == ("crashed", "killed by SIGKILL")


@linux
def test_an_interrupt_stops_the_process(models: Path, scratch: Path) -> None:
    # A shell starts background jobs with the interrupt ignored, and Python then leaves it so.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread = when_running(scratch, lambda _: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            HOST.run(endless(models, timeout_s=30))
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_while_the_process_is_being_started_leaves_none(models: Path, monkeypatch) -> None:
    """The worst moment: the process exists, but the call that starts it has not returned."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    start = subprocess.Popen

    def interrupted(*arguments, **options):
        process = start(*arguments, **options)
        os.kill(os.getpid(), signal.SIGINT)
        return process

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            HOST.run(endless(models, timeout_s=30))
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_time_out_is_reported_in_time(models: Path) -> None:
    start = time.monotonic()
    outcome = HOST.run(endless(models, timeout_s=0.5))
    assert time.monotonic() - start < 5
    assert (outcome.measurement.status, outcome.measurement.message) == (
        "timed out",
        "no result within 0.5 s",
    )


def test_jobs_that_are_not_timed_run_beside_each_other_and_timed_ones_alone(models: Path, monkeypatch) -> None:
    timed, untimed = (job(models / "gather.tflite", "litert", repeats=repeats) for repeats in (1, 0))
    running: list[Job] = []
    beside: list[tuple[int, int]] = []
    meeting = threading.Barrier(2, timeout=60)

    def run(self, job, cancelled):
        running.append(job)
        if not job.repeats:
            meeting.wait()
        beside.append((job.repeats, len(running)))
        if not job.repeats:
            meeting.wait()
        running.remove(job)
        return job

    monkeypatch.setattr(type(HOST), "_run", run)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    jobs = [timed, untimed, untimed, untimed, untimed, timed]
    assert HOST.run_all(jobs) == jobs, "in the order asked for"
    assert beside == [(1, 1), *[(0, 2)] * 4, (1, 1)]


def test_a_runtime_that_is_not_installed_is_missing(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Runtime("absent", "absent.interpreter", "no-such-package-at-all", "Linux with Python 3.11 or older")
    monkeypatch.setitem(cast(dict[str, Runtime], RUNTIMES), "absent", absent)
    measured = HOST.run(job(models / "gather.tflite", "absent")).measurement
    assert measured.status == "missing"
    assert measured.message.startswith("no-such-package-at-all is not installed in this Python 3.")
    assert measured.message.endswith("it can be installed on Linux with Python 3.11 or older.")


def test_a_runtime_that_cannot_be_imported_is_a_crash(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Runtime("broken", "no_such_module", "numpy", "nothing")
    monkeypatch.setitem(cast(dict[str, Runtime], RUNTIMES), "broken", broken)
    measured = HOST.run(job(models / "gather.tflite", "broken")).measurement
    assert measured.status == "crashed"
    assert measured.message == "exit code 1: ModuleNotFoundError: No module named 'no_such_module'"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"runtime": "litter"}, "unknown runtime 'litter', did you mean 'litert'?"),
        ({"model": Path("absent.tflite")}, "model 'absent.tflite' does not exist."),
        ({"inputs": {}}, "at least one"),
        ({"inputs": {"ids": EVERY_ID[:0]}}, "at least one; received {'ids': 0}"),
        ({"inputs": {"ids": EVERY_ID, "more": EVERY_ID[:1]}}, "received {'ids': 80, 'more': 1}"),
        ({"repeats": -1}, "must be 0 or more, received 5 and -1"),
    ],
)
def test_a_wrong_request_is_a_usage_error(models: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        HOST.run(dataclasses.replace(job(models / "gather.tflite", "litert"), **changes))


def test_the_host_offers_every_runtime_of_the_table() -> None:
    assert HOST.runtimes() == list(RUNTIMES)
