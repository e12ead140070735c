"""A budget in bytes chooses every method's parameters: under it, as near as can be, or the nearest is named."""

from __future__ import annotations

import numpy as np
import pytest

from ondevice.embeddings.method import Method, registry
from ondevice.errors import UsageError
from ondevice.quantize.budget import method_for_budget, payload_bytes, stated_ratio
from ondevice.quantize.encode import encode
from ondevice.quantize.scheme import registry as schemes
from tests.samples import METHODS, sample_tables

SIZE, WIDTH = 62, 16

OPTIONS: dict[str, list[dict]] = {
    "hashing": [{}, {"sharing": "block"}],
    "memcom": [{}, {"sharing": "block"}, {"bias": True}, {"multipliers": 4}],
    "quotient_remainder": [{}, {"operation": "concat"}],
    "compositional": [{}, {"scheme": "chinese_remainder", "partitions": 2}, {"operation": "concat", "partitions": 4}],
    "robe": [{}, {"block_size": 2}],
}
CASES = [(name, options) for name in registry.names() for options in OPTIONS.get(name, [{}])]


@pytest.mark.parametrize("scheme", schemes.names())
@pytest.mark.parametrize("name", sorted(METHODS))
def test_bytes_are_those_of_the_encoded_tables(name: str, scheme: str) -> None:
    method = METHODS[name]
    assert payload_bytes(method, scheme) == encode(method, sample_tables(method, 0), scheme).payload_bytes


def test_hand_worked_bytes() -> None:
    memcom = registry.load("memcom")(1_002, 32, 50, bias=True)
    assert payload_bytes(memcom, "float32") == (52 * 32 + 2 * 1_002) * 4
    # One byte per number of the shared rows, whose scales are folded; what belongs to an id stays float32.
    assert payload_bytes(memcom, "int8_row") == 52 * 32 + 2 * 1_002 * 4
    assert payload_bytes(registry.load("hashing")(1_002, 32, 50), "int8_row") == 52 * (32 + 4)


def every_size(name: str, options: dict) -> list[Method]:
    """Return the method for every number of parameters up to the full table's, where there is one."""
    found = []
    for parameters in range(1, SIZE * WIDTH + 1):
        try:
            found.append(registry.load(name).for_ratio(SIZE, WIDTH, SIZE * WIDTH / parameters, **options))
        except UsageError:
            continue
    return found


@pytest.mark.parametrize("scheme", schemes.names())
@pytest.mark.parametrize(("name", "options"), CASES)
def test_nothing_under_the_budget_comes_nearer(name: str, options: dict, scheme: str) -> None:
    kind = registry.load(name)
    sizes = sorted({payload_bytes(method, scheme) for method in every_size(name, options)})
    for budget_bytes in sorted({*np.linspace(sizes[0], sizes[-1] + 50, 12).astype(int).tolist(), *sizes[::5]}):
        method = method_for_budget(kind, SIZE, WIDTH, budget_bytes, scheme, **options)
        assert payload_bytes(method, scheme) == max(size for size in sizes if size <= budget_bytes)
        assert {field: getattr(method, field) for field in options} == options
    with pytest.raises(
        UsageError, match=rf"^budget of {sizes[0] - 1} bytes is out of reach for {name} as {scheme} "
    ) as e:
        method_for_budget(kind, SIZE, WIDTH, sizes[0] - 1, scheme, **options)
    # The last number is the smallest budget there is.
    assert str(e.value).endswith(f"it takes {sizes[0]}.")


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_stated_ratio_gives_the_same_tables_again(name: str, options: dict) -> None:
    kind = registry.load(name)
    for method in every_size(name, options)[::7]:
        again = kind.for_ratio(SIZE, WIDTH, stated_ratio(method), **options)
        assert again.tables() == method.tables()
        assert stated_ratio(method) == pytest.approx(method.ratio, rel=1e-12)


def test_a_quotient_that_rounds_up_is_stated_lower() -> None:
    """900 * 10 / (9000 / 410) is 409.99999999999994 in float64, not enough for 41 rows of ten numbers."""
    method = registry.load("hashing")(900, 10, 39)
    assert method.for_ratio(900, 10, method.ratio).rows == 38
    assert method.for_ratio(900, 10, stated_ratio(method)).rows == 39


def test_a_budget_beyond_the_largest_is_not_used_up() -> None:
    full = registry.load("full")(SIZE, WIDTH)
    assert method_for_budget(registry.load("full"), SIZE, WIDTH, 10**9, "int8_row") == full
    with pytest.raises(UsageError, match="budget_bytes is 0; allowed is at least 1"):
        method_for_budget(registry.load("full"), SIZE, WIDTH, 0, "int8_row")
