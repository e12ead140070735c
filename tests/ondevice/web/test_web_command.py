"""The command that writes the page, or serves it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request

import pytest

from ondevice import bundle as bundles
from ondevice.cli.main import main
from ondevice.errors import OnDeviceError
from ondevice.pipeline.web import write_page


def test_command_writes_the_page_and_says_how_to_open_it(bundle, tmp_path, capsys, monkeypatch) -> None:
    out = tmp_path / "page"
    assert main(["web", str(bundle.folder), "--out", str(out)]) == 0
    first, after = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"{re.escape(str(out))}: \d\d\.\d MB", first)
    assert after == f"Next: python3 -m http.server --directory {out}, then open http://localhost:8000"
    assert (out / "bundle" / bundles.MODEL_FILE).read_bytes() == bundle.model.read_bytes()
    assert main(["web", str(bundle.folder), "--out", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main(["web", str(bundle.folder), "--out", str(tmp_path / "other")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("ondevice: the page can't be written: the files of litert.js-2.5.3 are not installed; run: ")
    assert not (tmp_path / "other").exists()


def test_a_changed_bundle_becomes_no_page(bundle, tmp_path) -> None:
    shutil.copytree(bundle.folder, tmp_path / "bundle")
    with (tmp_path / "bundle" / bundles.VOCABULARY_FILE).open("a") as file:
        file.write("one more\n")
    with pytest.raises(OnDeviceError, match=r"vocab\.txt' was changed since export"):
        write_page(tmp_path / "bundle", tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_command_serves_the_page_until_interrupted(bundle, tmp_path) -> None:
    # A shell starts what it puts in the background with the signal ignored; then nothing would end this one.
    start = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    start += "from ondevice.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", start, "web", str(bundle.folder), "--serve", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(tmp_path)}
    ) as one:
        assert one.stdout is not None
        found = re.fullmatch(r"Open (http://127\.0\.0\.1:\d+/) in a browser; Ctrl-C ends it\.\n", one.stdout.readline())
        assert found is not None
        with urllib.request.urlopen(found[1]) as answer:
            assert b"On-device model" in answer.read()
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        one.send_signal(signal.SIGINT)
        try:
            assert one.wait(20) == 0
        finally:
            one.kill()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_can_be_none_is_wrong_usage(bundle, port, capsys) -> None:
    assert main(["web", str(bundle.folder), "--serve", f"--port={port}"]) == 2
    assert capsys.readouterr().err == f"ondevice: port is {port}; allowed is 0 to 65535.\n"
