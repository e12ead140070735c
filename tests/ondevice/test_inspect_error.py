"""`ondevice inspect BUNDLE` shows what encoding the tables changed."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from ondevice import records
from ondevice.bundle import MANIFEST_FILE, MODEL_FILE
from ondevice.cli.commands import inspect as command
from ondevice.encoding_error import EncodingError, WorstId
from tests.converters.tiny_models import plain
from tests.manifests import EXACT, embedding, manifest

ERROR = EncodingError(4, 42.04, 0.99995, 0.98, 0.125, (WorstId(3, "b :key: [x]", 0.5, 0.98),), {"u": 0.2, "v": 0.9})

SHOWN = """
encoding changes the 4 vectors of layer items [x]
  signal to noise  42.0 dB
  cosine           mean 0.999950, least 0.980000
  largest error    0.125

table     of the squared error
v         90.0%
u         20.0%

changed most  id  error  cosine
b :key: [x]   3   0.5    0.980000
"""


def shown(folder: Path, errors: dict[str, EncodingError], capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Return what the command prints of a bundle with these errors, by layer, in its manifest."""
    (folder / MODEL_FILE).write_bytes(plain())
    written = manifest(embeddings=tuple(embedding(layer=layer, error=error) for layer, error in errors.items()))
    records.write(folder / MANIFEST_FILE, written)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args([str(folder), *options])) == 0
    return "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines()) + "\n"


def test_the_error_is_shown_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert SHOWN in shown(tmp_path, {"items [x]": ERROR}, capsys)


def test_exact_tables_take_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(tmp_path, {"items": EncodingError(4, None, 1.0, 1.0, 0.0, (), {"v": 0.0})}, capsys)
    assert "\nencoding changes none of the 4 vectors of layer items\n" in text
    assert "signal" not in text


def test_every_layer_has_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(tmp_path, {"items": EXACT, "users": ERROR}, capsys)
    assert text.index("none of the 4 vectors of layer items") < text.index("the 4 vectors of layer users")


def test_a_model_without_embeddings_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "encoding" not in shown(tmp_path, {}, capsys)


def test_json_carries_the_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads(shown(tmp_path, {"items": ERROR}, capsys, "--json"))
    assert records.from_json(EncodingError, content["errors"]["items"], "error") == ERROR
