"""Several devices in one report: the host, a phone that counts instructions, and a file to compare with."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_samples import PHONE, make_report, one_seed_report, two_device_report

from ondevice.reporting.html import render_html
from ondevice.reporting.places import describe_machine, device_statements
from ondevice.reporting.plot import size_accuracy_svg
from ondevice.reporting.record import ModelRecord, Report
from ondevice.reporting.runtime_columns import explained_columns, runtime_tables
from ondevice.reporting.runtimes import RuntimeRow, undecided
from ondevice.reporting.statements import conclusion, failures, measurement_statements
from ondevice.reporting.summary import Row, summarize


def row_of(report: Report, variant: str, recipe: str) -> Row:
    (found,) = [row for row in summarize(report) if (row.variant, row.recipe) == (variant, recipe)]
    return found


def runtime_of(row: Row, device: str, runtime: str) -> RuntimeRow:
    (found,) = [each for each in row.runtimes if (each.device, each.runtime) == (device, runtime)]
    return found


def cells_of(report: Report, device: str, variant: str, recipe: str, runtime: str) -> dict[str, str]:
    (table,) = [table for table in runtime_tables(report, summarize(report)) if table.device == device]
    (entry,) = [
        entry
        for entry in table.entries
        if (entry.row.variant, entry.row.recipe, entry.runtime.runtime) == (variant, recipe, runtime)
    ]
    return {column.header: column.cell(entry) for column in table.columns}


def without_failures(report: Report) -> Report:
    kept = ("full", "memcom@semantic")
    models = (m for m in report.models if m.variant in kept and not m.manifest.comparison)
    return replace(report, models=tuple(models))


def on_phone(model: ModelRecord, **changes: object) -> ModelRecord:
    """The model with other values in all measurements of the phone."""
    host, phone = model.validations
    results = tuple(replace(each, measurement=replace(each.measurement, **changes)) for each in phone.results)
    return replace(model, validations=(host, replace(phone, results=results)))


def test_instructions_are_no_milliseconds_and_the_other_way_round() -> None:
    row = row_of(two_device_report(), "memcom@semantic", "int8")
    host, phone = (runtime_of(row, device, "litert-2.3") for device in ("host", "entry-2018"))
    # Seed 1 runs 1.0 to 2.0 million, seed 2 runs 2.0 to 3.0 million, both in even steps.
    assert (phone.instructions, phone.load_instructions) == (2_000_000, 6_000_000)
    assert (phone.p50_ms, phone.p95_ms, phone.load_ms) == (None, None, None)
    assert (host.p50_ms, host.load_ms) == (pytest.approx(2.0), pytest.approx(0.75))
    assert (host.instructions, host.load_instructions) == (None, None)
    assert (host.mapped_growth_bytes, phone.mapped_growth_bytes) == (400_000, 0)
    assert (host.users, phone.users) == (500, 200)


def test_each_device_has_a_table_with_the_columns_it_has_figures_for() -> None:
    report = two_device_report()
    host, phone = runtime_tables(report, summarize(report))
    headers = {table.device: [column.header for column in table.columns] for table in (host, phone)}
    assert {"p50", "p95"} <= set(headers["host"]) - set(headers["entry-2018"])
    assert "Instructions" in set(headers["entry-2018"]) - set(headers["host"])
    assert len(host.entries) == len(phone.entries) == 14
    assert {"p50", "Instructions"} <= {column.header for column in explained_columns(report, summarize(report))}


def test_costs_are_compared_with_the_same_runtime_of_the_same_device() -> None:
    cells = cells_of(two_device_report(), "entry-2018", "full", "stock_dynamic_range", "litert-2.3")
    assert cells["Instructions"] == "2.50 M (1.25x)"
    assert cells["Memory"] == "2.25 MB (0.50x)"
    assert (cells["of which file"], cells["Load"]) == ("0 B", "6.00 M instr.")
    cells = cells_of(two_device_report(), "host", "full", "stock_dynamic_range", "litert-2.3")
    assert (cells["p50"], cells["Memory"], cells["of which file"]) == ("2.00 ms", "4.50 MB (1.00x)", "400 kB")


def test_without_the_baseline_a_cost_stands_alone() -> None:
    report = two_device_report()
    report = replace(report, models=tuple(m for m in report.models if m.manifest.recipe != "float32"))
    cells = cells_of(report, "entry-2018", "memcom@semantic", "int8", "litert-2.3")
    assert (cells["Instructions"], cells["Memory"]) == ("2.00 M", "4.50 MB")


def test_fewer_users_of_a_phone_do_not_move_the_metric() -> None:
    """The phone's 200 users are harder: its metric is 0.01 lower, before the conversion and after it."""
    one, two = without_failures(make_report()), without_failures(two_device_report())
    assert [row.converted for row in summarize(two)] == [row.converted for row in summarize(one)]
    assert [row.converted_change for row in summarize(two)] == [row.converted_change for row in summarize(one)]
    assert size_accuracy_svg(two) == size_accuracy_svg(one)


def test_a_loss_on_the_phone_alone_is_the_loss_of_the_file() -> None:
    report = two_device_report()
    (model,) = [
        m for m in report.models if (m.variant, m.manifest.recipe, m.manifest.training.seed) == ("full", "float32", 1)
    ]
    host, phone = model.validations
    (result, *rest) = phone.results
    assert result.quality is not None
    worse = replace(result, quality=replace(result.quality, relative_change=-0.02))
    model = replace(model, validations=(host, replace(phone, results=(worse, *rest))))
    (row,) = summarize(replace(report, models=(model,)))
    assert row.converted_change == pytest.approx(-0.02)


def test_a_verdict_names_the_device_only_where_devices_differ() -> None:
    report = two_device_report()
    assert row_of(report, "full", "stock_dynamic_range").verdict == "refused (tflite-2.14)"
    row = row_of(report, "qr@arbitrary", "float32")
    assert row.verdict == "out of memory (litert-2.3, entry-2018)"
    assert not row.valid
    assert row_of(make_report(), "qr@arbitrary", "float32").valid


@pytest.mark.parametrize("status", ["device failed", "missing"])
def test_a_file_that_was_not_tried_is_neither_good_nor_bad(status: str) -> None:
    report = two_device_report()
    report = replace(report, models=tuple(on_phone(model, status=status) for model in report.models[:1]))
    (row,) = summarize(report)
    assert row.verdict == f"{status} (tflite-2.14, entry-2018)"
    assert undecided(row.verdict)
    assert not row.valid
    assert f'<span class="badge neutral">{row.verdict}</span>' in render_html(report)


def test_statements_name_every_device_and_what_its_figures_are() -> None:
    assert measurement_statements(two_device_report()) == (
        "On recent nothing ran: the emulator is not installed.",
        "Sizes are those of the models, without the vocabulary that a file carries; 1 MB is 1,000,000 bytes.",
        "ndcg@20 of a converted file is measured on 500 users on host and 200 users on entry-2018, its reference on "
        "the same users.",
        "host (Example CPU, Linux x86_64, 2 cores): of 14 files, tflite-2.14 ran 10, litert-2.3 ran 14. Latency, load "
        "time and memory there are those of the host's CPU, one thread; they are not phone milliseconds.",
        "entry-2018 (cortex-example, emulated arm64, 1 core, memory 128 MB): of 14 files, tflite-2.14 ran 10, "
        "litert-2.3 ran 10. Its processor offers aes asimd. One executed instruction is counted as one there, one "
        "thread: these are instruction counts of an emulated processor, not phone milliseconds; they know no caches, "
        "memory bandwidth or pipelines. Memory is what its system counted.",
        "stock_dynamic_range is what TensorFlow's own converter makes of full with Optimize.DEFAULT; it is there to "
        "compare with, and nothing was proven of it before it was written.",
    )


def test_a_device_on_which_nothing_ran_says_so_and_promises_no_figures() -> None:
    report = two_device_report()
    models = tuple(on_phone(model, status="device failed") for model in report.models)
    _, phone = device_statements(replace(report, models=models))
    assert phone == f"entry-2018 ({describe_machine(PHONE)}): of 14 files, tflite-2.14 ran none, litert-2.3 ran none."


def test_the_same_failure_on_several_devices_is_said_once() -> None:
    notes = {note.subject: note.text for note in failures(two_device_report())}
    assert notes["full int8, seed 2, tflite-2.14 on host and entry-2018"].startswith("values: output 'scores'")
    assert notes["qr@arbitrary int8, seeds 1, 2, litert-2.3 on entry-2018"] == (
        "illegal instruction (the runtime used an instruction that the processor does not have): ended by SIGILL"
    )
    assert len(notes) == 5


def test_a_file_to_compare_with_is_recommended_only_if_it_is_valid() -> None:
    report = two_device_report()
    kept = (("full", "float32"), ("full", "stock_dynamic_range"))
    report = replace(report, models=tuple(m for m in report.models if (m.variant, m.manifest.recipe) in kept))
    assert conclusion(report, summarize(report)).startswith("No compressed file is valid on every runtime")
    only_litert = tuple(
        replace(m, validations=tuple(replace(v, results=v.results[1:]) for v in m.validations)) for m in report.models
    )
    report = replace(report, models=only_litert)
    assert conclusion(report, summarize(report)).startswith("full stock_dynamic_range (2.60 MB) is 3.85x smaller")


def test_html_shows_what_each_device_said_of_each_model() -> None:
    page = render_html(two_device_report())
    assert 'aria-label="Runtimes of entry-2018"' in page
    assert '<span class="badge bad">litert-2.3 on entry-2018: out of memory</span>' in page
    assert page.count("made for no runtime in particular and not checked before it was written") == 2
    assert "made for tflite-2.14" in page
    assert '<td class="number">1.50 M</td>' in page
    # The rows of the phone have no milliseconds, those of the host no instructions.
    assert "1.50 M" not in render_html(one_seed_report())
