"""Images the phone starts from: what goes into one, where it is kept, whether it is there and whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from ondevice import records
from ondevice.devices import cache
from ondevice.devices.guest import tools
from ondevice.toml_family import TomlFamily

INIT = Path(__file__).with_name("init.sh")
RECORD_FILE = "image.json"
KERNEL_FILE, START_FILE, SYSTEM_FILE, ROOT_FOLDER = "kernel", "start.gz", "system.ext4", "root"
"""An arm64 kernel whatever the programs are for; the archive that it unpacks into memory, with what mounts the disks;
the disk with Python and the runtimes; and the same as a folder, for devices that have a kernel of their own."""

LAYOUT = 1
"""Raised when the way an image is built changes, so that older ones are built anew."""


@dataclass(frozen=True)
class ImageSpec:
    """What an image is built from.

    Args:
        name: name of the image, the file's name.
        title: one line for lists.
        architecture: Debian's name of the processor that the programs are for.
        triplet: name of the folder that Debian keeps their libraries in.
        loader: path of the program that starts programs, below the image's root.
        packages: Debian packages; what they depend on comes with them.
        platforms: tags of the wheels that fit.
        wheels: SHA-256 by file name of the wheels of Python packages, all that is needed: what they depend on does not
            come with them.
        python_path: folders below the image's root that Python finds packages in.
        library_path: folders below the image's root that programs find libraries in.
        runtimes: version of each runtime's package, by the runtime's name.
    """

    name: str
    title: str
    architecture: str
    triplet: str
    loader: str
    packages: tuple[str, ...]
    platforms: tuple[str, ...]
    wheels: dict[str, str]
    python_path: tuple[str, ...]
    library_path: tuple[str, ...]
    runtimes: dict[str, str]

    def environment(self, root: str = "") -> dict[str, str]:
        """Return the environment variables that its Python needs, with the image's root at a path."""
        paths = {"PYTHONPATH": self.python_path, "LD_LIBRARY_PATH": self.library_path}
        return {name: ":".join(f"{root}/{path}" for path in found) for name, found in paths.items()}

    @property
    def requirements(self) -> list[str]:
        """The wheels as pip is asked for them: names and versions."""
        # A wheel's name begins with both, with hyphens in neither.
        parts = (wheel.split("-") for wheel in self.wheels)
        return [f"{name.replace('_', '-')}=={version}" for name, version, *_ in parts]

    @property
    def key(self) -> str:
        """A digest of everything that decides what the image is, so that a change of any of it builds it anew."""
        decides = {"layout": LAYOUT, "init": INIT.read_text(encoding="utf-8"), "spec": records.to_json(self)}
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def folder(self) -> Path:
        """Where the image is kept, whether it is there or not."""
        return cache_folder() / f"{self.name}-{self.key}"


@dataclass(frozen=True)
class ImageRecord:
    """What an image was built from and the digests of its files.

    Args:
        packages: Debian packages with version and architecture, as their files were named.
        wheels: file names of the wheels.
        kernel: version of the kernel.
        sha256: digest of each of the image's files, by name.
    """

    packages: tuple[str, ...]
    wheels: tuple[str, ...]
    kernel: str
    sha256: dict[str, str]


@dataclass(frozen=True)
class Image:
    """An image that is installed and whole."""

    spec: ImageSpec
    record: ImageRecord
    folder: Path


def exports(spec: ImageSpec) -> list[str]:
    """Return the shell lines that set up the environment inside the phone."""
    return [f"export {name}={value}" for name, value in spec.environment().items()]


def cache_folder() -> Path:
    """Return the folder of all images."""
    return cache.cache_folder("phone")


family = TomlFamily("image", ImageSpec, Path(__file__).parent / "images")
names, load = family.names, family.load


def missing(spec: ImageSpec) -> str:
    """Say what keeps the phone from starting with this image and what to do about it; empty if nothing does."""
    packages = tools.missing_packages(tools.RUN_TOOLS)
    if packages:
        return f"{', '.join(packages)} is not installed; run: {tools.install_command(packages)}"
    return not_installed(spec)


def not_installed(spec: ImageSpec) -> str:
    """Say how to install the image where it is not; empty if it is."""
    if not (spec.folder / RECORD_FILE).is_file():
        return f"the phone's image {spec.name!r} is not installed; run: ondevice devices install"
    return ""


def open_image(spec: ImageSpec) -> Image:
    """Return an installed image after comparing its files with their digests.

    Raises:
        UsageError: it is not installed.
        OnDeviceError: one of its files is gone or was changed.
    """
    record = records.read(ImageRecord, spec.folder / RECORD_FILE, "image")
    cache.require_whole(spec.folder, record.sha256, "image file", "ondevice devices install")
    return Image(spec, record, spec.folder)
