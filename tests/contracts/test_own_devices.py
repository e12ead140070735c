"""Some models of one's own beyond this machine: on the emulated phone and in the browser, with their own metric."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import ExitStack

import pytest

import ondevice
from ondevice.bundle import Bundle
from ondevice.devices.device import Device
from ondevice.pipeline.own_examples import own_examples
from ondevice.pipeline.prove import lookup_files
from ondevice.validation.record import Validation
from ondevice.validation.validate import validate_bundle
from tests import own_case
from tests.browsers import require_browser
from tests.known_bad.shared_start import in_one_start
from tests.phones import require_phone

NAMES = ("dlrm", "sas_rec", "gru")
"""A list of tables with numbers beside, attention with a mask of truth values, and a loop."""
EXAMPLES = 20
MAX_LOSS = 0.05
"""Of so few examples one may weigh much."""

load = functools.cache(own_case.load)
"""Fitted once: two fits need not give the same numbers to the last bit."""


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    folder, made = tmp_path_factory.mktemp("own"), {}
    for name in NAMES:
        case = load(name, True)
        kind, arguments = case.head
        head = getattr(ondevice, kind)(**arguments)
        made[name] = ondevice.export(case.model, folder / name, sample=case.sample, head=head, recipe="int8")
    return made


def asked(bundles: dict[str, Bundle], device: Device, stack: ExitStack) -> dict[str, Callable[[], Validation]]:
    """Return what validates each bundle on a device; the models are asked here, since Keras is not for many threads."""
    calls = {}
    for name, bundle in bundles.items():
        case = load(name, True)
        examples, wrong = own_examples(bundle, case.model, (case.x, case.y), case.metric, EXAMPLES)
        assert not wrong
        lookups = stack.enter_context(lookup_files(bundle))
        assert lookups
        calls[name] = functools.partial(
            validate_bundle, bundle, device, device.runtimes(), examples, MAX_LOSS, lookups=lookups
        )
    return calls


def test_on_the_emulated_phone(bundles: dict[str, Bundle]) -> None:
    phone = require_phone()
    with ExitStack() as stack:
        results = in_one_start(phone, asked(bundles, phone, stack))
    for name in NAMES:
        validation = results[name].result()
        assert validation.valid, (name, [result.failures for result in validation.results])
        assert len(validation.results) == 2
        assert all(result.quality is not None for result in validation.results)


def test_in_the_browser(bundles: dict[str, Bundle]) -> None:
    browser = require_browser()
    with ExitStack() as stack:
        for name, call in asked(bundles, browser, stack).items():
            validation = call()
            assert validation.valid, (name, [result.failures for result in validation.results])
