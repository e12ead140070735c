"""The table of runtimes."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from ondevice.devices.runtimes import RUNTIMES, Runtime, find_runtime, installed_version
from ondevice.errors import UsageError


def test_a_runtime_is_found_by_its_name() -> None:
    assert [find_runtime(name).name for name in RUNTIMES] == ["tflite-2.14", "litert"]


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unknown runtime 'tflite-2\.15', did you mean 'tflite-2\.14'\?") as caught:
        find_runtime("tflite-2.15")
    assert "Choose one of: litert, tflite-2.14." in str(caught.value)


@pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=lambda runtime: runtime.name)
def test_the_version_is_told_without_importing_the_runtime(runtime: Runtime) -> None:
    version = installed_version(runtime)
    if version is None:
        pytest.skip(f"{runtime.distribution} is not installed")
    assert version == importlib.metadata.version(runtime.distribution)
    package = runtime.module.partition(".")[0]
    script = (
        "import sys; from ondevice.devices.runtimes import *\n"
        f"assert installed_version(find_runtime({runtime.name!r})) == {version!r}\n"
        f"assert {package!r} not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_runtime_that_is_not_installed_has_no_version() -> None:
    assert installed_version(Runtime("x", "no.such.module", "no-such-package-at-all", "nothing")) is None
