"""Aggregation over seeds, checked against values worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_samples import make_report, one_seed_report

from ondevice.reporting.columns import format_spread
from ondevice.reporting.record import Report
from ondevice.reporting.runtime_columns import format_change
from ondevice.reporting.statements import conclusion, failures, measurement_statements, skipped_tables
from ondevice.reporting.summary import Row, summarize


def row_of(report: Report, variant: str, recipe: str) -> Row:
    (found,) = [row for row in summarize(report) if (row.variant, row.recipe) == (variant, recipe)]
    return found


def test_baseline_first_then_by_falling_size() -> None:
    assert [(row.variant, row.recipe) for row in summarize(make_report())] == [
        ("full", "float32"),
        ("full", "int8"),
        ("memcom@semantic", "float32"),
        ("qr@arbitrary", "float32"),
        ("memcom@semantic", "int8"),
        ("qr@arbitrary", "int8"),
    ]


def test_sizes_and_ratios() -> None:
    row = row_of(make_report(), "memcom@semantic", "int8")
    assert (row.seeds, row.file_bytes, row.embedding_bytes, row.parameters) == (2, 400_000, 210_000, 100_000)
    assert row.ratio == 25.0
    assert row.embedding_ratio == 320_128 / 37_662


def test_metric_and_losses_are_paired_by_seed() -> None:
    row = row_of(make_report(), "memcom@semantic", "int8")
    assert row.reference is not None
    assert row.reference.mean == pytest.approx(0.1267)
    assert row.reference.deviation == pytest.approx(0.0012 / 2**0.5)
    assert row.reference_change == pytest.approx((-0.03 - 0.05) / 2)
    # The older runtime loses more: 0.3 % with seed 1, 0.5 % with seed 2.
    assert row.converted is not None
    assert row.converted.mean == pytest.approx((0.1261 * 0.997 + 0.1273 * 0.995) / 2)
    assert row.converted_change == pytest.approx((0.97 * 0.997 + 0.95 * 0.995) / 2 - 1)


def test_runtime_statistics() -> None:
    runtime = row_of(make_report(), "memcom@semantic", "int8").runtimes[0]
    assert (runtime.device, runtime.runtime, runtime.seeds) == ("host", "tflite-2.14", 2)
    # Seed 1 runs 2.0 to 3.0 ms, seed 2 runs 4.0 to 5.0 ms, both in even steps.
    assert runtime.p50_ms == pytest.approx((2.5 + 4.5) / 2)
    assert runtime.p95_ms == pytest.approx((2.95 + 4.95) / 2)
    assert runtime.load_ms == pytest.approx(0.75)
    assert runtime.memory_growth_bytes == 4_500_000
    assert runtime.overlap == pytest.approx(0.985)
    assert runtime.change == pytest.approx(-0.005)
    assert format_change(runtime) == "-0.50%"
    assert runtime.verdict == "valid"


def test_a_refused_runtime_has_a_verdict_and_no_figures() -> None:
    row = row_of(make_report(), "qr@arbitrary", "int8")
    refused, accepted = row.runtimes
    assert (refused.verdict, accepted.verdict, row.verdict) == ("refused", "valid", "refused (tflite-2.14)")
    assert not row.valid
    assert (refused.metric, refused.change, refused.overlap, refused.p50_ms, refused.p95_ms) == (None,) * 5
    assert (refused.load_ms, refused.memory_growth_bytes) == (None, None)


def test_a_failure_of_one_seed_is_not_averaged_away() -> None:
    row = row_of(make_report(), "full", "int8")
    assert row.runtimes[0].verdict == "values, 1 of 2 seeds"
    assert row.verdict == "values, 1 of 2 seeds (tflite-2.14)"


def test_one_seed_has_an_interval_and_no_invented_spread() -> None:
    row = row_of(one_seed_report(), "memcom@semantic", "int8")
    assert row.reference is not None
    assert row.reference.deviation is None
    assert format_spread(row.reference) == "0.1261 ± —"
    assert format_change(row.runtimes[0]) == "-0.30% [-0.40%, -0.20%]"


def test_without_a_float32_baseline_there_is_no_ratio() -> None:
    report = make_report()
    models = tuple(m for m in report.models if (m.variant, m.manifest.recipe) != ("full", "float32"))
    report = replace(report, models=models)
    assert {row.ratio for row in summarize(report)} == {None}
    # The loss has the baseline's int8 export to go by: its float reference is the same model.
    assert row_of(report, "memcom@semantic", "int8").reference_change == pytest.approx(-0.04)
    assert conclusion(report, summarize(report)).startswith("No ratio can be given")


def test_a_model_that_was_not_validated_is_not_valid() -> None:
    report = make_report()
    models = tuple(replace(m, validations=()) for m in report.models)
    report = replace(report, models=models)
    assert {row.verdict for row in summarize(report)} == {"not run"}
    assert conclusion(report, summarize(report)).startswith("No compressed file is valid")
    assert any("No runtime ran a file" in statement for statement in measurement_statements(report))


def test_conclusion_names_the_smallest_valid_file_within_the_loss() -> None:
    report = make_report()
    rows = summarize(report)
    assert conclusion(report, rows) == (
        "memcom@semantic int8 (400 kB) is 25.0x smaller than full float32 at -4.38% ndcg@20 (mean of 2 seeds), "
        "the smallest valid file that loses at most 5%."
    )
    # qr float32 loses 15 % and qr int8 is refused, so nothing is left at 1 %.
    assert conclusion(report, rows, 0.01).startswith(
        "No valid compressed file loses at most 1% ndcg@20; the nearest: memcom@semantic float32 (1.00 MB) is 10.0x"
    )


def test_a_baseline_alone_has_nothing_to_be_compared_with() -> None:
    report = one_seed_report()
    report = replace(report, models=report.models[:1])
    assert conclusion(report, summarize(report)).startswith("There is nothing to compare")


def test_memory_that_was_not_measured_is_absent() -> None:
    report = one_seed_report()
    (result, *rest) = report.models[0].results
    result = replace(result, measurement=replace(result.measurement, memory_growth_bytes=-1))
    validation = replace(report.models[0].validations[0], results=(result, *rest))
    report = replace(report, models=(replace(report.models[0], validations=(validation,)),))
    assert [runtime.memory_growth_bytes for runtime in row_of(report, "full", "float32").runtimes] == [None, 4_000_000]


def test_statements_say_whose_milliseconds_they_are() -> None:
    assert measurement_statements(make_report())[1:] == (
        "ndcg@20 of a converted file is measured on 500 users, its reference on the same users.",
        "host (Example CPU, Linux x86_64, 2 cores): of 12 files, tflite-2.14 ran 10, litert-2.3 ran 12. Latency, load "
        "time and memory there are those of the host's CPU, one thread; they are not phone milliseconds.",
    )


def test_the_same_note_of_several_seeds_is_said_once() -> None:
    report = make_report()
    assert [note.subject for note in failures(report)] == [
        "full int8, seed 2, tflite-2.14 on host",
        "qr@arbitrary int8, seeds 1, 2, tflite-2.14 on host",
    ]
    assert [note.subject for note in skipped_tables(report)] == [
        "memcom@semantic int8, seeds 1, 2, table embedding/multipliers [5000, 1]",
        "qr@arbitrary int8, seeds 1, 2, table embedding/multipliers [5000, 1]",
    ]
