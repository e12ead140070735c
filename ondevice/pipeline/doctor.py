"""The doctor: what this machine has for the whole path."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass

from ondevice.devices.profile import open_device
from ondevice.pipeline.devices import DEFAULT_PHONE
from ondevice.versions import package_version

NEEDED = ("tensorflow", "keras", "ai-edge-litert", "ai-edge-quantizer", "numpy", "scipy", "pyarrow")

PINNED = (
    "wheels of the phone's image, the browser's runtime and what the APK is made of are pinned by digest; Debian's "
    "packages by their signatures alone, this environment's by ranges of versions"
)
"""What of all that is fetched from elsewhere is checked how."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        name: what it is.
        ok: whether it is as it should be.
        needed: whether the path does not work without it.
        message: what was found, and what to do if it is not ok.
    """

    name: str
    ok: bool
    needed: bool
    message: str


def doctor() -> list[Finding]:
    """Look at Python, the packages and the runtimes of this machine."""
    version = platform.python_version()
    supported = sys.version_info >= (3, 10)
    findings = [Finding("python", supported, True, version if supported else f"{version}; 3.10 or newer is needed")]
    for name in NEEDED:
        found = package_version(name)
        ok = found != "not installed"
        findings.append(Finding(name, ok, True, found if ok else f"not installed; run: pip install {name}"))
    return [*findings, _old_runtime(), _numpy(), _phone(), _browser(), Finding("downloads", True, False, PINNED)]


def _old_runtime() -> Finding:
    found = package_version("tflite-runtime")
    if found != "not installed":
        return Finding("tflite-runtime", True, False, found)
    why = (
        "not installed: it has wheels for Linux and Python up to 3.11 only; files can be exported, but they can't be "
        "tried on TensorFlow Lite 2.14, and `ondevice validate` says so for that runtime"
    )
    return Finding("tflite-runtime", False, False, why)


def _phone() -> Finding:
    phone = open_device(DEFAULT_PHONE)
    missing = phone.missing()
    ready = f"{phone.machine()['system']}, {phone.machine()['processor']}"
    return Finding("emulated phone", not missing, False, missing or ready)


def _browser() -> Finding:
    web = open_device("web")
    missing = web.missing()
    return Finding("browser", not missing, False, missing or f"{web.machine()['system']}, {web.runtimes()[0]}")


def _numpy() -> Finding:
    old_runtime, numpy = package_version("tflite-runtime"), package_version("numpy")
    clash = old_runtime != "not installed" and numpy.split(".")[0] not in ("0", "1", "not installed")
    message = (
        f"numpy {numpy} breaks tflite-runtime {old_runtime}; run: pip install 'numpy<2'" if clash else "fit together"
    )
    return Finding("numpy, runtime", not clash, True, message)
