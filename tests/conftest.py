"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

# Read by TensorFlow when it is first imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

GOLDEN_FOLDER = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files instead of comparing")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded as `measured`, so that the log of a run says it."""
    passed = terminalreporter.stats.get("passed", [])
    measured = [value for report in passed for name, value in report.user_properties if name == "measured"]
    if measured:
        terminalreporter.section("measured")
        for value in measured:
            terminalreporter.write_line(str(value))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the whole of a file in `tests/golden`, or write that file on request."""
    update = request.config.getoption("--update-golden")
    # A golden file that a CI run writes for itself would always match.
    if update and os.environ.get("CI"):
        raise pytest.UsageError("--update-golden is for a person who looks at the difference, not for CI.")

    def compare(name: str, content: str) -> None:
        path = GOLDEN_FOLDER / name
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        assert path.is_file(), f"golden file {name} is missing; run pytest with --update-golden and look at it"
        assert content == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], object]:
    """Give a tiny trained run of a variant of `tests.tiny_runs`; each is trained once per session."""
    from tests.tiny_runs import run_maker

    return run_maker(tmp_path_factory.mktemp("runs"))
