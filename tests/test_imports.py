"""Every module can be imported, TensorFlow stays where it is needed, and the command line starts at once."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ondevice
import ondevice.converters

ROOT = Path(__file__).parent.parent

NEED_TENSORFLOW = (
    "ondevice.compression.apply",
    "ondevice.compression.plan",
    "ondevice.compression.usage",
    "ondevice.converters.constants",
    "ondevice.converters.convert",
    "ondevice.converters.converted",
    "ondevice.converters.cut_off",
    "ondevice.converters.heads",
    "ondevice.converters.inputs",
    "ondevice.converters.lower",
    "ondevice.converters.orders",
    "ondevice.converters.program",
    "ondevice.converters.signature",
    "ondevice.converters.stock",
    "ondevice.converters.structure",
    "ondevice.converters.tables",
    "ondevice.converters.tflite",
    "ondevice.converters.verify",
    "ondevice.embeddings.fit_tables",
    "ondevice.embeddings.initializers",
    "ondevice.embeddings.layer",
    "ondevice.embeddings.swap",
    "ondevice.embeddings.tensorflow_ops",
    "ondevice.embeddings.vectors",
    "ondevice.models.dropout",
    "ondevice.models.network",
    "ondevice.models.pooling",
    "ondevice.models.scores",
    "ondevice.topk.best",
    "ondevice.topk.runs",
    "ondevice.training.checkpoints",
    "ondevice.training.examples",
    "ondevice.training.fit",
    "ondevice.training.gentle",
    "ondevice.training.row_gradients",
    "ondevice.training.loss",
    "ondevice.training.reference",
    "ondevice.training.score",
    "ondevice.training.start",
    "ondevice.training.teacher",
)
"""Only these may import TensorFlow or Keras; a command that needs none of them starts without the wait."""

STARTS_PROGRAM = "ondevice.__main__"
ALL = sorted(
    module.name
    for package in (ondevice,)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if module.name != STARTS_PROGRAM
)

ONE_BY_ONE = """
import importlib, sys
before = set(sys.modules)
for name in sys.argv[1:]:
    # Own modules are forgotten, so that each one has to bring in by itself what it needs.
    for loaded in [each for each in sys.modules if each.partition(".")[0] == "ondevice"]:
        del sys.modules[loaded]
    importlib.import_module(name)
    heavy = {each.partition(".")[0] for each in set(sys.modules) - before} & {"tensorflow", "keras"}
    if heavy:
        sys.exit(f"{name} imports {' and '.join(sorted(heavy))}")
"""


def python(*arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run a fresh interpreter on the sources."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    environment.pop("PYTHONWARNINGS", None)
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, env=environment, check=False)


def test_list_is_of_existing_modules() -> None:
    assert set(NEED_TENSORFLOW) <= set(ALL)


def test_light_modules_import_alone_without_tensorflow_and_warnings() -> None:
    done = python("-W", "error", "-c", ONE_BY_ONE, *(name for name in ALL if name not in NEED_TENSORFLOW))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_heavy_modules_import_and_are_heavy() -> None:
    code = f"import importlib, sys\nfor name in {NEED_TENSORFLOW!r}: importlib.import_module(name)\n"
    done = python("-c", f"{code}print('keras' in sys.modules)")
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    for name in NEED_TENSORFLOW:
        text = (ROOT / name.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
        needs = any(f"import {heavy}" in text for heavy in ("tensorflow", "keras"))
        needs |= any(f"from {heavy} import" in text for heavy in NEED_TENSORFLOW)
        assert needs, f"{name} needs no TensorFlow itself; take it off the list or make it light"


def test_help_is_fast_and_light() -> None:
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        done = python("-m", "ondevice", "--help")
        seconds.append(time.perf_counter() - started)
        assert (done.returncode, done.stderr) == (0, "")
    # The best of three: the machine may be busy, the program may not be slow.
    assert min(seconds) < 0.5
    code = "import sys; from ondevice.cli.main import make_parser; make_parser().format_help(); print(*sys.modules)"
    loaded = {name.partition(".")[0] for name in python("-c", code).stdout.split()}
    assert "ondevice" in loaded
    assert not loaded & {"tensorflow", "keras", "scipy", "matplotlib", "rich"}


@pytest.mark.parametrize("name", ondevice.API)
def test_api_name_is_a_function_of_its_own_module(name: str) -> None:
    function = getattr(ondevice, name)
    assert callable(function)
    home = ondevice.HOMES.get(name, f"ondevice.pipeline.{name}")
    assert (function.__module__, function.__name__) == (home, name)
    assert function.__doc__


@pytest.mark.parametrize("name", ondevice.HOMES)
def test_every_other_name_is_where_it_is_said_to_be(name: str) -> None:
    found = getattr(ondevice, name)
    assert (found.__module__, found.__name__) == (ondevice.HOMES[name], name)
    assert found.__doc__


def test_no_name_is_hidden_by_a_package() -> None:
    """A package that is imported becomes an attribute, in place of a function of the same name."""
    packages = {module.name for module in pkgutil.iter_modules(ondevice.__path__)}
    assert not packages & {*ondevice.API, *ondevice.HOMES}


def test_unknown_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'ondevice' has no attribute 'trian'"):
        ondevice.trian  # noqa: B018


def test_every_pipeline_module_is_in_the_api() -> None:
    import ondevice.pipeline

    modules = {module.name for module in pkgutil.iter_modules(ondevice.pipeline.__path__)}
    # Plans, results and the size asked for are data that steps share; devices are this machine's affair, and `web` is
    # the name of a package. What is done for a user's own model is a part of export and validation.
    parts = {
        "answers",
        "frame",
        "own_examples",
        "own_model",
        "own_vectors",
        "prove",
        "plan",
        "grid",
        "sweep_plan",
        "sweep_results",
        "sweep_compare",
        "quality",
        "size",
        "conversion",
        "devices",
        "web",
    }
    assert parts <= modules
    assert {ondevice.HOMES.get(name, name).rpartition(".")[2] for name in ondevice.API} == modules - parts
