"""One good bundle and copies of it to break."""

from __future__ import annotations

import shutil

import pytest

from ondevice.pipeline.export_run import export_run


@pytest.fixture(scope="session")
def good(tiny_run, tmp_path_factory):
    """A bundle and its run."""
    run = tiny_run("memcom block")
    return export_run(run.folder, tmp_path_factory.mktemp("good") / "bundle"), run


@pytest.fixture
def copy(good, tmp_path):
    """A copy of the good bundle, to be broken."""
    bundle, _ = good
    shutil.copytree(bundle.folder, tmp_path / "bundle")
    return tmp_path / "bundle"
