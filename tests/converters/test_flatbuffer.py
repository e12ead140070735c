"""The reader agrees with the generated one, and damage of any kind ends in one proper error."""

from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
from tensorflow.lite.python import schema_py_generated as tf_schema

from ondevice.converters import flatbuffer, lint, target
from ondevice.converters.flatbuffer_table import MAX_ENTRIES, Source
from ondevice.errors import OnDeviceError, UsageError

FILES = {
    "plain": tiny_models.plain,
    "dynamic range": lambda: tiny_models.dynamic_range(True),
    "float16": tiny_models.float16,
    "flex": tiny_models.flex,
    "stateful": tiny_models.stateful,
}


def _names(enumeration: type) -> dict[int, str]:
    return {code: name for name, code in vars(enumeration).items() if isinstance(code, int)}


def test_histogram_and_sizes_of_a_known_file() -> None:
    content = tiny_models.plain()
    summary = flatbuffer.read(content)
    assert summary.op_histogram == {"FULLY_CONNECTED": 1, "GATHER": 1, "MEAN": 1}
    assert summary.file_bytes == len(content)
    # Table 40 x 8 and kernel 8 x 256 in float32, the axis of the mean in int32.
    assert summary.weight_bytes == 4 * (40 * 8 + 8 * 256 + 1)
    assert summary.overhead_bytes == len(content) - summary.weight_bytes
    assert summary.schema_version == 3
    assert summary.minimum_runtime == "1.6.0"


def test_signature_of_a_known_file() -> None:
    (signature,) = flatbuffer.read(tiny_models.plain()).signatures
    assert signature.name == "serving_default"
    assert [(item.name, item.shape, item.dtype) for item in signature.inputs] == [("ids", (1, 5), "int32")]
    assert [(item.name, item.shape, item.dtype) for item in signature.outputs] == [("scores", (1, 256), "float32")]


@pytest.mark.parametrize("name", FILES)
def test_equals_the_generated_reader(name: str) -> None:
    content = FILES[name]()
    summary = flatbuffer.read(content)
    model: Any = tf_schema.ModelT.InitFromObj(tf_schema.Model.GetRootAs(content))
    builtin, types = _names(tf_schema.BuiltinOperator), _names(tf_schema.TensorType)
    expected_operators, expected_tensors = [], []
    for index, graph in enumerate(model.subgraphs):
        first = len(expected_tensors)
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer].data
            scale = tensor.quantization.scale if tensor.quantization else None
            shape = () if tensor.shape is None else tuple(int(size) for size in tensor.shape)
            size = 0 if data is None else len(data)
            scales = 0 if scale is None else len(scale)
            expected_tensors.append((index, tensor.name.decode(), shape, types[tensor.type].lower(), size, scales))
        for operator in graph.operators or []:
            code = model.operatorCodes[operator.opcodeIndex]
            kind = builtin[max(code.builtinCode, code.deprecatedBuiltinCode)]
            inputs = [] if operator.inputs is None else list(operator.inputs)
            shifted = tuple(int(item) + first if item >= 0 else -1 for item in inputs)
            custom = kind == "CUSTOM"
            name_ = code.customCode.decode() if custom else kind
            expected_operators.append((index, name_, code.version, custom, shifted))
    assert [
        (item.subgraph, item.name, item.version, item.custom, item.inputs) for item in summary.operators
    ] == expected_operators
    assert [
        (item.subgraph, item.name, item.shape, item.dtype, item.buffer_bytes, item.scales) for item in summary.tensors
    ] == expected_tensors
    assert [tensor.index for tensor in summary.tensors] == list(range(len(summary.tensors)))


def test_constants_are_viewed_in_bytes_and_in_a_file(tmp_path: Path) -> None:
    content = tiny_models.plain()
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    for source in (content, path):
        summary = flatbuffer.read(source)
        table = next(tensor for tensor in summary.constants if tensor.shape == (40, 8))
        values = flatbuffer.buffer_of(source, table)
        np.testing.assert_array_equal(values, tiny_models.TABLE)
        assert not values.flags.writeable


def test_computed_tensor_has_no_data() -> None:
    summary = flatbuffer.read(tiny_models.plain())
    computed = next(tensor for tensor in summary.tensors if not tensor.buffer_bytes)
    with pytest.raises(UsageError, match="is computed"):
        flatbuffer.buffer_of(tiny_models.plain(), computed)


def test_data_of_another_size_than_the_shape_is_refused() -> None:
    content = tiny_models.retyped_table(tiny_models.plain(), tf_schema.TensorType.INT8)
    table = next(tensor for tensor in flatbuffer.read(content).constants if tensor.shape == (40, 8))
    with pytest.raises(OnDeviceError, match=r"1280 bytes of data, which is not int8 of shape \[40, 8\]"):
        flatbuffer.buffer_of(content, table)


def test_packed_types_come_as_bytes() -> None:
    content = tiny_models.retyped_table(tiny_models.plain(), tf_schema.TensorType.INT4)
    table = next(tensor for tensor in flatbuffer.read(content).constants if tensor.shape == (40, 8))
    assert (table.dtype, flatbuffer.buffer_of(content, table).shape) == ("int4", (1280,))


def test_appended_bytes_are_allowed() -> None:
    content = tiny_models.plain()
    summary = flatbuffer.read(content + b"PK metadata")
    assert summary.overhead_bytes == flatbuffer.read(content).overhead_bytes + 11


def test_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no\.tflite' does not exist"):
        flatbuffer.read(tmp_path / "no.tflite")


@pytest.mark.parametrize("content", [b"", b"TFL3", b"PK\3\4 this is a zip", b"\0" * 64], ids=repr)
def test_other_files_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.tflite"
    path.write_bytes(content)
    with pytest.raises(OnDeviceError, match=r"other\.tflite' is not a readable TFLite file: .*\.$"):
        flatbuffer.read(path)


def _everything(content: bytes) -> None:
    """Read all that can be read; any error but an `OnDeviceError` is a defect."""
    with contextlib.suppress(OnDeviceError):
        summary = flatbuffer.read(content)
        for name in target.names():
            lint.check(summary, name)
        for tensor in summary.constants:
            flatbuffer.buffer_of(content, tensor)
        lint.minimum_runtime(summary)


@pytest.mark.parametrize("name", FILES)
def test_truncated_files(name: str) -> None:
    content = FILES[name]()
    for length in range(0, len(content), 64):
        _everything(content[:length])
    with pytest.raises(OnDeviceError, match="not a readable TFLite file"):
        flatbuffer.read(content[: len(content) // 2])


@pytest.mark.parametrize("name", FILES)
def test_flipped_bits(name: str) -> None:
    content = FILES[name]()
    generator = random.Random(20240517)
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(generator.choice((1, 1, 4))):
            damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
        _everything(bytes(damaged))


def test_every_flip_of_the_highest_bits_of_a_word_is_quick() -> None:
    # The highest bits of a length or an offset are what could ask for gigabytes or for minutes.
    content = tiny_models.float16()
    start = time.monotonic()
    for position in range(3, len(content), 4):
        damaged = bytearray(content)
        damaged[position] ^= 0x40
        _everything(bytes(damaged))
    assert time.monotonic() - start < 60


def test_claimed_lengths_are_limited() -> None:
    source = Source(memoryview(b""), "the model")
    with pytest.raises(OnDeviceError, match="claims to describe more than"):
        source.spend(MAX_ENTRIES + 1)


def test_three_gigabytes_are_read_at_once(tmp_path: Path) -> None:
    size = 3_000_000_000

    def move_table_behind(model: Any) -> None:
        table = next(tensor for tensor in model.subgraphs[0].tensors if list(tensor.shape) == [40, 8])
        table.shape = [size // 4, 1]
        model.buffers[table.buffer].data = None
        model.buffers[table.buffer].offset = 65536
        model.buffers[table.buffer].size = size

    path = tmp_path / "large.tflite"
    path.write_bytes(tiny_models.edited(tiny_models.plain(), move_table_behind))
    with path.open("r+b") as file:
        # Sparse: the file system stores none of these zeros.
        file.truncate(65536 + size)
    start = time.monotonic()
    summary = flatbuffer.read(path)
    assert time.monotonic() - start < 1
    table = max(summary.constants, key=lambda tensor: tensor.buffer_bytes)
    assert table.buffer_bytes == size
    assert flatbuffer.buffer_of(path, table)[-1, 0] == 0
    with path.open("r+b") as file:
        file.truncate(65536 + size - 1)
    with pytest.raises(OnDeviceError, match=rf"refers to bytes 65536 to {65536 + size}"):
        flatbuffer.read(path)
