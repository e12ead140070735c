"""The harness must reject every known-bad bundle, by the check that is there for it, and accept what they are made of.

A member that passes anywhere it should not means that the harness is broken, whatever else is green.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pytest

from ondevice.devices.device import Device
from ondevice.devices.profile import names as device_names
from ondevice.devices.profile import open_device
from ondevice.devices.runtimes import RUNTIMES
from ondevice.errors import OnDeviceError
from ondevice.pipeline.validate import validate_run
from tests.known_bad.good_bundles import Good, GoodBundles, reseal
from tests.known_bad.members import FAMILIES, Copy, Member, Verdict, all_members
from tests.known_bad.shared_start import in_one_start
from tests.phones import require_phone

DEVICES = {"host": FAMILIES, "entry-2018": ("bad_tables", "bad_layers", "bad_conversions")}
"""Devices that the suite runs on, and with which families; answers and files are judged alike on all of them."""

CHECKS = {
    "runtime", "names", "shapes", "types", "values", "edge ids", "look-ups", "vocabulary", "quality", "memory",
    "constants",
}  # fmt: skip

NAMES = [
    "per row int8 embedding lookup stamped too old",
    "per row int8 embedding lookup stamped right",
    "int4 gather of even width",
    "int4 gather of odd width",
    "int4 embedding lookup of odd width",
    "whole table expanded from float16",
    "every id has the multiplier of its neighbour",
    "ids share rows with the wrong neighbours",
    "one bit of an id that no test vector holds",
    "two tables of one shape are swapped",
    "one bit of shared of from",
    "one bit of multiplier of from",
    "one bit of shared of to",
    "one bit of multiplier of to",
    "dense int8 per channel",
    "dense int8 per channel stamped right",
    "output layer of zeros",
    "sign bit of an output weight is flipped",
    "coarse output layer within a generous tolerance",
    "int8 softmax over a large vocabulary",
    "operation of tensorflow",
    "weights left as variables",
    "outputs are swapped",
    "outputs are renamed",
    "fewer items are returned than promised",
    "an item is returned twice",
    "worst item comes first",
    "items do not belong to the scores",
    "items are numbered beyond the vocabulary",
    "items of the history are returned",
    "ids out of range reach the table",
    "ids out of range count as an item",
    "mean of an empty history is not a number",
    "output rows of two items are swapped",
    "output rows of a hundred items are permuted",
    "output biases are moved by ten steps",
    "the tenth item is always missing",
    "the twentieth item is always another",
    "output biases are moved by one step",
    "biases are a twentieth smaller",
    "one hidden weight is another",
    "one hidden bias is another",
    "tolerance is not a number",
    "scale of an output layer is another",
    "output biases are moved by two steps",
    "truncated after export",
    "one bit flipped after export",
    "vocabulary shuffled after export",
    "truncated before its digest was taken",
    "vocabulary shuffled before its digest was taken",
    "one name that no test vector holds is another",
]

MEMBERS = all_members()


def cases() -> Iterator[tuple[str, str]]:
    """Give devices and members: all to the host; an emulated phone takes long, and gets the first one of each verdict
    that is the same on all runtimes, since numbers that are wrong whoever computes them are found alike."""
    for device, families in DEVICES.items():
        seen: list[Verdict] = []
        for name, member in MEMBERS.items():
            if member.family not in families:
                continue
            expected = member.verdict(device)
            if device == "host" or len(set(expected.values())) > 1 or expected not in seen:
                yield device, name
            seen.append(expected)


CASES = list(cases())
CONTROLS = sorted({(device, MEMBERS[name].good) for device, name in CASES})


@pytest.fixture(scope="session")
def good_bundles(tiny_run, tmp_path_factory) -> GoodBundles:
    return GoodBundles(tmp_path_factory.mktemp("good"), tiny_run)


Results = dict[str, frozenset[str]]
"""The checks that failed, by runtime."""


def copied(good: Good, folder: Path) -> Copy:
    return Copy(Path(shutil.copytree(good.folder, folder / "bundle")), good.run)


def broken(name: str, good_bundles: GoodBundles, folder: Path) -> Copy:
    """Make a known-bad bundle; or, of the name of a good one, that one taken apart, put together and resealed."""
    if name not in MEMBERS:
        bundle = copied(good_bundles(name), folder)
        with bundle.graph():
            pass
    else:
        bundle = copied(good_bundles(MEMBERS[name].good), folder)
        MEMBERS[name].breaks(bundle)
    return bundle


def found(bundle: Copy, members: Iterable[Member], device: Device) -> Results:
    """Validate a bundle with all that these members need and return the checks that failed, by runtime.

    Where real histories are answered wrongly, odd ones may be, too: how many is up to the trained model.
    """
    assert not device.missing()
    run = bundle.run.folder if bundle.run and any(member.with_run for member in members) else None
    options = {name: value for member in members for name, value in member.options.items()}
    validation = validate_run(bundle.folder, run, device=device.name, **options)
    results = {}
    for result in validation.results:
        checks = {failure.check for failure in result.failures}
        results[result.measurement.runtime] = frozenset(checks - {"edge ids"} if "values" in checks else checks)
    assert sorted(results) == sorted(device.runtimes())
    assert validation.valid == (not any(results.values()))
    return results


def question(name: str, device: Device, good_bundles: GoodBundles, folder: Path) -> Callable[[], Results]:
    """Make the bundle that `broken` makes and return what asks the device about it."""
    bundle = broken(name, good_bundles, folder)
    reseal(bundle.folder, constants=name not in MEMBERS or MEMBERS[name].sealed)
    members = [MEMBERS[name]] if name in MEMBERS else [each for each in MEMBERS.values() if each.good == name]
    return partial(found, bundle, members, device)


@pytest.fixture(scope="module")
def results_of(request, good_bundles, tmp_path_factory) -> Callable[[str, str], Results]:
    """Give what a device makes of a bundle; a phone is asked about all those of this run at the first question."""
    items = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    asked = [(item.callspec.params["device"], item.callspec.params["name"]) for item in items]
    done: dict[str, dict[str, Future[Results]]] = {}

    def results(device: str, name: str) -> Results:
        if device == "host":
            return question(name, open_device(device), good_bundles, tmp_path_factory.mktemp("host"))()
        if device not in done:
            phone, folder = require_phone(device), tmp_path_factory.mktemp(device)
            names = [name for of, name in asked if of == device]
            questions = {each: question(each, phone, good_bundles, folder / each) for each in names}
            done[device] = in_one_start(phone, questions)
        return done[device][name].result()

    return results


@pytest.mark.parametrize(("device", "name"), CASES)
def test_known_bad_bundle_is_rejected(device, name, good_bundles, results_of, tmp_path) -> None:
    member = MEMBERS[name]
    if member.refused:
        bundle = broken(name, good_bundles, tmp_path)
        with pytest.raises(OnDeviceError, match=member.refused):
            validate_run(bundle.folder, device=device)
        return
    results = results_of(device, name)
    expected = member.verdict(device)
    assert results == {runtime: expected[runtime] for runtime in results}


@pytest.mark.parametrize(("device", "name"), CONTROLS)
def test_unbroken_bundle_is_valid(device, name, results_of) -> None:
    """A harness that rejects everything fails, too."""
    results = results_of(device, name)
    assert set(results.values()) == {frozenset()}


def test_no_member_is_lost() -> None:
    assert list(MEMBERS) == NAMES
    assert {member.family for member in MEMBERS.values()} == set(FAMILIES)
    assert {path.stem for path in Path(__file__).parent.glob("bad_*.py")} == set(FAMILIES)


def test_verdicts_name_what_there_is() -> None:
    for member in MEMBERS.values():
        assert set(member.on) <= set(device_names())
        verdicts = [member.expected, *member.on.values()]
        if member.refused:
            assert verdicts == [{}]
            continue
        for verdict in verdicts:
            assert set(verdict) == set(RUNTIMES)
            assert any(verdict.values()), f"{member.name} is nowhere bad"


def test_every_check_rejects_something() -> None:
    rejecting = [checks for member in MEMBERS.values() for checks in member.expected.values()]
    assert set().union(*rejecting) == CHECKS
