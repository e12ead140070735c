"""Debian packages of another processor, without root and without touching this system's own packages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ondevice.devices.guest.tools import call
from ondevice.errors import OnDeviceError


class Packages:
    """The packages that this system's sources offer for a processor, with a package state of their own.

    apt checks the signature of each source and the digest of each package that it downloads, whatever this system's
    settings allow. Versions are not pinned: sources drop an old one as soon as there is a newer one, above all of the
    kernel, so that an image of pinned versions could soon not be built. The image's record says which ones it has.

    Args:
        architecture: Debian's name of the processor, e.g. `"arm64"`.
        folder: an empty folder for the state.
    """

    def __init__(self, architecture: str, folder: Path) -> None:
        self.folder = folder.resolve()
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        settings = {
            "Apt::Architecture": architecture,
            "Apt::Architectures": architecture,
            "Dir::State": self.folder,
            "Dir::State::Lists": self.folder / "lists",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "Debug::NoLocking": 1,
            "Acquire::Languages": "none",
            "Acquire::Retries": 3,
            "Acquire::AllowInsecureRepositories": "false",
            "Acquire::AllowWeakRepositories": "false",
            "Acquire::AllowDowngradeToInsecureRepositories": "false",
            "APT::Get::AllowUnauthenticated": "false",
            # Else apt, run by root, warns that its own user can't read a folder that is not its.
            "APT::Sandbox::User": "root",
        }
        self.options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        try:
            call(["apt-get", *self.options, "update", "-qq"], "reading the package sources")
            self.trouble = ""
        except OnDeviceError as error:
            # One source of several may be away or have nothing for this processor. Whether that matters shows later.
            self.trouble = f" ({error})"

    def with_dependencies(self, names: Sequence[str]) -> list[str]:
        """Name the packages and everything that they depend on.

        Raises:
            OnDeviceError: a package does not exist.
        """
        plan = ["apt-get", *self.options, "install", "-s", "--no-install-recommends", *names]
        found = call(plan, f"looking for packages{self.trouble}")
        return sorted(set(re.findall(r"^Inst (\S+)", found, re.MULTILINE)))

    def kernel(self, name: str) -> str:
        """Name the package that a kernel's collective package stands for today.

        Raises:
            OnDeviceError: there is none.
        """
        depends = call(["apt-cache", *self.options, "depends", name], f"looking for a kernel{self.trouble}")
        found = re.search(r"Depends: (linux-image-\d\S*)", depends)
        if found is None:
            raise OnDeviceError(f"package {name!r} names no kernel; the system's package sources offer none.")
        return found[1]

    def unpack(self, names: Sequence[str], into: Path) -> list[str]:
        """Download packages, unpack them without running their scripts and return their file names.

        Raises:
            OnDeviceError: a package can't be had.
        """
        downloads = self.folder / "downloads" / into.name
        downloads.mkdir(parents=True)
        call(["apt-get", *self.options, "download", "-qq", *names], "downloading packages", downloads)
        found = sorted(downloads.glob("*.deb"))
        for package in found:
            call(["dpkg", "-x", str(package), str(into)], f"unpacking {package.name}")
        return [package.name for package in found]
