"""After any edit a file says truly which operation versions and which release it needs, and works as before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from ondevice.converters import flatbuffer, lint
from ondevice.converters.passes import deduplicate, stamp
from ondevice.devices.kinds.host import Host
from ondevice.errors import OnDeviceError
from tests.converters import tiny_models
from tests.converters.look_ups import asked

IDS = np.array([[[0, 7, 39, 1, 1]], [[5, 6, 7, 8, 9]]], np.int32)


def versions(content: bytes) -> dict[str, int]:
    return {operator.name: operator.version for operator in flatbuffer.read(content).operators}


def answers(content: bytes, runtime: str, folder: Any) -> np.ndarray:
    return asked(content, IDS, runtime, folder).outputs["scores"]


def written(content: bytes) -> bytes:
    """Return a file as the writer has it."""
    return tiny_models.passed(content)


def stamped(content: bytes) -> bytes:
    return tiny_models.passed(content, stamp)


@pytest.mark.parametrize("make", [tiny_models.plain, lambda: tiny_models.dynamic_range(True), tiny_models.float16])
def test_what_the_converter_wrote_is_left_as_it_is(make: Any) -> None:
    assert stamped(make()) == written(make())


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
    assert stamped(after) == after
    # Nothing else has changed, and the other reader agrees.
    one, other = (schema.ModelT.InitFromObj(schema.Model.GetRootAs(content)) for content in (written(before), after))
    assert [code.builtinCode for code in other.operatorCodes] == [code.builtinCode for code in one.operatorCodes]
    assert abs(len(after) - len(written(before))) < 64
    assert [(t.name, t.shape, t.dtype, t.buffer_bytes, t.scales, t.quantized_dimension) for t in summary.tensors] == [
        (t.name, t.shape, t.dtype, t.buffer_bytes, t.scales, t.quantized_dimension)
        for t in flatbuffer.read(before).tensors
    ]
    for stored, given in zip(summary.constants, flatbuffer.read(before).constants, strict=True):
        np.testing.assert_array_equal(flatbuffer.buffer_of(after, stored), flatbuffer.buffer_of(before, given))


@pytest.mark.parametrize("runtime", Host().installed())
def test_a_stamped_file_answers_as_before(runtime: str, tmp_path: Any) -> None:
    before = tiny_models.edge_quantized(8, "TENSORWISE")
    np.testing.assert_array_equal(answers(stamped(before), runtime, tmp_path), answers(before, runtime, tmp_path))


def test_a_runtime_that_would_answer_zeros_refuses_the_stamped_file(tmp_path: Any) -> None:
    before = tiny_models.edge_quantized(8, "CHANNELWISE")
    assert not answers(before, "tflite-2.14", tmp_path).any()
    outcome = asked(stamped(before), IDS, "tflite-2.14", tmp_path, works=False)
    assert "FULLY_CONNECTED' version '12'" in outcome.measurement.message


@pytest.mark.parametrize("wrong", [b"1.5.0\0", b"2.23.0"])
def test_a_wrong_release_is_put_right(wrong: bytes) -> None:
    content = written(tiny_models.plain())
    edited = content.replace(b"1.6.0\0", wrong)
    assert flatbuffer.read(edited).minimum_runtime != "1.6.0"
    assert stamped(edited) == content


def test_a_file_that_says_no_release_gets_none() -> None:
    def forget(model: Any) -> None:
        model.metadata = None

    content = tiny_models.edited(tiny_models.plain(), forget)
    assert stamped(content) == written(content)
    assert flatbuffer.read(stamped(content)).minimum_runtime == ""


def test_sharing_constants_keeps_the_release() -> None:
    content = tiny_models.passed(tiny_models.plain(), deduplicate)
    assert flatbuffer.read(content).minimum_runtime == "1.6.0"
    assert stamped(content) == content


def test_operations_that_no_runtime_has_are_an_error() -> None:
    with pytest.raises(OnDeviceError, match="'FlexFloorDiv' is custom"):
        stamped(tiny_models.flex())
