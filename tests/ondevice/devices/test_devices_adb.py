"""What adb reaches runs real files on the real runtimes, is left as it was found, and may be unplugged at any time.

There is no phone here: a stand-in for adb runs what a phone would, programs for arm64 on a processor QEMU emulates.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ondevice.devices import job_folder
from ondevice.devices.guest import image as images
from ondevice.devices.kinds.adb import Adb
from ondevice.devices.profile import open_device
from ondevice.errors import UsageError
from tests.ondevice.devices.gather_files import EVERY_ID, TABLE, job, processes
from tests.ondevice.devices.standin_adb import QEMU, SERIAL, STORAGE, asked, make_phone

ADB = Adb("adb")
ENDLESS = "import os\nos.fork()\nopen('begun', 'w').close()\nwhile True: pass"
"""A job of two processes that tells when it has begun."""


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phone that all tests share, since it takes seconds to put the image on it."""
    folder = tmp_path_factory.mktemp("adb")
    make_phone(folder / "phone", folder / "bin")
    return folder


@pytest.fixture(autouse=True)
def unplugged(standin: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put the stand-in first on PATH; check that nothing of a job stays on the phone. Gives what unplugs it."""
    reason = "" if shutil.which(QEMU[0]) else f"{QEMU[0]} is not installed; run: apt-get install qemu-user"
    if reason := reason or images.not_installed(images.load("arm64")):
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must run the tests of adb: {reason}")
        pytest.skip(reason)
    monkeypatch.setenv("PATH", f"{standin / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    phone = standin / "phone"
    yield phone / "unplugged"
    for order in ("unplugged", "break"):
        (phone / order).unlink(missing_ok=True)
    assert not (phone / STORAGE / "ondevice" / "current").exists()
    deadline = time.monotonic() + 10
    while processes(phone) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes(phone) == []


@pytest.fixture
def doing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have another script run on the phone instead of the runner."""

    def replace(script: str) -> None:
        (tmp_path / "runner.py").write_text(script)
        monkeypatch.setattr(job_folder, "_RUNNER", tmp_path / "runner.py")

    return replace


@pytest.fixture
def small_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image whose loader is a script that can run nothing: Python starts, jobs end with exit code 5."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    spec = images.load("arm64")
    loader = spec.folder / "root" / spec.loader
    loader.parent.mkdir(parents=True)
    loader.write_text('#!/bin/sh\ncase "$*" in *"runner.py ."*) exit 5;; esac\n')
    loader.chmod(0o755)
    (loader.parent / "alias").symlink_to(loader.name)
    (spec.folder / images.RECORD_FILE).write_text('{"packages": [], "wheels": [], "kernel": "", "sha256": {}}')
    return loader


@pytest.fixture
def empty_phone(small_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A phone of its own on which nothing is."""
    make_phone(tmp_path / "phone", tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "phone"


def pushed(phone: Path, name: str) -> int:
    """Count how often a file was sent to the phone."""
    return sum("push" in words and any(Path(word).name == name for word in words[:-1]) for words in asked(phone))


def when_begun(phone: Path, do: Callable[[], object]) -> threading.Thread:
    """Start a thread that waits until the job on the phone has begun and then does something."""

    def watch() -> None:
        deadline = time.monotonic() + 30
        while not (phone / STORAGE / "ondevice/current/0/begun").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        do()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_every_id_gives_its_row_exactly_on_both_runtimes(models: Path) -> None:
    jobs = [job(models / "gather.tflite", runtime, warmups=2, repeats=20) for runtime in ("litert", "tflite-2.14")]
    *outcomes, refused = ADB.run_all([*jobs, job(models / "two.tflite", "tflite-2.14")])
    for outcome, runtime in zip(outcomes, ("litert", "tflite-2.14"), strict=True):
        measured = outcome.measurement
        assert (measured.status, measured.message, measured.runtime) == ("ok", "", runtime)
        np.testing.assert_array_equal(outcome.outputs["rows"], TABLE[EVERY_ID])
        assert (measured.device, measured.clock, measured.threads) == ("adb", "time", 1)
        assert measured.runtime_version == {"litert": "2.3.0", "tflite-2.14": "2.14.0"}[runtime]
        assert {"asimd", "aes"} <= set(measured.cpu_features)
        assert (len(measured.warmup_ns), len(measured.run_ns)) == (2, 20)
        assert min(measured.load_ns, measured.memory_growth_bytes, *measured.warmup_ns, *measured.run_ns) > 0
    assert refused.measurement.status == "refused"
    assert "not the file's first graph" in refused.measurement.message


def test_the_image_is_sent_once_and_a_model_once_per_call(models: Path, standin: Path, doing) -> None:
    doing("raise SystemExit('fine')")
    phone, one = standin / "phone", job(models / "gather.tflite", "litert")
    ADB.run(one)
    before = pushed(phone, "gather.tflite")
    outcomes = ADB.run_all([one, one])
    assert [outcome.measurement.message for outcome in outcomes] == ["exit code 1: fine"] * 2
    assert pushed(phone, "gather.tflite") == before + 1
    assert pushed(phone, "root.tar") == 1


@pytest.mark.parametrize("unplug_at", ["root.tar", "(sync"])
def test_an_image_that_was_not_put_there_as_a_whole_is_put_there_again(
    models: Path, empty_phone: Path, unplug_at: str
) -> None:
    one = job(models / "gather.tflite", "litert")
    (empty_phone / "break").write_text(unplug_at)
    cut_off = ADB.run(one).measurement
    assert cut_off.status == "device failed"
    assert cut_off.message.endswith("Connection reset by peer" if unplug_at == "root.tar" else "closed")
    (empty_phone / "unplugged").unlink()
    (empty_phone / "break").unlink()
    assert ADB.run(one).measurement.message == "exit code 5"
    assert pushed(empty_phone, "root.tar") == 2
    assert (empty_phone / STORAGE / "ondevice/root/lib/alias").is_symlink()
    assert sorted(path.name for path in (empty_phone / STORAGE / "ondevice").iterdir()) == ["root", "whole"]


def test_an_older_image_is_removed_and_nothing_else(models: Path, empty_phone: Path) -> None:
    folder = empty_phone / STORAGE / "ondevice"
    for name in ("root", "current", "photos"):
        (folder / name).mkdir(parents=True)
        (folder / name / "old").touch()
    (folder / "whole").write_text("0123456789ab\n")
    assert ADB.run(job(models / "gather.tflite", "litert")).measurement.message == "exit code 5"
    assert sorted(path.name for path in folder.rglob("*") if path.name in ("old", "photos")) == ["old", "photos"]
    assert (folder / "whole").read_text().strip() == images.load("arm64").key


def test_an_image_that_does_not_run_there_is_no_fault_of_the_file(
    models: Path, small_image: Path, empty_phone: Path
) -> None:
    small_image.write_text("#!/bin/sh\necho 'Bad system call' >&2; exit 159\n")
    measured = ADB.run(job(models / "gather.tflite", "litert")).measurement
    assert measured.status == "device failed"
    assert measured.message == "starting tflite-2.14 on the device failed: Bad system call"
    assert not (empty_phone / STORAGE / "ondevice/whole").exists()


@pytest.mark.parametrize(
    ("devices", "serial", "message"),
    [
        ("", "", "no devices/emulators found; connect one on which USB debugging is turned on"),
        ("a=device b=device", "", "more than one device/emulator; name one in ANDROID_SERIAL or in the profile's"),
        ("a=device b=device", "c", "device 'c' not found"),
        ("a=unauthorized", "", "device unauthorized; confirm the request on its screen"),
        ("a=offline b=device", "a", "device offline; connect it again"),
    ],
)
def test_a_device_that_is_not_there_is_missing(
    models: Path, monkeypatch: pytest.MonkeyPatch, devices: str, serial: str, message: str
) -> None:
    monkeypatch.setenv("STANDIN_DEVICES", devices)
    device = Adb("a phone", serial)
    measured = device.run(job(models / "gather.tflite", "litert")).measurement
    assert measured.status == "missing"
    assert measured.message.startswith(f"adb reaches no device: {message}")
    assert device.installed() == []


@pytest.mark.parametrize("way", ["option", "variable"])
def test_one_of_several_devices_is_named(standin: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setenv("STANDIN_DEVICES", f"another=device {SERIAL}=device")
    if way == "variable":
        monkeypatch.setenv("ANDROID_SERIAL", SERIAL)
    device = Adb("a phone", SERIAL if way == "option" else "")
    assert device.missing() == ""
    assert device.installed() == device.runtimes() == ["tflite-2.14", "litert"]
    assert (asked(standin / "phone")[-1][:2] == ["-s", SERIAL]) == (way == "option")


def test_another_processor_is_refused(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_PROCESSOR", "x86_64")
    measured = ADB.run(job(models / "gather.tflite", "litert")).measurement
    assert measured.status == "missing"
    assert measured.message == "image 'arm64' is for aarch64, but the device is 'x86_64'"


def test_without_adb_the_way_to_it_is_told(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    measured = ADB.run(job(models / "gather.tflite", "litert")).measurement
    assert measured.status == "missing"
    assert measured.message.startswith("adb is not installed; run: ")
    assert measured.message.endswith("apt-get install -y --no-install-recommends adb")
    assert ADB.machine()["processor"] == "unknown"


def test_without_an_image_the_way_to_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert ADB.missing() == "the phone's image 'arm64' is not installed; run: ondevice devices install"


def test_a_connection_lost_in_the_middle_is_not_blamed_on_the_file(models: Path, unplugged: Path, doing) -> None:
    doing("import time\nopen('begun', 'w').close()\ntime.sleep(2)")
    thread = when_begun(unplugged.parent, unplugged.touch)
    first, second = (each.measurement for each in ADB.run_all([job(models / "gather.tflite", "litert")] * 2))
    thread.join()
    assert (first.status, first.message) == ("device failed", "the connection to the device was lost")
    assert second.status == "device failed"
    assert second.message == "failed to get feature set: no devices/emulators found"
    unplugged.unlink()
    # What could not be cleared up is when the device is back.
    doing("raise SystemExit('fine')")
    assert ADB.run(job(models / "gather.tflite", "litert")).measurement.message == "exit code 1: fine"


def test_a_time_out_leaves_no_process_on_the_device(models: Path, unplugged: Path, doing) -> None:
    doing(ENDLESS)
    start = time.monotonic()
    measured = ADB.run(job(models / "gather.tflite", "litert", timeout_s=2)).measurement
    assert time.monotonic() - start < 15
    assert (measured.status, measured.message) == ("timed out", "no result within 2 s")


def test_a_device_that_stopped_answering_is_not_called_a_time_out(models: Path, unplugged: Path, doing) -> None:
    doing("import time\ntime.sleep(3)")
    (unplugged.parent / "break").write_text("kill")
    measured = ADB.run(job(models / "gather.tflite", "litert", timeout_s=1)).measurement
    assert (measured.status, measured.message) == ("device failed", "closed")
    unplugged.unlink()
    (unplugged.parent / "break").unlink()
    doing("")
    assert ADB.run(job(models / "gather.tflite", "litert")).measurement.status == "crashed"


def test_a_job_that_nobody_can_stop_ends_itself(models: Path, doing) -> None:
    doing("import json\nraise SystemExit(str(json.load(open('job.json'))['limit_s']))")
    measured = ADB.run(job(models / "gather.tflite", "litert", timeout_s=8.5)).measurement
    assert measured.message == "exit code 1: 14"


def test_an_interrupt_leaves_nothing_on_the_device(models: Path, unplugged: Path, doing) -> None:
    doing(ENDLESS)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread = when_begun(unplugged.parent, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            ADB.run(job(models / "gather.tflite", "litert", timeout_s=60))
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("number", "status", "message"),
    [
        (signal.SIGSEGV, "crashed", "killed by SIGSEGV: "),
        (signal.SIGILL, "illegal instruction", "killed by SIGILL: "),
        (signal.SIGKILL, "crashed", "killed by SIGKILL.*; Android does that when memory runs out$"),
    ],
)
def test_a_signal_is_told_by_its_name(models: Path, doing, number: int, status: str, message: str) -> None:
    doing(f"import os\nos.kill(os.getpid(), {int(number)})")
    measured = ADB.run(job(models / "gather.tflite", "litert")).measurement
    assert measured.status == status
    assert re.match(message, measured.message)


def test_two_at_once_take_turns(models: Path, doing) -> None:
    doing("raise SystemExit('fine')")
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(ADB.run, [job(models / "gather.tflite", "litert")] * 2))
    assert [outcome.measurement.message for outcome in outcomes] == ["exit code 1: fine"] * 2


def test_the_device_tells_what_it_is(unplugged: Path) -> None:
    told = {"system": "Android 13", "device": "Nobody Stand-in 1", "processor": "2 x 0x41/0xd03", "cores": "2"}
    assert ADB.machine() == told
    unplugged.touch()
    assert ADB.machine() == {"system": "Android unknown", **dict.fromkeys(("device", "processor", "cores"), "unknown")}


def test_the_profile_takes_the_only_device() -> None:
    assert open_device("adb") == ADB


def test_a_runtime_that_the_image_does_not_have_is_a_usage_error(models: Path) -> None:
    with pytest.raises(UsageError, match="unknown runtime 'litter'"):
        ADB.run(job(models / "gather.tflite", "litter"))


def test_a_folder_that_is_nowhere_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="folder must be an absolute path on the device, received 'tmp'"):
        Adb("a phone", folder="tmp")
