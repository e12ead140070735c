"""The accuracy that encodings are documented with, and codebooks against what is known of the best ones."""

from __future__ import annotations

import numpy as np
import pytest

from ondevice.embeddings.ops import NumpyOps
from ondevice.quantize.codebook import fitted_codebook, nearest
from ondevice.quantize.mixed import relative_error
from ondevice.quantize.scheme import registry
from ondevice.quantize.schemes.int8_row import Int8Row
from ondevice.quantize.steps import stored_steps

IDS = 40_983


def gaussian(rows: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((rows, width)).astype(np.float32)


@pytest.mark.parametrize(
    ("scheme", "width", "documented"),
    [
        ("float16_rows", 64, 0.00021),
        ("int8_row", 64, 0.0059),
        ("int8_table", 64, 0.011),
        ("int8_column", 64, 0.0096),
        ("int4_row", 64, 0.100),
        ("int4_row", 16, 0.081),
        ("int2_row", 64, 0.35),
        ("int2_row", 16, 0.30),
    ],
)
def test_error_of_a_gaussian_table(scheme: str, width: int, documented: float) -> None:
    assert relative_error(scheme, gaussian(16_384, width)) == pytest.approx(documented, rel=0.04)


def relative(found: np.ndarray, values: np.ndarray) -> float:
    return float(np.sqrt(np.mean((found.astype(np.float64) - values) ** 2) / np.mean(values.astype(np.float64) ** 2)))


def multipliers(kind: str) -> np.ndarray:
    """Return multipliers as they are stored: times the scale of the id's int8 row."""
    rng = np.random.default_rng(1)
    drawn = np.clip(rng.normal(1, 0.5, IDS), 0, None) if kind == "normal" else rng.lognormal(0, 0.5, IDS)
    scales = Int8Row().steps(gaussian(2_000, 64))[np.arange(IDS) % 2_000, 0]
    return (drawn * scales).astype(np.float32)[:, None]


def spaced(values: np.ndarray, entries: int) -> np.ndarray:
    """Return entries at equal ratios, down to a ten-thousandth of the largest."""
    positive = values[values > 0]
    lowest = max(positive.min(), positive.max() * 1e-4)
    return np.geomspace(lowest, positive.max(), entries).astype(np.float32)


@pytest.mark.parametrize(
    ("scheme", "kind", "documented", "of_spaced"),
    [
        ("codebook8", "normal", 0.0026, 0.0104),
        ("codebook8", "lognormal", 0.0032, 0.0049),
        ("codebook4", "normal", 0.043, 0.17),
        ("codebook4", "lognormal", 0.053, 0.083),
    ],
)
def test_error_of_multipliers(scheme: str, kind: str, documented: float, of_spaced: float) -> None:
    values, member = multipliers(kind), registry.load(scheme)()
    encoded = member.encode(values)
    found = member.decode(encoded, np.arange(IDS, dtype=np.int32), NumpyOps(), 1)
    assert relative(found, values) == pytest.approx(documented, rel=0.06)
    other = spaced(values, len(encoded["codebook"]))
    assert relative(other[nearest(values, other)], values) == pytest.approx(of_spaced, rel=0.1)


@pytest.mark.parametrize(("kind", "documented"), [("normal", 0.0024), ("lognormal", 0.0032)])
def test_blocks_are_no_less_exact_than_a_codebook(kind: str, documented: float) -> None:
    values, ids = multipliers(kind), np.arange(IDS, dtype=np.int32)
    block, codebook = (
        relative(member.decode(member.encode(values), ids, NumpyOps(), 1), values)
        for member in (registry.load("uint8_block")(), registry.load("codebook8")())
    )
    assert block == pytest.approx(documented, rel=0.02)
    assert block <= codebook


def test_a_byte_or_less_for_a_number_turns_no_sign() -> None:
    values = np.random.default_rng(0).normal(1, 0.5, (IDS, 1)).astype(np.float32)
    ids = np.arange(IDS, dtype=np.int32)
    for name in ("uint8_block", "codebook8", "codebook4"):
        member = registry.load(name)()
        assert not (member.decode(member.encode(values), ids, NumpyOps(), 1) * values < 0).any()


@pytest.mark.parametrize(("byte", "most"), [("uint8_block", 1.15), ("codebook8", 1.14)])
@pytest.mark.parametrize("kind", ["normal", "lognormal"])
def test_a_byte_per_multiplier_suits_int4_rows_and_not_int8_rows(kind: str, byte: str, most: float) -> None:
    """Why the recipe int4 has a byte for each number of an id and int8 has four."""
    rows, multiplier = (
        gaussian(2_000, 64),
        multipliers(kind) / Int8Row().steps(gaussian(2_000, 64))[np.arange(IDS) % 2_000],
    )
    index, ids = (np.arange(IDS) % 2_000).astype(np.int32), np.arange(IDS, dtype=np.int32)
    grown = {}
    for scheme in ("int8_row", "int4_row"):
        whole = registry.load(scheme)().encode(rows, folds=True)
        scaled = (multiplier * whole["scales"][index]).astype(np.float32)
        coder = registry.load(byte)()
        coded = coder.decode(coder.encode(scaled), ids, NumpyOps(), 1)
        unscaled = {"values": whole["values"]}
        vectors = registry.load(scheme)().decode(unscaled, index, NumpyOps(), 64)
        true = rows[index] * multiplier
        grown[scheme] = relative(vectors * coded, true) / relative(vectors * scaled, true)
    assert grown["int4_row"] < 1.001
    assert 1.08 < grown["int8_row"] < most


@pytest.mark.parametrize("scheme", ["int4_row", "int2_row"])
def test_scales_of_one_byte_cost_next_to_nothing(scheme: str) -> None:
    values, member = gaussian(4_000, 64), registry.load(scheme)()
    exact = member.encode(values, folds=True)
    index = np.arange(4_000, dtype=np.int32)
    with_floats = relative(member.decode(exact, index, NumpyOps(), 64), values)
    coded = member.encode(values)
    assert set(coded) == {"values", "scales_codes", "scales_codebook"}
    with_bytes = relative(member.decode(coded, index, NumpyOps(), 64), values)
    assert with_bytes / with_floats == pytest.approx(1, abs=0.004)


def test_steps_that_span_all_sizes_keep_their_sign_and_size() -> None:
    rng = np.random.default_rng(0)
    steps = (10.0 ** rng.uniform(-30, 30, (1_000, 1)) * rng.choice([-1, 1], (1_000, 1))).astype(np.float32)
    arrays, stored = stored_steps(steps)
    assert arrays["scales_codes"].nbytes + arrays["scales_codebook"].nbytes == 1_000 + 256 * 4
    assert (np.sign(stored) == np.sign(steps)).all()
    # 128 entries over 60 powers of ten: neighbours differ by a factor of 2.97.
    assert np.abs(np.log(stored / steps)).max() <= np.log(10.0**60) / 127 / 2 * 1.001
    same = np.full((1_000, 1), 0.5, np.float32)
    np.testing.assert_array_equal(stored_steps(same)[1], same)


def test_codebooks_come_near_the_best_there_are() -> None:
    """Of a Gaussian the least mean square error with 16 levels is 0.009497 (Max, 1960)."""
    values = gaussian(200_000, 1)
    codebook = fitted_codebook(values, 16)
    assert np.mean((codebook[nearest(values, codebook)] - values) ** 2) == pytest.approx(0.009497, rel=0.02)


def test_few_different_numbers_are_kept_exactly() -> None:
    values = np.array([[3.5], [-2.0], [0.0], [3.5], [1e-30]], np.float32)
    codebook = fitted_codebook(values, 16)
    assert codebook.shape == (16,)
    np.testing.assert_array_equal(codebook[nearest(values, codebook)], values)


def test_zero_is_an_entry_if_it_is_a_number() -> None:
    values = gaussian(5_000, 1) + np.float32(3)
    assert 0 not in fitted_codebook(values, 16)
    values[7] = 0
    assert 0 in fitted_codebook(values, 16)


def test_a_codebook_is_the_same_each_time_and_in_any_order() -> None:
    values = gaussian(5_000, 1)
    np.testing.assert_array_equal(fitted_codebook(values, 256), fitted_codebook(values[::-1], 256))
