"""The report's table of the metric by how often items occur in training."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_samples import METRIC, make_report, one_seed_report

from ondevice.manifest import POPULARITY
from ondevice.reporting.html import render_html
from ondevice.reporting.markdown import render_markdown
from ondevice.reporting.popularity import MEANINGS, popularity_columns, popularity_rows
from ondevice.reporting.record import Report


def without_classes(report: Report) -> Report:
    models = []
    for model in report.models:
        training = replace(model.manifest.training, quality_by_popularity={})
        models.append(replace(model, manifest=replace(model.manifest, training=training)))
    return replace(report, models=tuple(models))


def test_rows_are_means_over_seeds_of_each_variant() -> None:
    rows = popularity_rows(make_report())
    assert [row.variant for row in rows] == ["full", "memcom@semantic", "qr@arbitrary"]
    (_, memcom, _) = rows
    # Seeds 0.1261 and 0.1273, plus 0.05; two recipes of a seed are one model, or the deviation would be smaller.
    assert memcom.classes["head"].mean == pytest.approx(0.1767)
    assert memcom.classes["head"].deviation == pytest.approx(0.0012 / 2**0.5)
    assert "cold" not in memcom.classes


def test_cells_are_numbers_or_a_dash_and_headings_tell_sizes() -> None:
    report = make_report()
    columns = popularity_columns(report)
    assert [column.header for column in columns] == ["Model", "Head", "Torso", "Tail", "Cold"]
    row = popularity_rows(report)[1]
    assert [column.cell(row) for column in columns] == [
        "memcom@semantic", "0.1767 ± 0.0008", "0.1067 ± 0.0008", "0.0633 ± 0.0004", "—",
    ]  # fmt: skip
    assert columns[1].explanation.endswith("(30 items, the right answers for 900 users)")
    assert columns[4].explanation.startswith(f"{METRIC} of the float reference if only these are right answers: ")
    assert "the items that training never saw" in columns[4].explanation


def test_every_class_has_a_meaning() -> None:
    assert tuple(MEANINGS) == POPULARITY


def test_one_seed_has_no_deviation() -> None:
    assert popularity_rows(one_seed_report())[0].classes["tail"].deviation is None


def test_both_formats_show_the_table_only_where_there_is_one() -> None:
    report = make_report()
    for text in (render_markdown(report), render_html(report)):
        assert "By popularity" in text
        assert "0.1067 ± 0.0008" in text
    for text in (render_markdown(without_classes(report)), render_html(without_classes(report))):
        assert "By popularity" not in text
