"""What every device must satisfy, over the profiles."""

from __future__ import annotations

import re

import pytest

from ondevice.devices.browser import runtime_files
from ondevice.devices.device import registry
from ondevice.devices.guest import image as images
from ondevice.devices.kinds.phone import Phone
from ondevice.devices.profile import load, names, open_device
from ondevice.devices.runtimes import RUNTIMES
from ondevice.errors import OnDeviceError, UsageError


def test_devices_found_are_pinned() -> None:
    assert names() == ["adb", "armv7", "entry-2018", "host", "mid-2020", "recent", "web"]
    assert registry.names() == ["adb", "host", "phone", "web"]
    assert images.names() == ["arm64", "armv7"]
    assert runtime_files.names() == ["litert.js-2.5.3"]


@pytest.mark.parametrize("name", names())
def test_a_device_tells_what_it_is(name: str) -> None:
    device = open_device(name)
    assert device.name == name
    assert load(name).title
    assert device.runtimes()
    assert set(device.runtimes()) <= {*RUNTIMES, *runtime_files.names()}
    assert device.installed() in ([], device.runtimes())
    assert bool(device.installed()) == (not device.missing())
    assert {"system", "processor", "cores"} <= set(device.machine())


@pytest.mark.parametrize("name", names())
def test_every_option_of_a_profile_has_its_source(name: str) -> None:
    profile = load(name)
    assert set(profile.sources) == set(profile.options)
    assert all(len(source) > 10 or source.startswith("as ") for source in profile.sources.values())


@pytest.mark.parametrize("name", images.names())
def test_every_wheel_of_an_image_is_pinned(name: str) -> None:
    spec = images.load(name)
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in spec.wheels.values())
    for runtime, version in spec.runtimes.items():
        assert f"{RUNTIMES[runtime].distribution}=={version}" in spec.requirements


def test_an_unknown_device_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown device 'entry-2019', did you mean 'entry-2018'"):
        open_device("entry-2019")


def test_an_unknown_option_of_a_profile_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    from ondevice.devices import profile

    wrong = dataclasses.replace(load("entry-2018"), options={"cpu": "cortex-a53", "memory": 1})
    monkeypatch.setattr(profile, "load", lambda name: wrong)
    with pytest.raises(OnDeviceError, match="memory"):
        open_device("entry-2018")


def test_emulated_phones_are_phones() -> None:
    assert [name for name in names() if isinstance(open_device(name), Phone)] == [
        "armv7",
        "entry-2018",
        "mid-2020",
        "recent",
    ]
