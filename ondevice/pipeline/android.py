"""The Android demo: puts a bundle into the app and builds it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ondevice import files
from ondevice.bundle import MANIFEST_FILE, open_bundle
from ondevice.errors import OnDeviceError, UsageError

SOURCES = Path("app", "src", "main")
ASSETS = SOURCES / "assets" / "bundle"
BUILD_SCRIPT = Path("offline", "build.sh")
BUILD_LOG = Path("offline", "build.log")
APK = Path("offline", "apk", "target", "ondevice-demo.apk")


@dataclass(frozen=True)
class AndroidApp:
    """The app with a bundle in it.

    Args:
        assets: folder of the app that holds the bundle.
        model_bytes: size of the `.tflite` file in it, with what is appended to the model.
        apk: the signed APK, None if it was not asked for.
        apk_bytes: its size, 0 if it was not asked for.
    """

    assets: Path
    model_bytes: int
    apk: Path | None = None
    apk_bytes: int = 0


def android(bundle: Path | str, app: Path | str = "android_demo", *, build: bool = False) -> AndroidApp:
    """Put a bundle into the Android demo, in place of a former one, and build the APK if asked to.

    Args:
        bundle: bundle folder.
        app: folder of the demo, `android_demo` of this project.
        build: whether to build the APK, with programs of this machine and without the Android SDK.

    Raises:
        UsageError: the bundle or the app does not exist.
        OnDeviceError: the bundle is damaged, a program is missing or the build failed.
    """
    app = Path(app)
    if not (app / SOURCES).is_dir() or not (app / BUILD_SCRIPT).is_file():
        raise UsageError(
            f"app is {str(app)!r}; allowed is the folder of the Android demo, which holds {SOURCES} and {BUILD_SCRIPT}."
        )
    opened = open_bundle(Path(bundle))
    if build and (missing := missing_programs(app)):
        raise OnDeviceError(f"the APK can't be built here; programs that are missing: {', '.join(missing)}.")
    assets = app / ASSETS
    with files.replacing_folder(assets) as folder:
        for name in (MANIFEST_FILE, *opened.manifest.sha256):
            shutil.copyfile(opened.folder / name, folder / name)
    model_bytes = opened.model.stat().st_size
    if not build:
        return AndroidApp(assets, model_bytes)
    apk = _build(app)
    return AndroidApp(assets, model_bytes, apk, apk.stat().st_size)


def missing_programs(app: Path) -> list[str]:
    """Return the names of programs that building the APK needs and that are not on this machine.

    Args:
        app: folder of the demo.
    """
    script = ["sh", str(app / BUILD_SCRIPT), "missing"]
    return subprocess.run(script, capture_output=True, text=True, check=True).stdout.split()


def _build(app: Path) -> Path:
    apk, log = app / APK, app / BUILD_LOG
    # What is there after the build is what was built now.
    apk.unlink(missing_ok=True)
    with log.open("wb") as output:
        built = subprocess.run(["sh", str(app / BUILD_SCRIPT)], stdout=output, stderr=subprocess.STDOUT)
    if built.returncode or not apk.is_file():
        raise OnDeviceError(f"the APK was not built (exit code {built.returncode}); {str(log)!r} says why.")
    return apk
