"""The emulated phone in tests: used where it is installed; where CI asks for it, its absence is a failure."""

from __future__ import annotations

import os

import pytest

from ondevice.devices.kinds.phone import Phone
from ondevice.devices.profile import open_device


def require_phone(name: str = "entry-2018") -> Phone:
    """Return an emulated phone, or skip the test where none is installed; under CI that is a failure."""
    device = open_device(name)
    assert isinstance(device, Phone)
    if reason := device.missing():
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must run the tests of the emulated phone: {reason}")
        pytest.skip(reason)
    return device
