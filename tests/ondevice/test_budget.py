"""A budget in bytes chooses every method's parameters: under it, as near as can be, or the nearest is named."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from ondevice.embeddings.method import Method, registry
from ondevice.errors import UsageError
from ondevice.quantize import recipe as recipes
from ondevice.quantize.budget import method_for_budget, payload_bytes, stated_ratio
from ondevice.quantize.encode import encode
from ondevice.quantize.scheme import registry as schemes
from tests.samples import METHODS, sample_tables

SIZE, WIDTH = 62, 16

OPTIONS: dict[str, list[dict]] = {
    "hashing": [{}, {"sharing": "block"}],
    "memcom": [{}, {"sharing": "block"}, {"bias": True}, {"multipliers": 4}],
    "quotient_remainder": [{}, {"operation": "concat"}, {"operation": "features"}],
    "compositional": [{}, {"scheme": "chinese_remainder", "partitions": 2}, {"operation": "concat", "partitions": 4}],
    "robe": [{}, {"block_size": 2}],
    "factorized": [{}, {"trained_width": 5}],
    "path_based": [{}, {"hidden": 1}, {"hidden": 3}, {"hidden": 3, "partitions": 3}],
    "one_hot_hashing": [{"signed": True}],
}
NEARLY_MONOTONE = {"mixed_dimension": "small steps, each with a float32 row of a projection, give way to a large one"}
"""Methods of which a larger one can take fewer bytes, and why."""

ENCODINGS = ["float32", "int8_row", recipes.load("int4")]
"""Names of single schemes and recipes that a budget is searched in."""

CASES = [(name, options) for name in registry.names() for options in OPTIONS.get(name, [{}])]


def label(encoding: str | recipes.Recipe) -> str:
    """Return the name of a scheme or recipe."""
    return encoding if isinstance(encoding, str) else encoding.name


@pytest.mark.parametrize("scheme", schemes.names())
@pytest.mark.parametrize("name", sorted(METHODS))
def test_bytes_are_those_of_the_encoded_tables(name: str, scheme: str) -> None:
    method, kept = METHODS[name], METHODS[name].stored()
    assert payload_bytes(method, scheme) == encode(kept, sample_tables(kept, 0), scheme).payload_bytes


@pytest.mark.parametrize("recipe", recipes.names_counted_ahead())
@pytest.mark.parametrize("name", ["full", "memcom", "quotient_remainder", "hash_embedding", "mixed_dimension"])
def test_bytes_are_those_of_the_recipe(name: str, recipe: str) -> None:
    """Of tables large enough for codebooks and for scales of one byte."""
    method = registry.load(name).for_ratio(1_502, 16, 1.0 if name == "full" else 3.0)
    chosen = recipes.load(recipe)
    assert payload_bytes(method, chosen) == encode(method, sample_tables(method, 0), chosen).payload_bytes


def test_a_recipe_that_chooses_by_values_counts_nothing_ahead() -> None:
    with pytest.raises(UsageError, match="recipe is 'mixed', which chooses by the trained tables"):
        payload_bytes(METHODS["full"], recipes.load("mixed"))


def test_hand_worked_bytes() -> None:
    memcom = registry.load("memcom")(1_002, 32, 50, bias=True)
    assert payload_bytes(memcom, "float32") == (52 * 32 + 2 * 1_002) * 4
    # One byte per number of the shared rows, whose scales are folded; what belongs to an id stays float32.
    assert payload_bytes(memcom, "int8_row") == 52 * 32 + 2 * 1_002 * 4
    hashing = registry.load("hashing")(1_002, 32, 50)
    assert payload_bytes(hashing, "int8_row") == 52 * (32 + 4)
    # Half a byte per number of the shared rows; a byte per number of an id and five for each of 16 blocks of 64 ids.
    assert payload_bytes(memcom, recipes.load("int4")) == 52 * 16 + 2 * (1_002 + 16 * 5)
    # Of 1,002 rows, scales take a byte each and 256 entries.
    assert payload_bytes(registry.load("full")(1_002, 5), recipes.load("int4")) == 1_002 * 3 + 1_002 + 256 * 4
    assert payload_bytes(hashing, "float16_rows") == 52 * 32 * 2


def every_size(name: str, options: dict) -> list[Method]:
    """Return the method for every number of parameters up to the full table's, where there is one."""
    return _every_size(name, tuple(options.items()))


@functools.cache
def _every_size(name: str, given: tuple) -> list[Method]:
    found, options = [], dict(given)
    for parameters in range(1, SIZE * WIDTH + 1):
        try:
            found.append(registry.load(name).for_ratio(SIZE, WIDTH, SIZE * WIDTH / parameters, **options))
        except UsageError:
            continue
    return found


@pytest.mark.parametrize("scheme", ENCODINGS, ids=label)
@pytest.mark.parametrize(("name", "options"), CASES)
def test_nothing_under_the_budget_comes_nearer(name: str, options: dict, scheme: str | recipes.Recipe) -> None:
    kind = registry.load(name)
    bytes_of = functools.cache(lambda method: payload_bytes(method, scheme))
    bytes_by_parameters = [bytes_of(method) for method in every_size(name, options)]
    rising = bytes_by_parameters == sorted(bytes_by_parameters)
    assert rising or (name in NEARLY_MONOTONE and scheme != "float32")
    assert min(bytes_by_parameters) == bytes_by_parameters[0]
    # Packed rows of the full width may take less than narrow ones and their float32 projections.
    near = 1.0 if rising else 0.85 if scheme == "int8_row" else 0.75
    sizes = sorted(set(bytes_by_parameters))
    for budget_bytes in sorted({*np.linspace(sizes[0], sizes[-1] + 50, 12).astype(int).tolist(), *sizes[::5]}):
        method = method_for_budget(kind, SIZE, WIDTH, budget_bytes, scheme, **options)
        nearest = max(size for size in sizes if size <= budget_bytes)
        assert near * nearest <= payload_bytes(method, scheme) <= nearest
        assert {field: getattr(method, field) for field in options} == options
    with pytest.raises(
        UsageError, match=rf"^budget of {sizes[0] - 1} bytes is out of reach for {name} as {label(scheme)} "
    ) as e:
        method_for_budget(kind, SIZE, WIDTH, sizes[0] - 1, scheme, **options)
    # The last number is the smallest budget there is.
    assert str(e.value).endswith(f"it takes {sizes[0]}.")


@pytest.mark.parametrize("scheme", ENCODINGS, ids=label)
@pytest.mark.parametrize("name", NEARLY_MONOTONE)
def test_a_larger_size_hardly_takes_fewer_bytes(name: str, scheme: str | recipes.Recipe) -> None:
    """Where bytes may fall, the search still ends near the budget: of 2,002 ids, over the sizes around it."""
    kind, full = registry.load(name), 2_002 * 32
    whole = payload_bytes(registry.load("full")(2_002, 32), scheme)
    for budget_bytes in range(whole // 4, whole * 3 // 4, whole // 8):
        method = method_for_budget(kind, 2_002, 32, budget_bytes, scheme)
        around = np.linspace(0.8, 1.2, 40) * method.stored_parameters
        sizes = (payload_bytes(kind.for_ratio(2_002, 32, full / parameters), scheme) for parameters in around)
        best = max(size for size in sizes if size <= budget_bytes)
        assert 0.97 * best <= payload_bytes(method, scheme) <= budget_bytes


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_stated_ratio_gives_the_same_tables_again(name: str, options: dict) -> None:
    kind = registry.load(name)
    for method in every_size(name, options)[::7]:
        again = kind.for_ratio(SIZE, WIDTH, stated_ratio(method), **options)
        assert again.stored().tables() == method.stored().tables()
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
