"""The formats of a report: Markdown, JSON, HTML, SVG and terminal."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest
from report_samples import make_report, one_seed_report, renamed, two_device_report
from rich.console import Console

from ondevice import records
from ondevice.errors import OnDeviceError
from ondevice.reporting.console import print_table
from ondevice.reporting.html import render_html
from ondevice.reporting.markdown import render_markdown
from ondevice.reporting.plot import size_accuracy_svg
from ondevice.reporting.record import Report
from ondevice.reporting.write import write_report

EVIL = "<script>alert('x')</script> $\\frac{$ | [b]bold[/b] & `"


class Attributes(HTMLParser):
    """Collects the tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend((name, value or "") for name, value in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def terminal(report: Report, width: int = 100) -> str:
    buffer = io.StringIO()
    print_table(report, Console(file=buffer, width=width))
    return buffer.getvalue()


def test_markdown_is_the_golden_file(golden: Callable[[str, str], None]) -> None:
    golden("report.md", render_markdown(two_device_report()))


def test_json_round_trip(tmp_path: Path) -> None:
    report = two_device_report()
    write_report(report, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html", "report.json", "report.md"]
    assert records.read(Report, tmp_path / "out" / "report.json", "report") == report


@pytest.mark.parametrize("where", [(), ("models", 0), ("models", 0, "manifest", "embeddings", 0)])
def test_an_unknown_key_is_an_error(tmp_path: Path, where: tuple[str | int, ...]) -> None:
    content = records.to_json(make_report())
    place = content
    for step in where:
        place = place[step] if isinstance(step, str) else list(place)[step]
    place["surprise"] = 1
    path = tmp_path / "report.json"
    path.write_text(json.dumps(content))
    with pytest.raises(OnDeviceError, match="surprise"):
        records.read(Report, path, "report")


def test_a_report_that_cannot_be_rendered_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_report(make_report(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def broken(report: Report) -> str:
        raise OnDeviceError(f"cannot render {report.title}.")

    monkeypatch.setattr("ondevice.reporting.write.render_html", broken)
    with pytest.raises(OnDeviceError):
        write_report(replace(make_report(), title="new"), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_html_needs_nothing_from_elsewhere() -> None:
    page = render_html(make_report())
    addresses = re.findall(r"https?://[^\s\"'<>)]+", page)
    assert set(addresses) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    parsed = Attributes(page)
    assert not {"script", "link", "iframe", "img", "object", "embed"} & set(parsed.tags)
    references = [value for name, value in parsed.attributes if name in ("src", "href", "xlink:href", "action")]
    assert all(value.startswith("#") for value in references)
    assert "@import" not in page
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page))


@pytest.mark.parametrize("variant", ["full", "memcom@semantic"])
def test_names_are_text_everywhere(variant: str) -> None:
    report = renamed(replace(make_report(), title=EVIL, command=EVIL), variant, EVIL)
    parsed = Attributes(render_html(report))
    assert "script" not in parsed.tags
    assert EVIL in parsed.text
    assert EVIL in " ".join(ElementTree.fromstring(size_accuracy_svg(report)).itertext())
    assert "<script>" not in render_markdown(report).replace(f"`` {EVIL} ``", "")
    assert "[b]bold" in "".join(terminal(report, 400).split())


def test_html_shows_conclusion_badges_and_details() -> None:
    page = render_html(make_report())
    assert "memcom@semantic int8 (400 kB) is 25.0x smaller than full float32" in page
    assert '<span class="badge bad">refused</span>' in page
    assert '<span class="badge good">valid</span>' in page
    # One per model, one per table for its columns, and one per model with encoded tables for the worst ids.
    assert page.count("<details>") == 12 + 4 + 6
    assert "FULLY_CONNECTED × 2" in page
    assert (
        "<dt>Embedding embedding</dt><dd>memcom: bias = True, fill = zeros, rows = 512, scale = 0.5; id order" in page
    )
    assert "<dt>Input ids</dt><dd>50 items of 5,002 ids; an id outside counts as 1</dd>" in page
    assert "<dt>Answer of recommend</dt><dd>20 items, items given are left out</dd>" in page
    assert '<tr><th scope="row">embedding/multipliers</th>' in page
    assert "low_rank: bias = True, rank = 7; 40.0 kB in the file, as a dense layer in float32 1.30 MB" in page


def test_svg_is_deterministic_and_leaves_settings_alone() -> None:
    before = dict(matplotlib.rcParams)
    first = size_accuracy_svg(make_report())
    assert size_accuracy_svg(make_report()) == first
    assert dict(matplotlib.rcParams) == before
    assert "date" not in first.lower()
    assert ElementTree.fromstring(first).tag == "{http://www.w3.org/2000/svg}svg"


def test_one_seed_shows_no_invented_spread() -> None:
    report = one_seed_report()
    assert "LineCollection" in size_accuracy_svg(make_report())
    assert "LineCollection" not in size_accuracy_svg(report)
    for text in (render_markdown(report), render_html(report), terminal(report)):
        assert "0.1261 ± —" in text
        assert "± 0.0" not in text
        assert "nan" not in text.lower().split()


@pytest.mark.parametrize("runtimes", [True, False])
def test_a_report_without_the_metric_still_renders(runtimes: bool) -> None:
    report = replace(make_report(), metric="auc")
    if not runtimes:
        models = tuple(replace(m, validations=()) for m in report.models)
        report = replace(report, models=models)
    assert size_accuracy_svg(report) == ""
    assert "The metric of the converted files was not measured." in render_html(report)
    assert "No compressed file is valid" in terminal(report)
    assert ("No runtime was tried." in render_markdown(report)) is not runtimes


def test_an_empty_report_still_renders() -> None:
    report = replace(make_report(), models=())
    assert "No ratio can be given" in render_html(report)
    assert "No ratio can be given" in render_markdown(report)


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("name", ["memcom@semantic", "memcom-block-16@semantic+low-rank-16+warm-start"])
@pytest.mark.parametrize("make", [make_report, two_device_report])
def test_terminal_table_fits_and_loses_nothing(width: int, name: str, make: Callable[[], Report]) -> None:
    data, _, printed = terminal(renamed(make(), "memcom@semantic", name), width).partition("\n")
    assert data.startswith("Data: ")
    table, _, _ = printed.rpartition("\nmemcom")
    assert max(len(line) for line in table.splitlines()) <= width
    assert "\x1b" not in table
    for number in ("400 kB", "25.0x", "0.1267 ± 0.0008", "-4.38%"):
        assert number in table
    # The last column, unfolded: what does not fit must go to the next line and not beyond the edge.
    start = table.splitlines()[0].index("Verdict")
    verdicts = "".join(line[start:].strip() for line in table.splitlines())
    assert "values,1of2seeds(tflite-2.14)" in verdicts.replace(" ", "")


def test_the_legend_names_every_model_recipe_and_the_baseline() -> None:
    report = make_report()
    named = [text.strip() for text in ElementTree.fromstring(size_accuracy_svg(report)).itertext() if text.strip()]
    variants = dict.fromkeys(model.variant for model in report.models)
    recipes = dict.fromkeys(f"recipe {model.manifest.recipe}" for model in report.models)
    assert named[-len(variants) - len(recipes) - 1 :] == [*variants, *recipes, "full, float reference"]


def test_what_a_name_holds_reaches_no_terminal_no_markdown_and_no_page() -> None:
    name = "a\x1b[2J`b``c\\|\u202e<i>"
    report = renamed(make_report(), "memcom@semantic", name)
    printed, page, markdown = terminal(report), render_html(report), render_markdown(report)
    for text in (printed, page, markdown):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "\\x1b" in text
    assert "<i>" not in page
    assert "\\x1b\\[2J\\`b\\`\\`c\\\\\\|" in markdown.replace("\\\\x1b", "\\x1b")
