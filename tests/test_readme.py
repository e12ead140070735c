"""What the READMEs say is so: commands parse, paths exist, links resolve, Python runs, and CI runs the test command."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ondevice.cli.main import command_modules, make_parser
from ondevice.version import __version__

ROOT = Path(__file__).parent.parent
TOP = "README.md"
FOLDERS = ("android_demo", "converters", "ondevice", "tests")
MOST_LINES = 250
"""Lines of the top README; what doesn't fit stands in the README of its folder."""
FEWEST_OTHERS = 8

MARKS = ("<!-- main command -->", "<!-- test command -->")
NEED_DATA: frozenset[str] = frozenset()
"""Names of Python blocks that need data which are not part of the project, and so are not run."""

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^(?:<!-- python (\S+) -->\n)?```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*")
PROGRAM = re.compile(r"(\S*/)?ondevice|(\S*/)?python\S* -m ondevice")
SCRIPT = re.compile(r"^(?:\S*/)?python\S* ([\w./-]+\.py)\b", re.MULTILINE)


def documents(pattern: str) -> list[str]:
    """Return the Markdown files of the project that have such a name; what is built or fetched is not among them."""
    found = [path for path in ROOT.glob("*.md") if re.fullmatch(pattern, path.name)]
    for top in FOLDERS:
        for folder, below, names in os.walk(ROOT / top):
            below[:] = [name for name in below if not name.startswith(".") and name != "target"]
            found += [Path(folder) / name for name in names if re.fullmatch(pattern, name)]
    return sorted(str(path.relative_to(ROOT)) for path in found)


READMES = documents(r"README\.md")


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
    """Give every `ondevice ...` command of a README: the lines of its blocks and what stands in backticks."""
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
    """Return what stands in backticks and looks like a folder or a Python file of the project, and scripts that run."""
    found = re.findall(r"(?<!`)`([\w.@/-]+(?:/|\.py))`(?!`)", FENCE.sub("", text))
    scripts = [script for _, block in FENCE.findall(text) for script in SCRIPT.findall(block)]
    return [path for path in [*found, *scripts] if not path.startswith(("/", "-"))]


def exists(path: str, readme: str) -> bool:
    """Tell whether a path is one of the project, or the end of one below the folder that the README is about."""
    folder = (ROOT / readme).parent
    return (ROOT / path).exists() or (folder != ROOT and any(folder.rglob(path)))


def anchors(text: str) -> set[str]:
    """Return what links can name within a document: its headings as GitHub writes them."""
    headings = HEADING.findall(FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def broken_links(text: str, document: str) -> list[str]:
    """Return the links of a document to files that are not there, and to headings that their files don't have."""
    broken = []
    for link in LINK.findall(FENCE.sub("", text)):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    return broken


def python_blocks() -> list[tuple[str, str, str]]:
    """Return README, name and text of every Python block; the name is that of the mark above it."""
    return [(readme, name, block) for readme in READMES for name, block in PYTHON.findall(read(readme))]


def printed(readme: str, name: str) -> str | None:
    """Return what a README says that a Python block prints, None where it says nothing."""
    mark = f"<!-- python {name} prints -->"
    found = re.search(rf"^{re.escape(mark)}\n```text\n(.*?)^```$", read(readme), re.MULTILINE | re.DOTALL)
    return found[1] if found else None


@pytest.mark.parametrize("mark", MARKS)
def test_marked_block_is_one_command(mark: str) -> None:
    command = marked_command(read(TOP), mark)
    assert command == command.strip()
    assert not command.endswith("\\")


def test_two_blocks_of_commands() -> None:
    languages = [language for language, _ in FENCE.findall(read(TOP))]
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
    assert found.stdout == marked_command(read(TOP), MARKS[1])
    assert 'sh -ec "$command"' in script


def test_test_command_runs_these_tests() -> None:
    assert "pytest" in marked_command(read(TOP), MARKS[1])


def test_main_command_is_the_program() -> None:
    assert any(command.split()[0] == "run" for command in command_lines(marked_in_fence(MARKS[0])))


def marked_in_fence(mark: str) -> str:
    return f"```sh\n{marked_command(read(TOP), mark)}\n```"


def test_top_readme_is_short() -> None:
    assert len(read(TOP).splitlines()) <= MOST_LINES
    assert TOP in READMES
    assert len(READMES) > FEWEST_OTHERS


@pytest.mark.parametrize("readme", READMES)
def test_every_command_parses(readme: str) -> None:
    assert [command for command in command_lines(read(readme)) if not parses(command)] == []


def test_commands_are_shown() -> None:
    assert all(list(command_lines(read(readme))) for readme in (TOP, "ondevice/data/README.md"))


@pytest.mark.parametrize("readme", READMES)
def test_every_path_exists(readme: str) -> None:
    assert [path for path in paths(read(readme)) if not exists(path, readme)] == []


@pytest.mark.parametrize("document", documents(r".*\.md"))
def test_every_link_resolves(document: str) -> None:
    assert broken_links(read(document), document) == []


@pytest.mark.parametrize("readme", [readme for readme in READMES if readme != TOP])
def test_top_readme_leads_to_every_other(readme: str) -> None:
    assert f"({readme}" in read(TOP)


def test_every_python_block_has_a_name_of_its_own() -> None:
    names = [name for _, name, _ in python_blocks()]
    assert "example" in names
    assert "" not in names, "a Python block must follow directly upon <!-- python NAME -->"
    assert len(set(names)) == len(names)
    assert set(names) >= NEED_DATA


@pytest.mark.parametrize("name", [name for _, name, _ in python_blocks() if name not in NEED_DATA])
def test_python_block_runs(name: str, tmp_path: Path) -> None:
    readme, block = next((readme, block) for readme, each, block in python_blocks() if each == name)
    (tmp_path / "block.py").write_text(block, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "block.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert printed(readme, name) in (None, ran.stdout)


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


def test_scripts_are_found() -> None:
    assert paths("```console\n.venv/bin/python tests/no.py --out FILE\n```\n") == ["tests/no.py"]


def test_paths_below_the_readme_are_found() -> None:
    assert exists("ui/", "android_demo/README.md")
    assert not exists("ui/", "converters/README.md")
    assert not exists("ui/", TOP)


def test_broken_links_are_found() -> None:
    text = "# One two: `three`\n\n[a](tests/) [b](#one-two-three) [c](#two) [d](no.md) [e](https://example.org)\n"
    assert anchors(text) == {"one-two-three"}
    assert broken_links(f"{text}\n[f](CHANGELOG.md#no)\n", "README.md") == [
        "#one-two-three",
        "#two",
        "no.md",
        "CHANGELOG.md#no",
    ]


def test_python_blocks_without_a_name_are_found() -> None:
    text = "<!-- python one -->\n```python\n1\n```\n\n```python\n2\n```\n"
    assert PYTHON.findall(text) == [("one", "1\n"), ("", "2\n")]


def test_mark_without_its_block_is_refused() -> None:
    text = "<!-- main command -->\n```sh\none\ntwo\n```\n<!-- test command -->\n\n```sh\none\n```\n"
    for mark in MARKS:
        with pytest.raises(AssertionError, match="must be followed directly"):
            marked_command(text, mark)
    assert marked_command("<!-- main command -->\n```sh\none && two\n```\n", MARKS[0]) == "one && two"
