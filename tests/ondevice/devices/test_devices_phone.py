"""The emulated phone runs real files on the real runtimes, counts the same each time and survives everything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ondevice.devices import job_folder
from ondevice.devices.guest import image as images
from ondevice.devices.guest import tools
from ondevice.devices.kinds.phone import Phone
from ondevice.errors import OnDeviceError, UsageError
from tests.ondevice.devices.gather_files import EVERY_ID, TABLE, job, processes, when_running
from tests.phones import require_phone

# 0x4E829420 is SDOT V0.4S, V1.16B, V2.16B, which came with Armv8.2: a Cortex-A53 does not have it.
DOT_PRODUCT = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex("2094824e" "c0035fd6"))
ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
raise SystemExit("the processor has dot products")
"""


@pytest.fixture(scope="module")
def phone() -> Phone:
    return require_phone()


@pytest.fixture
def doing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Have another script run in the phone instead of the runner."""

    def replace(script: str) -> None:
        (tmp_path / "runner.py").write_text(script)
        monkeypatch.setattr(job_folder, "_RUNNER", tmp_path / "runner.py")

    return replace


def emulators_at_work(folder: Path) -> list[int]:
    """Return the numbers of the emulators whose first job has begun."""
    begun = any("job 0 started" in path.read_text(errors="replace") for path in folder.glob("*/console.txt"))
    return processes(folder, "qemu") if begun else []


def test_every_id_gives_its_row_exactly_on_both_runtimes(phone: Phone, models: Path) -> None:
    jobs = [job(models / "gather.tflite", runtime, warmups=2, repeats=20) for runtime in ("litert", "tflite-2.14")]
    outcomes = phone.run_all([*jobs, job(models / "two.tflite", "litert")])
    for outcome, runtime in zip(outcomes[:2], ("litert", "tflite-2.14"), strict=True):
        measured = outcome.measurement
        assert (measured.status, measured.message, measured.runtime) == ("ok", "", runtime)
        np.testing.assert_array_equal(outcome.outputs["rows"], TABLE[EVERY_ID])
        assert (measured.device, measured.clock, measured.threads) == ("entry-2018", "instructions", 1)
        assert measured.runtime_version == {"litert": "2.3.0", "tflite-2.14": "2.14.0"}[runtime]
        # A Cortex-A53 has no dot product and no half precision arithmetic.
        assert {"asimd", "aes"} <= set(measured.cpu_features)
        assert not {"asimddp", "asimdhp"} & set(measured.cpu_features)
        assert (len(measured.warmup_ns), len(measured.run_ns)) == (2, 20)
        assert TABLE.nbytes <= measured.mapped_growth_bytes <= measured.memory_growth_bytes
    assert outcomes[2].measurement.status == "refused"
    assert "not the file's first graph" in outcomes[2].measurement.message


@pytest.mark.parametrize(
    ("name", "has", "lacks"),
    [
        # A program of 32 bits is told the features of the 64-bit processor that runs it.
        ("armv7", {"asimd"}, {"asimddp"}),
        ("mid-2020", {"asimd"}, {"asimddp"}),
        ("recent", {"asimddp", "asimdhp"}, {"sve"}),
    ],
)
def test_the_other_phones_are_the_processors_they_say(name: str, has: set[str], lacks: set[str], models: Path) -> None:
    device = require_phone(name)
    for outcome in device.run_all([job(models / "gather.tflite", runtime) for runtime in device.runtimes()]):
        assert (outcome.measurement.status, outcome.measurement.device) == ("ok", name)
        np.testing.assert_array_equal(outcome.outputs["rows"], TABLE[EVERY_ID])
        assert has <= set(outcome.measurement.cpu_features)
        assert not lacks & set(outcome.measurement.cpu_features)


def test_three_runs_count_the_same(phone: Phone, models: Path) -> None:
    one = job(models / "gather.tflite", "litert", inputs={"ids": EVERY_ID[:1]}, repeats=101)
    measured = [phone.run(one).measurement for _ in range(3)]
    assert {(each.status, each.message) for each in measured} == {("ok", "")}
    counts = [each.instructions for each in measured]
    # Gathering 50 rows of 64 takes thousands of instructions; the clock ticks in steps of 16.
    assert min(counts) > 3_000
    assert max(counts) - min(counts) <= max(64, 0.002 * min(counts))
    # A file is loaded once only, and what the phone's kernel does meanwhile adds to that: two of three are compared.
    fastest, second, _ = sorted(each.load_ns for each in measured)
    assert second - fastest <= 0.02 * fastest
    growths = [each.memory_growth_bytes for each in measured]
    assert max(growths) - min(growths) <= 256 * 1024


def test_an_instruction_that_only_newer_processors_have_is_its_own_result(models: Path, doing) -> None:
    doing(DOT_PRODUCT)
    one = job(models / "gather.tflite", "litert")
    old = require_phone("entry-2018").run(one).measurement
    assert old.status == "illegal instruction"
    assert old.message.startswith("killed by SIGILL")
    new = require_phone("recent").run(one).measurement
    assert (new.status, new.message) == ("crashed", "exit code 1: the processor has dot products")


def test_running_out_of_memory_is_its_own_result_and_the_next_job_runs(phone: Phone, models: Path, doing) -> None:
    # One piece after the other: what can't ever be there in one piece is refused and not promised.
    doing(
        "held = [bytearray(b'x') * (1 << 20) for _ in range(200) if 'jobs/0' in __file__]\nraise SystemExit('enough')"
    )
    first, second = phone.run_all([job(models / "gather.tflite", "litert")] * 2)
    assert first.measurement.status == "out of memory"
    assert first.measurement.message == "the phone's 128 MB ran out, and its kernel ended the runtime"
    assert second.measurement.message == "exit code 1: enough"


def test_a_crash_of_the_phone_itself_is_not_blamed_on_the_file(phone: Phone, models: Path, doing) -> None:
    doing("open('/proc/sysrq-trigger', 'w').write('c')")
    first, second = phone.run_all([job(models / "gather.tflite", "litert")] * 2)
    assert (first.measurement.status, second.measurement.status) == ("device failed", "device failed")
    assert "Kernel panic" in first.measurement.message
    assert second.measurement.message == "job 1 of this start did not end"


def test_a_time_out_is_reported_in_time(phone: Phone, models: Path, doing) -> None:
    doing("while True: pass")
    start = time.monotonic()
    measured = phone.run(job(models / "gather.tflite", "litert", timeout_s=1)).measurement
    assert time.monotonic() - start < 30
    assert (measured.status, measured.message) == ("timed out", "no result within 1 s")


def test_an_emulator_killed_from_outside_is_not_blamed_on_the_file(
    phone: Phone, models: Path, scratch: Path, doing
) -> None:
    doing("while True: pass")
    thread = when_running(scratch, lambda number: os.kill(number, signal.SIGKILL), emulators_at_work)
    measured = phone.run(job(models / "gather.tflite", "litert", timeout_s=60)).measurement
    thread.join()
    assert (measured.status, measured.message) == ("device failed", "the emulator was killed")


def test_an_interrupt_stops_every_emulator(phone: Phone, models: Path, scratch: Path, doing) -> None:
    doing("while True: pass")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread = when_running(scratch, lambda _: os.kill(os.getpid(), signal.SIGINT), emulators_at_work)
        with pytest.raises(KeyboardInterrupt):
            phone.run_all([job(models / "gather.tflite", name, timeout_s=60) for name in phone.runtimes()])
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_emulator_ends_with_whoever_started_it(phone: Phone, models: Path, tmp_path: Path) -> None:
    """The caller is killed and can't clean up: its folder may stay, its emulator may not."""
    folder = tmp_path / "killed"
    folder.mkdir()
    np.save(tmp_path / "ids.npy", EVERY_ID)
    script = (
        "import numpy, sys; from pathlib import Path; from ondevice.devices.device import Job\n"
        "from ondevice.devices.profile import open_device\n"
        "job = Job(Path(sys.argv[1]), 'litert', 'recommend', {'ids': numpy.load(sys.argv[2])}, repeats=10**9)\n"
        "open_device('entry-2018').run(job)\n"
    )
    arguments = [sys.executable, "-c", script, str(models / "gather.tflite"), str(tmp_path / "ids.npy")]
    caller = subprocess.Popen(arguments, env=os.environ | {"TMPDIR": str(folder)})
    deadline = time.monotonic() + 30
    while not emulators_at_work(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert emulators_at_work(folder)
    caller.kill()
    caller.wait()
    while processes(folder, "qemu") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes(folder, "qemu") == []


def test_two_at_once_do_not_disturb_each_other(phone: Phone, models: Path) -> None:
    jobs = [
        job(models / "gather.tflite", "litert", inputs={"ids": EVERY_ID[half]}) for half in (slice(40), slice(40, 80))
    ]
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(phone.run, jobs)
    np.testing.assert_array_equal(one.outputs["rows"], TABLE[EVERY_ID[:40]])
    np.testing.assert_array_equal(two.outputs["rows"], TABLE[EVERY_ID[40:]])


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Have temporary folders made on a file system of 24 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a small file system can't be mounted here: {mounted.stderr.decode().strip()}")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    try:
        yield folder
        assert list(folder.iterdir()) == []
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_while_the_phone_runs_is_its_own_result(
    phone: Phone, models: Path, small_disk: Path, doing
) -> None:
    doing("open('/job/jobs/0/big', 'wb').write(bytes(range(256)) * (50 << 12))")
    measured = phone.run(job(models / "gather.tflite", "litert")).measurement
    assert measured.status == "device failed"
    assert measured.message == f"the disk of {str(small_disk)!r} is full, so the phone could not write its results"


def test_a_disk_that_is_full_from_the_start_is_an_error(phone: Phone, models: Path, small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (23 << 20))
    with pytest.raises((OnDeviceError, OSError), match="No space left"):
        phone.run(job(models / "gather.tflite", "litert"))
    filler.unlink()


def test_a_damaged_output_is_noticed(models: Path, tmp_path: Path) -> None:
    written = [{"dtype": "int32", "shape": [1], "sha256": "0" * 64}]
    spec = [{"name": "next", "dtype": "int32", "shape": [1]}]
    result = {"status": "ok", "message": "", "inputs": spec, "outputs": spec, "written": written}
    (tmp_path / "result.json").write_text(json.dumps(result))
    (tmp_path / "output-0.bin").write_bytes(b"\0\0\0\0")
    outcome = job_folder.read_outcome(tmp_path, job(models / "gather.tflite", "litert"), "phone", "1")
    assert outcome is not None
    assert outcome.measurement.status == "device failed"
    assert outcome.measurement.message == "output 'next' was damaged on its way here"


def test_a_damaged_result_is_noticed(models: Path, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_bytes(bytes(500))
    outcome = job_folder.read_outcome(tmp_path, job(models / "gather.tflite", "litert"), "phone", "1")
    assert outcome is not None
    assert outcome.measurement.message == "the result was damaged on its way here"


def test_without_an_emulator_the_way_to_one_is_told(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_PATH", "/nowhere")
    measured = Phone("a phone", "cortex-a53", 128).run(job(models / "gather.tflite", "litert")).measurement
    assert measured.status == "missing"
    assert "qemu-system-arm" in measured.message
    assert "apt-get install -y --no-install-recommends" in measured.message


def test_without_an_image_the_way_to_one_is_told(
    phone: Phone, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    outcomes = phone.run_all([job(models / "gather.tflite", name) for name in phone.runtimes()])
    for outcome in outcomes:
        assert outcome.measurement.status == "missing"
        assert (
            outcome.measurement.message == "the phone's image 'arm64' is not installed; run: ondevice devices install"
        )
    assert phone.installed() == []


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_an_image_that_was_changed_or_taken_away_is_an_error(
    phone: Phone, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    spec = images.load("arm64")
    installed = spec.folder
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    spec.folder.mkdir(parents=True)
    for name in (images.KERNEL_FILE, images.SYSTEM_FILE, images.RECORD_FILE):
        (spec.folder / name).symlink_to(installed / name)
    if damage == "changed":
        content = bytearray((installed / images.START_FILE).read_bytes())
        content[1000] ^= 1
        (spec.folder / images.START_FILE).write_bytes(bytes(content))
    with pytest.raises(OnDeviceError, match=r"start\.gz' is gone or was changed .* ondevice devices install --again"):
        phone.run(job(models / "gather.tflite", "litert"))


def test_a_runtime_that_the_phone_does_not_have_is_a_usage_error(models: Path) -> None:
    phone = Phone("a phone", "cortex-a53", 128)
    with pytest.raises(UsageError, match="unknown runtime 'litter'"):
        phone.run(job(models / "gather.tflite", "litter"))
