"""The browser in tests: used where it is installed; where CI could have installed it, its absence is a failure."""

from __future__ import annotations

import os
import shutil

import pytest

from ondevice.devices.kinds.web import Web
from ondevice.devices.profile import open_device


def require_browser() -> Web:
    """Return the browser as a device, or skip the test where it or the runtime is missing."""
    device = open_device("web")
    assert isinstance(device, Web)
    if reason := device.missing():
        if os.environ.get("CI") == "true" and (shutil.which("npm") or shutil.which("mvn")):
            pytest.fail(f"CI must run the tests of the browser: {reason}")
        pytest.skip(reason)
    return device
