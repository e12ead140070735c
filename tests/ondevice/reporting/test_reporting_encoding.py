"""The report's sections on what encoding the tables changes."""

from __future__ import annotations

from dataclasses import replace

from report_samples import make_report, one_seed_report

from ondevice.reporting.encoding import encoding_sections, worst_columns
from ondevice.reporting.html import render_html
from ondevice.reporting.markdown import render_markdown
from ondevice.reporting.record import Report


def with_error(report: Report, **changes: object) -> Report:
    """The report with another error of every model that lost anything."""
    models = []
    for model in report.models:
        [embedding] = model.manifest.embeddings
        if embedding.error.worst:
            embedding = replace(embedding, error=replace(embedding.error, **changes))
        models.append(replace(model, manifest=replace(model.manifest, embeddings=(embedding,))))
    return replace(report, models=tuple(models))


def test_a_section_per_model_that_lost_anything() -> None:
    sections = encoding_sections(make_report())
    assert [section.title for section in sections] == [
        f"{variant} int8, seed {seed}" for variant in ("full", "memcom@semantic", "qr@arbitrary") for seed in (1, 2)
    ]
    assert [worst.id for worst in sections[0].worst] == [4_711, 17]
    assert encoding_sections(with_error(make_report(), signal_to_noise_db=None)) == ()


def test_facts_name_the_tables_to_blame_and_what_validation_measured() -> None:
    full, memcom, qr = encoding_sections(one_seed_report())
    assert memcom.facts == (
        "Signal to noise of all 5,002 vectors: 42.0 dB; cosine between a vector before and after: mean 0.999950, least "
        "0.980000; largest error of a number: 0.125.",
        "Squared error with one table encoded alone, over that of all: shared 80.0%, multipliers 25.0%.",
        "Of the reference's best items, as many as ndcg@20 looks at, the file returns 99.0% "
        "(500 users, mean over runtimes), and 20.0% of the "
        "users get another list.",
    )
    assert not any("one table" in fact for fact in full.facts), "one table is to blame for everything"
    # One of its runtimes refused the file, the other answered.
    assert len(qr.facts) == 3


def test_a_validation_of_before_tells_no_share_of_users() -> None:
    report = one_seed_report()
    models = []
    for model in report.models:
        [validation] = model.validations
        results = tuple(
            replace(each, quality=each.quality and replace(each.quality, users_changed=None))
            for each in validation.results
        )
        models.append(replace(model, validations=(replace(validation, results=results),)))
    facts = encoding_sections(replace(report, models=tuple(models)))[0].facts
    assert (
        facts[-1] == "Of the reference's best items, as many as ndcg@20 looks at, the file returns 99.0% "
        "(500 users, mean over runtimes)."
    )


def test_cells() -> None:
    worst = encoding_sections(one_seed_report())[0].worst[0]
    assert [column.cell(worst) for column in worst_columns()] == ["4711", "item <b>9</b>", "0.5", "0.980000"]


def test_both_formats_show_the_sections_only_where_there_is_one() -> None:
    report, exact = make_report(), with_error(make_report(), signal_to_noise_db=None)
    for text in (render_markdown(report), render_html(report)):
        assert "What encoding the tables changes" in text
        assert "42.0 dB" in text
        assert "item &lt;b&gt;9&lt;/b&gt;" in text
    for text in (render_markdown(exact), render_html(exact)):
        assert "What encoding the tables changes" not in text
