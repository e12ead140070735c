"""What the README says is so: its commands parse, its paths exist, and CI runs the test command it shows."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ondevice.cli.main import command_modules, make_parser
from ondevice.version import __version__

ROOT = Path(__file__).parent.parent
MARKS = ("<!-- main command -->", "<!-- test command -->")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*")
PROGRAM = re.compile(r"(\S*/)?ondevice|(\S*/)?python\S* -m ondevice")


def read(name: str) -> str:
    assert (ROOT / name).is_file(), f"{name} is missing"
    return (ROOT / name).read_text(encoding="utf-8")


def marked_command(text: str, mark: str) -> str:
    """Return the one line of the block after a mark."""
    assert text.count(mark) == 1, f"{mark} stands {text.count(mark)} times, expected once"
    found = re.search(rf"^{re.escape(mark)}\n```sh\n([^\n]+)\n```$", text, re.MULTILINE)
    assert found, f"{mark} must be followed directly by a sh block of one line"
    return found[1]


def command_lines(text: str) -> Iterator[str]:
    """Give every `ondevice ...` command of the README: the lines of its blocks and what stands in backticks."""
    blocks = FENCE.findall(text)
    lines = [line for _, block in blocks for line in block.replace("\\\n", " ").splitlines()]
    for part in [*lines, *re.findall(r"(?<!`)`([^`\n]+)`(?!`)", FENCE.sub("", text))]:
        for command in re.split(r"&&|\||;", part):
            found = PROGRAM.match(command.strip().removeprefix("$ "))
            rest = command.strip().removeprefix("$ ")[found.end() :] if found else ""
            if rest.startswith(" ") and not rest.startswith(" = "):
                yield rest.strip()


def parses(command: str) -> bool:
    """Tell whether the parser accepts a command, placeholders filled in; a bare command name only has to exist."""
    words = [word for word in shlex.split(command, comments=True) if word not in ("...", "…", "COMMAND")]
    filled = ["1" if PLACEHOLDER.fullmatch(word) else word for word in words]
    if not filled or (len(filled) == 1 and filled[0] in command_modules()):
        return True
    try:
        make_parser().parse_args(filled)
    except SystemExit as stopped:
        return stopped.code == 0
    return True


def paths(text: str) -> list[str]:
    """Return what stands in backticks and looks like a folder or a Python file of the project."""
    found = re.findall(r"(?<!`)`([\w.@/-]+(?:/|\.py))`(?!`)", FENCE.sub("", text))
    return [path for path in found if not path.startswith(("/", "-"))]


@pytest.mark.parametrize("mark", MARKS)
def test_marked_block_is_one_command(mark: str) -> None:
    command = marked_command(read("README.md"), mark)
    assert command == command.strip()
    assert not command.endswith("\\")


def test_two_blocks_of_commands() -> None:
    languages = [language for language, _ in FENCE.findall(read("README.md"))]
    assert languages.count("sh") == len(MARKS)


def test_ci_runs_the_test_command() -> None:
    script = read(".ci/run")
    line = next(line for line in script.splitlines() if line.startswith("command="))
    found = subprocess.run(
        ["sh", "-euc", f'{line}\nprintf %s "$command"'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    assert found.stdout == marked_command(read("README.md"), MARKS[1])
    assert 'sh -ec "$command"' in script


def test_test_command_runs_these_tests() -> None:
    assert "pytest" in marked_command(read("README.md"), MARKS[1])


def test_main_command_is_the_program() -> None:
    assert any(command.split()[0] == "run" for command in command_lines(marked_in_fence(MARKS[0])))


def marked_in_fence(mark: str) -> str:
    return f"```sh\n{marked_command(read('README.md'), mark)}\n```"


def test_every_command_parses() -> None:
    commands = list(command_lines(read("README.md")))
    assert commands
    assert [command for command in commands if not parses(command)] == []


def test_every_path_exists() -> None:
    written = paths(read("README.md"))
    assert [path for path in written if not (ROOT / path).exists()] == []


def test_changelog_names_the_version() -> None:
    assert re.search(rf"^#+ .*{re.escape(__version__)}\b", read("CHANGELOG.md"), re.MULTILINE)


SAMPLE = """
Run it: `ondevice --version`, then `ondevice run --sets 3` or `ondevice export` and `ondevice` alone.

```sh
python3 -m venv .venv && .venv/bin/ondevice train --out RUN \\
    --set NAME=VALUE  # a remark
```

```text
$ ondevice validate BUNDLE --users N | tee log
ondevice: not a command
```

See `ondevice/cli/`, `no/such/folder/`, `methods.py` and `pip install ondevice`.
"""


def test_commands_are_found() -> None:
    commands = list(command_lines(SAMPLE))
    assert [command.split()[0] for command in commands] == ["train", "validate", "--version", "run", "export"]
    assert [parses(command) for command in commands] == [True, True, True, False, True]


def test_paths_are_found() -> None:
    assert paths(SAMPLE) == ["ondevice/cli/", "no/such/folder/", "methods.py"]


def test_mark_without_its_block_is_refused() -> None:
    text = "<!-- main command -->\n```sh\none\ntwo\n```\n<!-- test command -->\n\n```sh\none\n```\n"
    for mark in MARKS:
        with pytest.raises(AssertionError, match="must be followed directly"):
            marked_command(text, mark)
    assert marked_command("<!-- main command -->\n```sh\none && two\n```\n", MARKS[0]) == "one && two"
