"""One size knob for all methods: each lands within two per cent under what is asked for, over the registry."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ondevice.embeddings.method import Counts, Method, registry
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.quantize.budget import method_for_budget, payload_bytes
from tests.samples import METHODS

SIZE, WIDTH = 40_983, 64
RATIOS = (4, 16, 40)

COARSE = {
    "full": "has one size only",
    "factorized": "a rank more is a number more of each id, and at 16x three ranks of four numbers' worth fit",
    "reduced_width": "a row has a whole number of numbers, and at 40x one of 64 is all that fits",
}
"""Methods whose whole numbers are too coarse for two per cent, and why."""

COARSE_IN_BYTES = {
    "product_codes": "as int8 even a codebook's most rows are few bytes beside one code more of every id",
}
"""Methods that use up parameters but not always the bytes of an encoding, and why."""


def options_of(method: Method) -> dict[str, Any]:
    """Return the fields that the size does not choose, those taken from the data for items as popular as Zipf says."""
    fields = dataclasses.fields(method)
    given = {field.name: getattr(method, field.name) for field in fields if field.default is not dataclasses.MISSING}
    falling = np.concatenate([np.zeros(RESERVED_IDS), 1e6 / np.arange(1, SIZE - RESERVED_IDS + 1)]).astype(np.int64)
    counts = Counts(falling, (SIZE - RESERVED_IDS,))
    from_data = type(method).options_from_counts(counts, {})
    return type(method).options_from_counts(counts, {name: given[name] for name in given.keys() - from_data.keys()})


def reached(make: Callable[[int], Method], share: Callable[[Method, int], float]) -> list[float]:
    """Return the share used at each ratio that the method reaches."""
    shares = []
    for ratio in RATIOS:
        try:
            method = make(ratio)
        except UsageError as error:
            if "out of reach" not in str(error):
                raise
        else:
            shares.append(share(method, ratio))
    return shares


def parameters_used(sample: str) -> list[float]:
    """Return the share of the parameters used at each ratio that the method reaches."""
    kind, options = type(METHODS[sample]), options_of(METHODS[sample])
    return reached(
        lambda ratio: kind.for_ratio(SIZE, WIDTH, ratio, **options),
        lambda method, ratio: ratio / method.ratio,
    )


FINE = [name for name in METHODS if name.split()[0] not in COARSE]


@pytest.mark.parametrize("sample", FINE)
def test_parameters_are_used_up(sample: str) -> None:
    shares = parameters_used(sample)
    assert shares
    assert all(0.98 <= share <= 1 for share in shares), shares


@pytest.mark.parametrize("name", COARSE)
def test_exceptions_are_needed(name: str) -> None:
    if name == "full":
        with pytest.raises(UsageError, match="the full table is not compressed"):
            registry.load(name).for_ratio(SIZE, WIDTH, 4)
    else:
        assert min(parameters_used(name)) < 0.98


@pytest.mark.parametrize("scheme", ["float32", "int8_row"])
@pytest.mark.parametrize("sample", [name for name in FINE if name.split()[0] not in COARSE_IN_BYTES])
def test_bytes_are_used_up(sample: str, scheme: str) -> None:
    kind, options = type(METHODS[sample]), options_of(METHODS[sample])
    full = payload_bytes(registry.load("full")(SIZE, WIDTH), scheme)
    shares = reached(
        lambda ratio: method_for_budget(kind, SIZE, WIDTH, full // ratio, scheme, **options),
        lambda method, ratio: payload_bytes(method, scheme) / (full // ratio),
    )
    assert shares
    assert all(0.98 <= share <= 1 for share in shares), shares
