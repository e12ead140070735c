"""What every command must satisfy, over the command files."""

from __future__ import annotations

import argparse
import re

import pytest

import ondevice
from ondevice.cli.main import command_modules, main
from ondevice.version import __version__

COMMANDS = command_modules()
NAMES = sorted(COMMANDS)


def typed(name: str) -> str:
    """Return a command's name as it is typed."""
    return name.replace("_", "-")


def test_commands_found_are_pinned() -> None:
    assert NAMES == [
        "android", "catalogue", "compress", "compress_table", "devices", "doctor", "export", "inspect", "join",
        "report", "run", "sweep", "train", "validate", "web",
    ]  # fmt: skip


def test_every_command_is_a_function_of_the_library() -> None:
    # `devices` is about this machine; `ondevice.devices` and `ondevice.web` are packages. What a model is fitted to is
    # seldom in files, and its classes never are.
    own = {name for name in ondevice.API if not name.endswith("_run") and name != "fit"}
    assert sorted({*own, "devices", "web"}) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_docstring_is_the_help(name: str) -> None:
    summary, _, rest = (COMMANDS[name].__doc__ or "").partition("\n")
    assert re.fullmatch(r"[A-Z].*\.", summary)
    assert not rest or rest.startswith("\n"), "the first line is a sentence of its own"


@pytest.mark.parametrize("name", NAMES)
def test_module_declares_arguments_and_run(name: str) -> None:
    module = COMMANDS[name]
    parser = argparse.ArgumentParser()
    assert module.add_arguments(parser) is None
    assert callable(module.run)
    for action in parser._actions:
        assert action.help, f"{action.dest} has a help text"


@pytest.mark.parametrize("name", NAMES)
def test_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([typed(name), "--help"])
    captured = capsys.readouterr()
    assert (stopped.value.code, captured.err) == (0, "")
    assert captured.out.startswith(f"usage: ondevice {typed(name)} ")
    summary = (COMMANDS[name].__doc__ or "").partition("\n")[0]
    assert summary in " ".join(captured.out.split())


REQUIRED = {
    "android": ["BUNDLE"],
    "compress": ["MODEL.keras", "--plan"],
    "compress_table": ["VECTORS", "--out", "BUNDLE"],
    "devices": ["list"],
    "export": ["RUN", "--out", "BUNDLE"],
    "inspect": ["FILE"],
    "join": ["SWEEP", "SWEEP", "--out", "FOLDER"],
    "report": ["FOLDER"],
    "sweep": ["--out", "FOLDER"],
    "train": ["--out", "RUN"],
    "validate": ["BUNDLE"],
    "web": ["BUNDLE", "--serve"],
}
"""Arguments without which the parser complains about something else first."""


@pytest.mark.parametrize("name", NAMES)
def test_unknown_option(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([typed(name), *REQUIRED.get(name, []), "--no-such-option"])
    captured = capsys.readouterr()
    assert (stopped.value.code, captured.out) == (2, "")
    assert captured.err.count("\n") == 1
    assert captured.err.startswith(f"ondevice {typed(name)}: error: ")
    assert "--no-such-option" in captured.err


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_missing_argument_is_named(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([typed(name)])
    captured = capsys.readouterr()
    assert (stopped.value.code, captured.out, captured.err.count("\n")) == (2, "", 1)
    assert captured.err.startswith(f"ondevice {typed(name)}: error: the following arguments are required: ")


@pytest.mark.parametrize(("arguments", "said"), [([], "required: COMMAND"), (["trian"], "invalid choice: 'trian'")])
def test_no_such_command(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    captured = capsys.readouterr()
    assert (stopped.value.code, captured.out, captured.err.count("\n")) == (2, "", 1)
    assert captured.err.startswith("ondevice: error: ")
    assert said in captured.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"ondevice {__version__}\n"


@pytest.mark.parametrize("name", NAMES)
def test_options_are_plain_words(name: str) -> None:
    parser = argparse.ArgumentParser()
    COMMANDS[name].add_arguments(parser)
    words = [option for action in parser._actions for option in action.option_strings if option.startswith("--")]
    assert len(words) == len(set(words))
    assert all(re.fullmatch(r"--[a-z]+(-[a-z]+)*", word) for word in words)
