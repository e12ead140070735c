"""What a target file says of a runtime is what the runtime installed here does."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import Any

import pytest
import tiny_models

from ondevice.converters import target
from ondevice.converters.op_versions import RELEASES, order
from ondevice.converters.target import Target
from ondevice.devices.runtimes import RUNTIMES, installed_version
from ondevice.errors import OnDeviceError, UsageError

INSTALLED = {"tflite-2.14": "tflite-2.14", "litert-2.3": "litert"}
"""The targets whose runtime is installed for the tests."""

LOADER = """
import base64, importlib, json, sys
runtime = importlib.import_module(sys.argv[1])
refused = []
for name, content in json.load(sys.stdin).items():
    try:
        runtime.Interpreter(model_content=base64.b64decode(content))
    except ValueError as error:
        # Of some operations the file lacks the settings or inputs, which a runtime notices once it has found them.
        if "Didn't find op" in str(error) or "builtin_code out of range" in str(error):
            refused.append(name)
print(json.dumps(refused))
"""


def test_the_targets_are_these() -> None:
    assert target.names() == ["litert-1.4", "litert-2.0", "litert-2.1", "litert-2.3", "tflite-2.14"]


@pytest.mark.parametrize("name", target.names())
def test_releases_are_those_of_the_table(name: str) -> None:
    found = target.load(name)
    assert found.release in {"2.14.0", *RELEASES.values()}
    newest = max(RELEASES.values(), key=order)
    assert found.has("1.5.0")
    assert found.has(newest) == (found.release == newest)


@pytest.mark.parametrize("name", INSTALLED)
def test_a_runtime_loads_the_versions_up_to_its_release_and_no_others(name: str) -> None:
    """The table of operations against the runtimes themselves, entry by entry."""
    runtime = RUNTIMES[INSTALLED[name]]
    assert name.rpartition("-")[2] == ".".join((installed_version(runtime) or "").split(".")[:2])
    files = {
        f"{operation} {version}": tiny_models.with_operation(tiny_models.plain(), operation, version)
        for operation, version in RELEASES
    }
    request = json.dumps({key: base64.b64encode(content).decode() for key, content in files.items()})
    answer = subprocess.run(
        [sys.executable, "-c", LOADER, runtime.module], input=request, capture_output=True, text=True, check=True
    )
    refused = set(json.loads(answer.stdout.splitlines()[-1]))
    chosen = target.load(name)
    newer = {key for key, release in RELEASES.items() if not chosen.has(release) and not chosen.has_ahead(*key)}
    assert refused == {f"{operation} {version}" for operation, version in newer}


def test_unknown_target_is_named() -> None:
    with pytest.raises(UsageError, match=r"unknown target runtime 'litert-2\.4', did you mean 'litert-2\."):
        target.load("litert-2.4")


def statements(**changes: Any) -> Target:
    fields: dict[str, Any] = {
        "release": "2.14.0",
        "int8_dense": (),
        "int4_dense": (),
        "float16_gather": False,
        "int4_gather": False,
        "ahead": {},
    }
    sources = {name: "measured" for name in fields}
    return Target(**{"name": "x", "title": "x", "sources": sources, **fields, **changes})


def test_a_statement_without_a_source_is_refused() -> None:
    assert statements().release == "2.14.0"
    with pytest.raises(
        OnDeviceError, match=r"sources are of \['release'\]; allowed is one of each of \['ahead', 'float16_"
    ):
        statements(sources={"release": "measured"})


def test_unknown_granularity_is_refused() -> None:
    with pytest.raises(OnDeviceError, match=r"int8_dense is \['per_row'\]; allowed are any of \['per_tensor', "):
        statements(int8_dense=("per_row",))


@pytest.mark.parametrize(
    ("file", "minimum", "expected"),
    [
        ("tflite-2.14", "2.8.0", ["tflite-2.14", "litert"]),
        ("litert-2.3", "2.8.0", ["tflite-2.14", "litert"]),
        ("litert-2.3", "2.17.0", ["litert"]),
        # What is wrong for its own target, and what is for none, every runtime has to judge.
        ("tflite-2.14", "2.17.0", ["tflite-2.14", "litert"]),
        ("", "2.17.0", ["tflite-2.14", "litert"]),
    ],
)
def test_a_file_is_for_runtimes_that_are_new_enough(file: str, minimum: str, expected: list[str]) -> None:
    assert target.runtimes_for(file, minimum, ["tflite-2.14", "litert"]) == expected


def test_a_device_without_such_a_runtime_is_refused() -> None:
    words = (
        r"^the file is for litert-2\.3 and needs runtime 2\.17\.0, which tflite-2\.14 does not have; choose a device"
    )
    with pytest.raises(OnDeviceError, match=words):
        target.runtimes_for("litert-2.3", "2.17.0", ["tflite-2.14"])


def test_members_are_found_by_their_files() -> None:
    assert {path.name for path in target.family.folder.iterdir()} == {f"{name}.toml" for name in target.names()}
