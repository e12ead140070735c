"""Fetching the browser's runtime: only what is pinned, whole or not at all, and told in one sentence otherwise."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from ondevice import files
from ondevice.devices.browser import runtime_files
from ondevice.devices.browser.runtime_files import RuntimeSpec
from ondevice.devices.guest import tools
from ondevice.errors import OnDeviceError
from ondevice.pipeline.devices import install_devices, list_devices

NPM = """#!/bin/sh
# A stand-in for npm: `npm pack` copies the archive that is there, or fails as npm does.
[ "$1 $2 $3" = "pack --json --ignore-scripts" ] || exit 9
echo "npm warn something of no interest" >&2
if [ -f {archive} ]; then cp {archive} "$5/core.tgz" && echo '[{{"filename": "core.tgz"}}]'; exit; fi
printf '%s\\n' '{{"error": {{"code": "ENOTFOUND", "summary": "the registry is not reached\\nand more"}}}}'
exit 1
"""


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and an npm that downloads the archive at this path."""
    path = tmp_path / "core.tgz"
    programs = tmp_path / "bin"
    programs.mkdir()
    files.write_text(programs / "npm", NPM.format(archive=path))
    (programs / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr(tools, "find", lambda tool: f"{programs}/{tool}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with tarfile.open(path, "w:gz") as tar:
        for name, content in {"package/dist/index.js": b"export {};", "package/other": b"x"}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def spec(archive: Path) -> RuntimeSpec:
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    return RuntimeSpec(
        "small.js-1", "small", "1", {"@a/core": f"sha512-{digest}"}, {"core.js": "@a/core/dist/index.js"}
    )


def left(spec: RuntimeSpec) -> list[str]:
    return sorted(path.name for path in spec.folder.parent.iterdir() if path.name != ".lock")


def test_what_is_pinned_is_fetched_once(spec: RuntimeSpec, archive: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        folder = runtime_files.install(spec, say=said.append)
    assert said == ["downloading small.js-1"]
    assert (folder / "core.js").read_text() == "export {};"
    assert sorted(path.name for path in folder.iterdir()) == ["core.js", runtime_files.RECORD_FILE]
    assert runtime_files.not_installed(spec) == ""
    (folder / "core.js").write_text("export { bad };")
    with pytest.raises(OnDeviceError, match=r"core\.js' is gone or was changed"):
        runtime_files.open_runtime(spec)
    runtime_files.install(spec, again=True, say=said.append)
    assert len(said) == 2
    newer = dataclasses.replace(spec, title="changed")
    runtime_files.install(newer)
    assert left(newer) == [newer.folder.name], "the older one is cleared away"


def test_another_archive_than_the_pinned_one_is_refused(spec: RuntimeSpec, archive: Path) -> None:
    archive.write_bytes(archive.read_bytes() + b"\0")
    with pytest.raises(OnDeviceError, match=r"package @a/core 1 is not the one that is pinned: its digest is sha512-"):
        runtime_files.install(spec)
    assert left(spec) == []


def test_a_download_that_fails_is_told_in_npms_words(spec: RuntimeSpec, archive: Path) -> None:
    archive.unlink()
    with pytest.raises(OnDeviceError, match=r"^downloading @a/core 1 failed: the registry is not reached$"):
        runtime_files.install(spec)
    assert left(spec) == []


def test_without_npm_it_is_said_where_npm_comes_from(spec: RuntimeSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find", lambda tool: None)
    with pytest.raises(OnDeviceError, match=r"npm is not installed; it comes with Node\.js"):
        runtime_files.install(spec)
    assert "npm is not installed" in runtime_files.not_installed(spec)


def test_devices_install_fetches_what_the_browser_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[tuple[str, bool]] = []
    monkeypatch.setattr(runtime_files, "install", lambda spec, again, say: fetched.append((spec.name, again)))
    install_devices(["web"], again=True)
    assert fetched == [("litert.js-2.5.3", True)]
    assert [state.runtimes for state in list_devices(["web"])] == [("litert.js-2.5.3",)]


@pytest.mark.parametrize("name", runtime_files.names())
def test_every_file_of_a_runtime_comes_from_a_pinned_package(name: str) -> None:
    spec = runtime_files.load(name)
    assert name.endswith(f"-{spec.version}")
    assert all(integrity.startswith("sha512-") for integrity in spec.packages.values())
    for source in spec.files.values():
        assert any(source.startswith(f"{package}/") for package in spec.packages)
