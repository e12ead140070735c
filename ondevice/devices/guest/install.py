"""Building the phone's image: packages, wheels, disk, and a first start that proves it."""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from ondevice import files, records
from ondevice.devices.cache import build
from ondevice.devices.guest import tools
from ondevice.devices.guest.boot import boot, command
from ondevice.devices.guest.disk import make_disk
from ondevice.devices.guest.image import (
    INIT,
    KERNEL_FILE,
    RECORD_FILE,
    ROOT_FOLDER,
    START_FILE,
    SYSTEM_FILE,
    Image,
    ImageRecord,
    ImageSpec,
    exports,
    open_image,
)
from ondevice.devices.guest.packages import Packages
from ondevice.devices.runtimes import find_runtime
from ondevice.errors import OnDeviceError

KERNEL_PACKAGE = "linux-image-cloud-arm64"
MODULES = ("virtio/virtio_ring", "virtio/virtio", "virtio/virtio_mmio", "block/virtio_blk")
"""What the kernel needs to see its disks, in the order of loading."""

NOT_NEEDED = (
    "lib/systemd",
    "usr/lib/*/gconv",
    "usr/lib/*/engines-3",
    "usr/lib/*/ossl-modules",
    "usr/lib/*/krb5",
    "usr/lib/python3*/test",
    "usr/lib/python3*/ensurepip",
    "site/numpy/**/tests",
    "site/ai_edge_litert/libLiteRtWebGpuAccelerator.so",
)
"""Parts of packages and wheels that only take room."""

BYTECODE_ROOM_BYTES = 64 << 20
FIRST_START = ("cortex-a72", 512, 300.0)
"""Processor, MB of memory and seconds of the first start."""

_RUNNER = Path(__file__).parents[1] / "runner.py"


def install(spec: ImageSpec, again: bool = False, say: Callable[[str], None] = lambda what: None) -> Image:
    """Return an image, building it if it is not there; one that is half built is never seen.

    Args:
        spec: what to build.
        again: whether to build it although it is there.
        say: told of each step before it starts.

    Raises:
        OnDeviceError: a program is missing, a download failed, the disk is full or the image does not start.
    """
    packages = tools.missing_packages(tools.RUN_TOOLS | tools.BUILD_TOOLS)
    if packages:
        raise OnDeviceError(
            f"the phone's image can't be built: {', '.join(packages)} is not installed; "
            f"run: {tools.install_command(packages)}"
        )
    build(
        spec.folder,
        lambda: again or not (spec.folder / RECORD_FILE).is_file(),
        lambda work, image: _build(spec, work, image, say),
        "builds an image",
        say,
    )
    return open_image(spec)


def _build(spec: ImageSpec, work: Path, image: Path, say: Callable[[str], None]) -> None:
    image.mkdir()
    say(f"downloading Debian packages for {spec.architecture}")
    packages = Packages(spec.architecture, work / "packages")
    user = packages.unpack(packages.with_dependencies(spec.packages), work / "user")
    # The kernel is a 64-bit one in any case: it runs 32-bit programs as well.
    own = spec.architecture == "arm64"
    kernels = packages if own else Packages("arm64", work / "packages-arm64")
    system = kernels.unpack([kernels.kernel(KERNEL_PACKAGE), "busybox-static"], work / "kernel")
    say("downloading the runtimes")
    wheels = _wheels(spec, work / "wheels")
    say("putting the image together")
    root = image / ROOT_FOLDER
    _make_root(spec, root, work, wheels)
    [kernel] = (work / "kernel" / "boot").glob("vmlinuz-*")
    shutil.copyfile(kernel, image / KERNEL_FILE)
    _make_start(work, work / "start", image / START_FILE)
    make_disk(root, image / SYSTEM_FILE, BYTECODE_ROOM_BYTES)
    digests = {name: "" for name in (KERNEL_FILE, START_FILE, SYSTEM_FILE)}
    record = ImageRecord(
        tuple(user + system), tuple(wheel.name for wheel in wheels), kernel.name.removeprefix("vmlinuz-"), digests
    )
    say("starting it for the first time")
    _first_start(Image(spec, record, image), work / "first")
    whole = {name: files.sha256(image / name) for name in digests}
    records.write(image / RECORD_FILE, ImageRecord(record.packages, record.wheels, record.kernel, whole))


def _wheels(spec: ImageSpec, folder: Path) -> list[Path]:
    platforms = [word for platform in spec.platforms for word in ("--platform", platform)]
    tags = ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--only-binary=:all:"]
    options = ["--quiet", "--disable-pip-version-check", "--no-deps"]
    words = ["-m", "pip", "download", *options, "--dest", str(folder), *tags, *platforms, *spec.requirements]
    tools.call([sys.executable, *words], "downloading the runtimes")
    wheels = sorted(folder.iterdir())
    # pip runs nothing of a wheel that it downloads, so that it is soon enough to look at it now.
    for wheel in wheels:
        if (found := files.sha256(wheel)) != (pinned := spec.wheels.get(wheel.name, "that of another file")):
            raise OnDeviceError(
                f"wheel {wheel.name} is not the one that is pinned: its SHA-256 is {found}, expected is {pinned}."
            )
    return wheels


def _make_root(spec: ImageSpec, root: Path, work: Path, wheels: list[Path]) -> None:
    user, triplet = work / "user", spec.triplet
    for name in ("bin", "dev", "proc", "sys", "tmp", "mnt", "job", "site", "usr/bin", "usr/lib"):
        (root / name).mkdir(parents=True)
    shutil.copytree(user / "lib", root / "lib", symlinks=True)
    for path in sorted((user / "usr" / "lib").iterdir()):
        if path.name == triplet or path.name.startswith("python3"):
            shutil.copytree(path, root / "usr" / "lib" / path.name, symlinks=True)
    shutil.copyfile(user / "usr" / "bin" / "python3.11", root / "usr" / "bin" / "python3.11")
    (root / "usr" / "bin" / "python3.11").chmod(0o755)
    shutil.copyfile(work / "kernel" / "bin" / "busybox", root / "bin" / "busybox")
    (root / "bin" / "busybox").chmod(0o755)
    (root / "bin" / "sh").symlink_to("busybox")
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(root / "site")
    for pattern in NOT_NEEDED:
        for path in list(root.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _make_start(work: Path, folder: Path, archive: Path) -> None:
    """Make the archive that the kernel starts with: busybox, the modules and the first program."""
    for name in ("bin", "dev", "proc", "sys", "mnt", "modules"):
        (folder / name).mkdir(parents=True)
    shutil.copy(work / "kernel" / "bin" / "busybox", folder / "bin" / "busybox")
    (folder / "bin" / "sh").symlink_to("busybox")
    [drivers] = (work / "kernel" / "lib" / "modules").glob("*/kernel/drivers")
    for module in MODULES:
        shutil.copy(drivers / f"{module}.ko", folder / "modules")
    shutil.copy(INIT, folder / "init")
    (folder / "init").chmod(0o755)
    pack = f"find . | sort | cpio -o -H newc --quiet | gzip -n > '{archive.resolve()}'"
    tools.call(["sh", "-c", f"set -e; {pack}"], "packing the phone's start", folder)


def _first_start(image: Image, folder: Path) -> None:
    """Import every runtime once: it proves the image, and Python keeps the bytecode, which later starts need."""
    content = folder / "content"
    content.mkdir(parents=True)
    shutil.copy(_RUNNER, content)
    modules = [find_runtime(name).module for name in image.spec.runtimes]
    lines = ["cd /job", *exports(image.spec), "echo '@ondevice job 0 started'"]
    lines += [f"python3.11 -S -c 'import runner, {module}' || exit 1" for module in modules]
    lines += ["echo '@ondevice job 0 ended 0'"]
    (content / "main.sh").write_text("\n".join(lines) + "\n", encoding="utf-8")
    make_disk(content, folder / "job.ext4", 0)
    cpu, memory_mb, limit_s = FIRST_START
    ending = boot(
        command(image, cpu, memory_mb, folder / "job.ext4", image.folder / SYSTEM_FILE, prepare=True), folder, [limit_s]
    )
    if not ending.done or ending.exit_codes != {0: 0}:
        said = (folder / "console.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise OnDeviceError(
            f"the phone's image was built but does not start: {said[-1] if said else ending.last_words}"
        )
