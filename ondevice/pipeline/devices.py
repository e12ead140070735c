"""Devices: which there are, what each still needs, and installing what some of them start from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ondevice.devices.browser import runtime_files
from ondevice.devices.guest import image as images
from ondevice.devices.guest.install import install
from ondevice.devices.kinds.adb import Adb
from ondevice.devices.kinds.phone import Phone
from ondevice.devices.kinds.web import Web
from ondevice.devices.profile import load, names, open_device
from ondevice.errors import OnDeviceError, UsageError

HOST = "host"
DEFAULT_PHONE = "entry-2018"


@dataclass(frozen=True)
class DeviceState:
    """A device and whether it can be used.

    Args:
        name: name of the device.
        title: one line that describes it.
        runtimes: names of its runtimes, with the version where it is fixed.
        missing: what keeps it from being used and what to do about it; empty if nothing does.
    """

    name: str
    title: str
    runtimes: tuple[str, ...]
    missing: str


def list_devices(chosen: Sequence[str] = ()) -> list[DeviceState]:
    """Tell of devices whether they can be used.

    Args:
        chosen: names of devices; all without it.

    Raises:
        UsageError: a name is unknown.
    """
    found = []
    for name in chosen or names():
        device = open_device(name)
        versions = images.load(device.image).runtimes if isinstance(device, (Phone, Adb)) else {}
        runtimes = tuple(f"{each} {versions[each]}" if each in versions else each for each in device.runtimes())
        found.append(DeviceState(name, load(name).title, runtimes, device.missing()))
    return found


def default_devices() -> tuple[tuple[str, ...], str]:
    """Return where files are validated if nobody says where, and why not on the emulated phone, empty if there too."""
    reason = open_device(DEFAULT_PHONE).missing()
    return (HOST,) if reason else (HOST, DEFAULT_PHONE), reason


def require_devices(chosen: Sequence[str]) -> None:
    """Check that devices can be used before the work starts that ends on them.

    Raises:
        UsageError: a name is unknown.
        OnDeviceError: a device can't be used; the message says what to do about it.
    """
    for name in chosen:
        if reason := open_device(name).missing():
            raise OnDeviceError(f"device {name!r} can't be used: {reason}")


def install_devices(
    chosen: Sequence[str] = (DEFAULT_PHONE,), *, again: bool = False, say: Callable[[str], None] = lambda what: None
) -> None:
    """Build or fetch what devices start from, where it is not there yet.

    Args:
        chosen: names of emulated devices, of which several may share an image, and of browsers.
        again: whether to do it although it is there.
        say: told of each step before it starts.

    Raises:
        UsageError: a name is unknown, or the device needs nothing that could be installed here.
        OnDeviceError: a program is missing, a download failed, the disk is full or the image does not start.
    """
    needed, runtimes = {}, {}
    for name in chosen:
        device = open_device(name)
        if isinstance(device, Phone):
            needed[device.image] = images.load(device.image)
        elif isinstance(device, Web):
            runtimes[device.runtime] = runtime_files.load(device.runtime)
        else:
            installed = [each for each in names() if isinstance(open_device(each), (Phone, Web))]
            raise UsageError(f"device {name!r} needs no installation; devices that do: {', '.join(installed)}.")
    for spec in needed.values():
        install(spec, again=again, say=say)
    for runtime in runtimes.values():
        runtime_files.install(runtime, again=again, say=say)
