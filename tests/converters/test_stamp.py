"""After any edit a file says truly which operation versions and which release it needs, and works as before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tiny_models
from ai_edge_litert import schema_py_generated as schema

from converters import flatbuffer, lint
from converters.sharing import share_constants
from converters.stamp import stamped
from ondevice.devices.device import Job
from ondevice.devices.kinds.host import Host
from ondevice.errors import OnDeviceError

IDS = np.array([[[0, 7, 39, 1, 1]], [[5, 6, 7, 8, 9]]], np.int32)


def versions(content: bytes) -> dict[str, int]:
    return {operator.name: operator.version for operator in flatbuffer.read(content).operators}


def answers(content: bytes, runtime: str, folder: Any) -> np.ndarray:
    path = folder / "model.tflite"
    path.write_bytes(content)
    outcome = Host().run(Job(path, runtime, "serving_default", {"ids": IDS}))
    assert outcome.measurement.ok, outcome.measurement.message
    return outcome.outputs["scores"]


@pytest.mark.parametrize("make", [tiny_models.plain, lambda: tiny_models.dynamic_range(True), tiny_models.float16])
def test_what_the_converter_wrote_is_left_as_it_is(make: Any) -> None:
    assert stamped(make()) is make()


@pytest.mark.parametrize(
    ("bits", "granularity", "version", "release"),
    [(8, "TENSORWISE", 3, "1.14.0"), (8, "CHANNELWISE", 12, "2.17.0"), (4, "TENSORWISE", 1, "2.14.0")],
)
def test_quantized_dense_layers_get_their_version(bits: int, granularity: str, version: int, release: str) -> None:
    before = tiny_models.edge_quantized(bits, granularity)
    assert (versions(before)["FULLY_CONNECTED"], flatbuffer.read(before).minimum_runtime) == (1, "1.6.0")
    after = stamped(before)
    assert versions(after) == {**versions(before), "FULLY_CONNECTED": version}
    summary = flatbuffer.read(after)
    assert (summary.minimum_runtime, lint.minimum_runtime(summary)) == (release, release)
    assert stamped(after) is after
    # Nothing else has changed, and the other reader agrees.
    one, other = (schema.ModelT.InitFromObj(schema.Model.GetRootAs(content)) for content in (before, after))
    assert [code.builtinCode for code in other.operatorCodes] == [code.builtinCode for code in one.operatorCodes]
    assert len(after) - len(before) < 64
    assert [(t.name, t.buffer_offset) for t in summary.tensors] == [
        (t.name, t.buffer_offset) for t in flatbuffer.read(before).tensors
    ]


@pytest.mark.parametrize("runtime", Host().installed())
def test_a_stamped_file_answers_as_before(runtime: str, tmp_path: Any) -> None:
    before = tiny_models.edge_quantized(8, "TENSORWISE")
    np.testing.assert_array_equal(answers(stamped(before), runtime, tmp_path), answers(before, runtime, tmp_path))


def test_a_runtime_that_would_answer_zeros_refuses_the_stamped_file(tmp_path: Any) -> None:
    before = tiny_models.edge_quantized(8, "CHANNELWISE")
    assert not answers(before, "tflite-2.14", tmp_path).any()
    (tmp_path / "stamped.tflite").write_bytes(stamped(before))
    outcome = Host().run(Job(tmp_path / "stamped.tflite", "tflite-2.14", "serving_default", {"ids": IDS}))
    assert "FULLY_CONNECTED' version '12'" in outcome.measurement.message


@pytest.mark.parametrize("wrong", [b"1.5.0\0", b"2.23.0"])
def test_a_wrong_release_is_put_right_in_place(wrong: bytes) -> None:
    content = tiny_models.plain()
    edited = content.replace(b"1.6.0\0", wrong)
    assert flatbuffer.read(edited).minimum_runtime != "1.6.0"
    assert stamped(edited) == content


def test_a_file_that_says_no_release_gets_none() -> None:
    def forget(model: Any) -> None:
        model.metadata = None

    content = tiny_models.edited(tiny_models.plain(), forget)
    assert stamped(content) is content


def test_sharing_constants_keeps_the_release() -> None:
    content = share_constants(tiny_models.plain())
    assert flatbuffer.read(content).minimum_runtime == "1.6.0"
    assert stamped(content) is content


def test_operations_that_no_runtime_has_are_an_error() -> None:
    with pytest.raises(OnDeviceError, match="'FlexFloorDiv' is custom"):
        stamped(tiny_models.flex())
