"""The command that puts a bundle into the demo, and the signed APK that it builds."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ondevice.bundle import MANIFEST_FILE, MODEL_FILE, Bundle, open_bundle
from ondevice.cli.main import main
from ondevice.pipeline.android import missing_programs
from ondevice.units import format_bytes
from tests.android_demo import dex
from tests.android_demo.maven import DEMO, alone, needs

ASSETS = "assets/bundle"
FAMILIES = ("arm64-v8a", "x86_64")
RUNTIME = "libtensorflowlite_jni.so"
OURS = ("dev.ondevice.", "org.tensorflow.", "com.grack.", "kotlin.")
"""Beginnings of the names of classes that Android does not bring."""

LOCAL_HEADER = struct.Struct("<26xHH")


@dataclass(frozen=True)
class Built:
    """An APK and where its parts come from."""

    path: Path
    app: Path
    bundle: Bundle

    def tool(self, *command: str) -> str:
        return subprocess.run([*command, str(self.path)], capture_output=True, text=True, check=True).stdout

    def read(self, name: str) -> bytes:
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(name)

    def place(self, name: str) -> int:
        """Return where the content of a file begins that must be stored as it is."""
        with zipfile.ZipFile(self.path) as archive:
            entry = archive.getinfo(name)
        assert entry.compress_type == zipfile.ZIP_STORED, f"{name} is compressed and can't be mapped"
        with self.path.open("rb") as file:
            file.seek(entry.header_offset)
            name_bytes, extra_bytes = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
        return entry.header_offset + LOCAL_HEADER.size + name_bytes + extra_bytes


@pytest.fixture(scope="module")
def bundle(tiny_run: Callable, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    from ondevice.pipeline.export_run import export_run

    return export_run(tiny_run("memcom block").folder, tmp_path_factory.mktemp("bundle") / "memcom")


def copied(folder: Path) -> Path:
    """Copy the demo's sources, so that nothing is built where others build."""
    return Path(shutil.copytree(DEMO, folder / "demo", ignore=shutil.ignore_patterns("target", "build", "assets")))


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return copied(tmp_path)


@pytest.fixture(scope="module")
def built(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Built:
    app = copied(tmp_path_factory.mktemp("built"))
    needs(missing_programs(app))
    with alone():
        assert main(["android", str(bundle.folder), "--app", str(app), "--build"]) == 0, (
            app / "offline" / "build.log"
        ).read_text()[-4000:]
    return Built(app / "offline" / "apk" / "target" / "ondevice-demo.apk", app, bundle)


def test_badging(built: Built) -> None:
    badging = built.tool("aapt2", "dump", "badging")
    assert re.match(r"package: name='dev\.ondevice\.demo' versionCode='\d+' ", badging)
    assert "sdkVersion:'24'\n" in badging
    assert "targetSdkVersion:'36'\n" in badging
    assert "launchable-activity: name='dev.ondevice.demo.ui.MainActivity' " in badging
    assert f"native-code: {' '.join(map(repr, FAMILIES))}\n" in badging
    assert "application-debuggable" not in badging


def test_no_permission(built: Built) -> None:
    assert built.tool("aapt2", "dump", "permissions") == "package: dev.ondevice.demo\n"


def test_bundle_is_in_it_byte_for_byte(built: Built) -> None:
    with zipfile.ZipFile(built.path) as archive:
        packed = {name for name in archive.namelist() if name.startswith("assets/")}
    names = {MANIFEST_FILE, *built.bundle.manifest.sha256}
    assert packed == {f"{ASSETS}/{name}" for name in names}
    for name in names:
        assert built.read(f"{ASSETS}/{name}") == (built.bundle.folder / name).read_bytes(), name


def test_model_can_be_mapped(built: Built) -> None:
    assert built.place(f"{ASSETS}/{MODEL_FILE}") % 4 == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_runtime_is_the_published_one_on_its_own_pages(family: str, built: Built) -> None:
    published = built.app / "offline" / "tflite" / "target" / "unpacked" / "tensorflow-lite" / "jni" / family / RUNTIME
    assert built.read(f"lib/{family}/{RUNTIME}") == published.read_bytes()
    assert built.place(f"lib/{family}/{RUNTIME}") % 4096 == 0


def test_signature(built: Built) -> None:
    said = built.tool("apksigner", "verify", "--verbose", "--min-sdk-version", "24")
    assert said.startswith("Verifies\n")
    for scheme in ("v2", "v3"):
        assert re.search(rf"^Verified using {scheme} scheme .*: true$", said, re.MULTILINE)


def test_classes(built: Built) -> None:
    found = dex.read(built.read("classes.dex"))
    assert found.version == "037", "newer versions of the format need a newer Android"
    assert {
        "dev.ondevice.demo.ui.MainActivity",
        "dev.ondevice.demo.recommend.TfliteRecommender",
        "org.tensorflow.lite.NativeInterpreterWrapper",
    } <= found.defined
    assert {name for name in found.named if name.startswith(OURS)} - found.defined == set()


def test_size(built: Built, record_property: Callable[[str, object], None]) -> None:
    apk, model = built.path.stat().st_size, built.bundle.model.stat().st_size
    assert apk < 12_000_000, "the runtime takes 8 MB, for two processor families"
    record_property("measured", f"APK {format_bytes(apk)}, of it the model {format_bytes(model)}")


def test_bundle_is_replaced(bundle: Bundle, app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assets = app / "app" / "src" / "main" / ASSETS
    assets.mkdir(parents=True)
    (assets / "of-the-former-bundle").touch()
    assert main(["android", str(bundle.folder), "--app", str(app)]) == 0
    assert open_bundle(assets).manifest == bundle.manifest
    assert sorted(path.name for path in assets.iterdir()) == sorted({MANIFEST_FILE, *bundle.manifest.sha256})
    assert [path.name for path in assets.parent.iterdir()] == ["bundle"]
    assert f"model of {format_bytes(bundle.model.stat().st_size)}" in capsys.readouterr().out


def test_damaged_bundle_changes_nothing(bundle: Bundle, app: Path, tmp_path: Path) -> None:
    assert main(["android", str(bundle.folder), "--app", str(app)]) == 0
    damaged = Path(shutil.copytree(bundle.folder, tmp_path / "damaged"))
    (damaged / MODEL_FILE).write_bytes(b"TFL3")
    assert main(["android", str(damaged), "--app", str(app)]) == 1
    assert open_bundle(app / "app" / "src" / "main" / ASSETS).manifest == bundle.manifest


def test_folder_without_the_app(bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["android", str(bundle.folder), "--app", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"ondevice: app is '{tmp_path}'; allowed is the folder of")


def test_missing_programs_are_named(
    bundle: Bundle, app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "dirname", "mvn", "java", "jar", "keytool"):
        (programs / name).symlink_to(shutil.which(name) or "/bin/true")
    monkeypatch.setenv("PATH", str(programs))
    assert main(["android", str(bundle.folder), "--app", str(app), "--build"]) == 1
    assert capsys.readouterr().err.endswith("missing: aapt2, zipalign, apksigner.\n")
    assert not (app / "app" / "src" / "main" / ASSETS).exists()
