"""The files of the browser's runtime: fetched once with npm, pinned by digest, kept in the cache."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ondevice import files, records
from ondevice.devices import cache
from ondevice.devices.guest import tools
from ondevice.errors import OnDeviceError
from ondevice.toml_family import TomlFamily

RECORD_FILE = "files.json"
INSTALL = "ondevice devices install web"
ARCHIVE_FOLDER = "package"
"""The folder that every archive of npm holds its files in."""


@dataclass(frozen=True)
class RuntimeSpec:
    """A runtime for browsers as packages of npm.

    Args:
        name: name of the runtime, the file's name.
        title: one line for lists.
        version: version of all its packages.
        packages: name -> digest of the package's archive as npm writes it, `sha512-` and base64.
        files: path in the installed folder -> name of the package and path in its archive.
    """

    name: str
    title: str
    version: str
    packages: dict[str, str]
    files: dict[str, str]

    @property
    def folder(self) -> Path:
        """Where its files are kept, whether they are there or not; another one after any change of the record."""
        decides = json.dumps(records.to_json(self), sort_keys=True).encode()
        return cache.cache_folder("web") / f"{self.name}-{hashlib.sha256(decides).hexdigest()[:12]}"


@dataclass(frozen=True)
class FilesRecord:
    """The SHA-256 of every installed file, by its path in the folder."""

    sha256: dict[str, str]


family = TomlFamily("runtime for browsers", RuntimeSpec, Path(__file__).parent / "runtimes")
names, load = family.names, family.load


def not_installed(spec: RuntimeSpec) -> str:
    """Say how to install the runtime where it is not; empty if it is."""
    if (spec.folder / RECORD_FILE).is_file():
        return ""
    npm = "" if tools.find("npm") else " (npm is not installed; it comes with Node.js, Debian's package npm)"
    return f"the files of {spec.name} are not installed; run: {INSTALL}{npm}"


def install(spec: RuntimeSpec, again: bool = False, say: Callable[[str], None] = lambda what: None) -> Path:
    """Return the folder of a runtime's files, fetching them if they are not there; half of them are never seen.

    Args:
        spec: the runtime.
        again: whether to fetch them although they are there.
        say: told of each step before it starts.

    Raises:
        OnDeviceError: npm is missing, a download failed or is not what it should be.
    """
    cache.build(
        spec.folder,
        lambda: again or bool(not_installed(spec)),
        lambda work, folder: _fetch(spec, work, folder, say),
        "fetches the runtime",
        say,
    )
    return open_runtime(spec)


def open_runtime(spec: RuntimeSpec) -> Path:
    """Return the folder of an installed runtime after comparing its files with their digests.

    Raises:
        UsageError: it is not installed.
        OnDeviceError: one of its files is gone or was changed.
    """
    record = records.read(FilesRecord, spec.folder / RECORD_FILE, "runtime's record")
    cache.require_whole(spec.folder, record.sha256, "runtime file", INSTALL)
    return spec.folder


def _fetch(spec: RuntimeSpec, work: Path, folder: Path, say: Callable[[str], None]) -> None:
    if tools.find("npm") is None:
        raise OnDeviceError(f"{spec.name} can't be fetched: npm is not installed; it comes with Node.js.")
    say(f"downloading {spec.name}")
    contents: dict[str, bytes] = {}
    for package, integrity in spec.packages.items():
        archive = _download(package, spec.version, work)
        found = f"sha512-{base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()}"
        if found != integrity:
            raise OnDeviceError(
                f"package {package} {spec.version} is not the one that is pinned: its digest is {found}, "
                f"expected is {integrity}."
            )
        with tarfile.open(archive) as tar:
            for source in spec.files.values():
                if source.startswith(f"{package}/"):
                    member = tar.extractfile(ARCHIVE_FOLDER + source.removeprefix(package))
                    contents[source] = member.read() if member is not None else b""
    for name, source in spec.files.items():
        files.write_bytes(folder / name, contents[source])
    record = FilesRecord({name: files.sha256(folder / name) for name in spec.files})
    records.write(folder / RECORD_FILE, record)


def _download(package: str, version: str, work: Path) -> Path:
    """Have npm download the archive of a package, which it neither installs nor runs."""
    command = ["npm", "pack", "--json", "--ignore-scripts", "--pack-destination", str(work), f"{package}@{version}"]
    done = subprocess.run(
        command, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    try:
        said = json.loads(done.stdout)
    except json.JSONDecodeError:
        said = {}
    if done.returncode != 0 or not isinstance(said, list):
        summary = said.get("error", {}).get("summary", "") if isinstance(said, dict) else ""
        reason = (summary or done.stderr or f"exit code {done.returncode}").strip().splitlines()[0]
        raise OnDeviceError(f"downloading {package} {version} failed: {reason}")
    return work / Path(said[0]["filename"]).name
