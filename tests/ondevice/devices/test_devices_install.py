"""Installing an image: alone, whole or not at all, and told in one sentence when it can't be done."""

from __future__ import annotations

import dataclasses
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ondevice import files, records
from ondevice.devices.guest import image as images
from ondevice.devices.guest import install as installing
from ondevice.devices.guest import tools
from ondevice.devices.guest.image import ImageRecord, ImageSpec
from ondevice.errors import OnDeviceError, UsageError
from ondevice.pipeline.devices import install_devices, list_devices

SPEC = images.load("arm64")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and programs that are all there, wherever these tests run."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tools, "find", lambda tool: f"/usr/bin/{tool}")
    return images.cache_folder()


def stand_in(spec: ImageSpec, work: Path, image: Path, say: object) -> None:
    """Build something that looks like an image, slowly."""
    image.mkdir()
    time.sleep(0.3)
    (image / images.KERNEL_FILE).write_bytes(b"kernel")
    digests = {images.KERNEL_FILE: files.sha256(image / images.KERNEL_FILE)}
    records.write(image / images.RECORD_FILE, ImageRecord((), (), "6.1", digests))


def test_what_is_there_is_not_built_again_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    monkeypatch.setattr(installing, "_build", lambda *a: (built.append(a), stand_in(*a)))
    assert images.missing(SPEC) == "the phone's image 'arm64' is not installed; run: ondevice devices install"
    for _ in range(2):
        assert installing.install(SPEC).folder == SPEC.folder
    assert len(built) == 1
    installing.install(SPEC, again=True)
    assert len(built) == 2
    assert images.missing(SPEC) == ""


def test_two_at_once_build_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[object] = []
    said: list[str] = []
    monkeypatch.setattr(installing, "_build", lambda *a: (built.append(a), stand_in(*a)))
    threads = [threading.Thread(target=installing.install, args=(SPEC,), kwargs={"say": said.append}) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert said == ["waiting for another process that builds an image"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OnDeviceError("no network"), OSError(28, "No space left")])
def test_a_build_that_fails_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(spec: ImageSpec, work: Path, image: Path, say: object) -> None:
        image.mkdir()
        (image / images.KERNEL_FILE).write_bytes(b"half a ker")
        raise error

    monkeypatch.setattr(installing, "_build", fail)
    with pytest.raises(type(error)):
        installing.install(SPEC)
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_what_a_killed_build_left_is_cleared_away(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cache / ".building-dead").mkdir(parents=True)
    (cache / ".building-dead" / "big").write_bytes(b"x")
    older = cache / f"{SPEC.name}-0123456789ab"
    older.mkdir()
    monkeypatch.setattr(installing, "_build", stand_in)
    installing.install(SPEC)
    assert sorted(path.name for path in cache.iterdir()) == [".lock", SPEC.folder.name]


def test_the_rebuilt_image_replaces_the_damaged_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "_build", stand_in)
    installing.install(SPEC)
    (SPEC.folder / images.KERNEL_FILE).write_bytes(b"damaged")
    with pytest.raises(OnDeviceError, match=r"gone or was changed .* ondevice devices install --again"):
        images.open_image(SPEC)
    installing.install(SPEC, again=True)
    images.open_image(SPEC)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(ImageSpec)])
def test_any_change_of_what_it_is_built_from_is_another_image(field: str) -> None:
    value = getattr(SPEC, field)
    other = {"x": "1"} if isinstance(value, dict) else ("x",) if isinstance(value, tuple) else "x"
    assert dataclasses.replace(SPEC, **{field: other}).folder != SPEC.folder


@pytest.fixture
def small_cache(cache: Path) -> Iterator[Path]:
    """A cache on a file system of 4 MB."""
    cache.mkdir(parents=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(cache)], capture_output=True)
    if done.returncode:
        pytest.skip(f"a small file system can't be mounted here: {done.stderr.decode().strip()}")
    try:
        yield cache
    finally:
        subprocess.run(["umount", str(cache)], check=True)


def test_a_full_disk_leaves_nothing(small_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(spec: ImageSpec, work: Path, image: Path, say: object) -> None:
        image.mkdir()
        (image / images.SYSTEM_FILE).write_bytes(b"x" * (8 << 20))

    monkeypatch.setattr(installing, "_build", fill)
    with pytest.raises(OSError, match="No space left"):
        installing.install(SPEC)
    assert [path.name for path in small_cache.iterdir()] == [".lock"]


def test_a_wheel_that_is_not_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "index" / "a_wheel-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a_wheel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: a-wheel\nVersion: 1.0\n")
        archive.writestr("a_wheel-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    monkeypatch.setattr(tools, "find", lambda tool: tool)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    spec = dataclasses.replace(SPEC, wheels={wheel.name: files.sha256(wheel)})
    assert [found.name for found in installing._wheels(spec, tmp_path / "whole")] == [wheel.name]
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("more.py", "")
    with pytest.raises(OnDeviceError, match=r"wheel a_wheel-1\.0-py3-none-any\.whl is not the one that is pinned"):
        installing._wheels(spec, tmp_path / "other")


def test_missing_programs_are_named_with_the_command_that_brings_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find", lambda tool: None if tool in ("cpio", "debugfs") else f"/usr/bin/{tool}")
    with pytest.raises(OnDeviceError, match=r"cpio, e2fsprogs is not installed; run: .*apt-get install .* cpio e2fs"):
        installing.install(SPEC)


def test_a_device_without_an_image_needs_no_installation() -> None:
    with pytest.raises(UsageError, match="device 'host' needs no installation; devices that do: armv7, entry-2018"):
        install_devices(["host"])


def test_the_list_tells_what_is_missing() -> None:
    states = {state.name: state for state in list_devices(["host", "entry-2018"])}
    assert states["host"].missing == ""
    assert states["entry-2018"].missing.endswith("run: ondevice devices install")
    assert states["entry-2018"].runtimes == ("tflite-2.14 2.14.0", "litert 2.3.0")
