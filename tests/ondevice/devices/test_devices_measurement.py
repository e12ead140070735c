"""The statistics of a measurement, on values worked out by hand."""

from __future__ import annotations

import dataclasses

import pytest

from ondevice.devices.measurement import STATUSES, Measurement

MEASUREMENT = Measurement(
    device="host",
    runtime="litert",
    runtime_version="2.3.0",
    status="ok",
    message="",
    threads=1,
    clock="time",
    cpu_features=(),
    load_ns=2_500_000,
    warmup_ns=(9_000_000,),
    run_ns=(4_000_000, 1_000_000, 3_000_000, 2_000_000, 10_000_000),
    memory_growth_bytes=4096,
    mapped_growth_bytes=4096,
)


@pytest.mark.parametrize(
    ("percentile", "expected_ms"),
    [(0, 1.0), (50, 3.0), (75, 4.0), (90, 7.6), (100, 10.0)],  # 90: 4 + 0.6 * (10 - 4), between ranks 3 and 4
)
def test_a_percentile_interpolates_between_samples(percentile: float, expected_ms: float) -> None:
    assert MEASUREMENT.latency_ms(percentile) == pytest.approx(expected_ms, abs=1e-12)


def test_warm_ups_do_not_count() -> None:
    slower = dataclasses.replace(MEASUREMENT, warmup_ns=(10**12,))
    assert slower.latency_ms(100) == MEASUREMENT.latency_ms(100)


def test_one_sample_is_every_percentile() -> None:
    single = dataclasses.replace(MEASUREMENT, run_ns=(7_000_000,))
    assert [single.latency_ms(percentile) for percentile in (0, 50, 99)] == [7.0, 7.0, 7.0]


def test_loading_is_told_in_milliseconds() -> None:
    assert MEASUREMENT.load_ms == 2.5


def test_instructions_are_the_median() -> None:
    assert MEASUREMENT.instructions == 3_000_000


@pytest.mark.parametrize("status", sorted(set(STATUSES) - {"ok"}))
def test_only_ok_is_ok(status: str) -> None:
    assert MEASUREMENT.ok
    assert not dataclasses.replace(MEASUREMENT, status=status).ok
