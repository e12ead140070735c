"""Tiny `.tflite` files for tests, made by the stock converter or edited afterwards."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import flatbuffers
import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from ondevice.converters import flatbuffer
from ondevice.converters.model_file import ModelFile
from ondevice.converters.passes import Facts

ROWS, WIDTH, LENGTH = 40, 8, 5
TABLE = np.linspace(-1, 1, ROWS * WIDTH, dtype=np.float32).reshape(ROWS, WIDTH)
IDS = tf.TensorSpec([1, LENGTH], tf.int32, name="ids")


def convert(
    function: Callable[..., Any], *specs: tf.TensorSpec, holder: tf.Module | None = None, **settings: Any
) -> bytes:
    """Convert a function; `settings` are attributes of the converter or of its target specification."""
    concrete = tf.function(function, autograph=False).get_concrete_function(*specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], holder or tf.Module())
    for name, value in settings.items():
        setattr(converter if hasattr(converter, name) else converter.target_spec, name, value)
    return converter.convert()


def quantized(function: Callable[..., Any], *specs: tf.TensorSpec) -> bytes:
    """Convert with full-integer quantization, which writes newer operation versions."""

    def samples() -> Iterator[list[np.ndarray]]:
        for value in (0.25, 1.0):
            yield [np.full(spec.shape, value, spec.dtype.as_numpy_dtype) for spec in specs]

    return convert(function, *specs, optimizations=[tf.lite.Optimize.DEFAULT], representative_dataset=samples)


def pooled(ids: tf.Tensor) -> dict[str, tf.Tensor]:
    """Look up, average and score: GATHER, MEAN, FULLY_CONNECTED."""
    kernel = np.linspace(-1, 1, WIDTH * 256, dtype=np.float32).reshape(WIDTH, 256)
    return {"scores": tf.matmul(tf.reduce_mean(tf.gather(TABLE, ids), axis=1), kernel)}


@functools.cache
def plain() -> bytes:
    return convert(pooled, IDS)


@functools.cache
def dynamic_range(per_channel: bool) -> bytes:
    setting = {"_experimental_disable_per_channel_quantization_for_dense_layers": not per_channel}
    return convert(pooled, IDS, optimizations=[tf.lite.Optimize.DEFAULT], **setting)


@functools.cache
def float16() -> bytes:
    table = np.ones((200, WIDTH), np.float32)
    return convert(
        lambda ids: tf.gather(table, ids),
        IDS,
        optimizations=[tf.lite.Optimize.DEFAULT],
        supported_types=[tf.float16],
    )


@functools.cache
def flex() -> bytes:
    ids = tf.TensorSpec([1, LENGTH], tf.int64, name="ids")
    ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    return convert(lambda ids: tf.gather(TABLE, ids // 2), ids, supported_ops=ops)


@functools.cache
def custom() -> bytes:
    """The file of `flex` with an operation of an unknown maker in place of TensorFlow's."""

    def rename(model: Any) -> None:
        code = next(code for code in model.operatorCodes if code.customCode)
        code.customCode = b"MyLookup"

    return edited(flex(), rename)


@functools.cache
def decoded_whole() -> bytes:
    """Rows of a table that is decoded as a whole: the int8 constant is cast first and gathered from then."""
    rows = 200
    content = convert(lambda ids: tf.gather(np.ones((rows, WIDTH), np.float32), ids), IDS)

    def cast_before(model: Any) -> None:
        graph = model.subgraphs[0]
        [gather] = graph.operators
        stored = schema.TensorT(shape=[rows, WIDTH], type=schema.TensorType.INT8, name="stored", hasRank=True)
        stored.buffer = len(model.buffers)
        model.buffers.append(schema.BufferT(np.ones(rows * WIDTH, np.uint8)))
        graph.tensors[gather.inputs[0]].buffer = 0
        graph.tensors.append(stored)
        code = schema.OperatorCodeT(builtinCode=schema.BuiltinOperator.CAST, version=1)
        code.deprecatedBuiltinCode = schema.BuiltinOperator.CAST
        model.operatorCodes.append(code)
        cast = schema.OperatorT(opcodeIndex=1, inputs=[len(graph.tensors) - 1], outputs=[gather.inputs[0]])
        graph.operators.insert(0, cast)

    return edited(content, cast_before)


@functools.cache
def edge_quantized(bits: int, granularity: str) -> bytes:
    """The file of `plain` with dense weights quantized by ai-edge-quantizer."""
    from ai_edge_quantizer import qtyping, quantizer

    tool = quantizer.Quantizer(plain())
    tool.add_dynamic_config(
        regex=".*",
        operation_name=qtyping.TFLOperationName.FULLY_CONNECTED,
        num_bits=bits,
        granularity=qtyping.QuantGranularity[granularity],
    )
    return bytes(tool.quantize().quantized_model)


@functools.cache
def int16_times_int8() -> bytes:
    """A product of matrices of int16 and int8, of which no version number tells."""
    content = convert(
        lambda x: tf.matmul(tf.reshape(x, [2, 2, 4]), np.ones((2, 4, 2), np.float32)), tf.TensorSpec([4, 4], name="x")
    )

    def retype(model: Any) -> None:
        graph = model.subgraphs[0]
        [product] = [
            each for each in graph.operators if len(each.inputs) == 2 and len(graph.tensors[each.inputs[1]].shape) == 3
        ]
        graph.tensors[product.inputs[0]].type = schema.TensorType.INT16
        graph.tensors[product.inputs[1]].type = schema.TensorType.INT8

    return edited(content, retype)


@functools.cache
def overlapping() -> bytes:
    """The file of `plain` in which the first constant reaches into the next one."""
    content = bytearray(plain())
    (start, _), (after, size) = flatbuffer.read(bytes(content)).spans[:2]
    # Its length stands before it.
    content[start - 4 : start] = (after + size // 2 - start).to_bytes(4, "little")
    return bytes(content)


@functools.cache
def stateful() -> bytes:
    class Counting(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = tf.Variable(TABLE)

        def look_up(self, ids: tf.Tensor) -> tf.Tensor:
            # Written to, so that the converter cannot freeze it.
            self.table.assign_add(tf.ones_like(TABLE))
            return tf.gather(self.table, ids)

    holder = Counting()
    return convert(holder.look_up, IDS, holder=holder)


@functools.cache
def one_hot_lookup() -> bytes:
    """EMBEDDING_LOOKUP version 1, which the converter makes of a one-hot product."""
    ids = tf.TensorSpec([LENGTH], tf.int32, name="ids")
    return convert(lambda ids: tf.matmul(tf.one_hot(ids, ROWS), TABLE), ids)


def edited(content: bytes, edit: Callable[[Any], None]) -> bytes:
    """Change a file through the generated object reader and writer."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    edit(model)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def passed(content: bytes, *passes: Any) -> bytes:
    """Change a file by passes that need not know anything of the model."""
    file = ModelFile(content)
    for each in passes:
        each.apply(file, Facts({}, ()))
    return file.write()


def restamped(content: bytes, version: int) -> bytes:
    """Give every operation another version."""

    def edit(model: Any) -> None:
        for code in model.operatorCodes:
            code.version = version

    return edited(content, edit)


def with_operation(content: bytes, name: str, version: int) -> bytes:
    """List one more operation, which no graph of the file uses; runtimes look it up all the same."""

    def edit(model: Any) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode, code.version = getattr(schema.BuiltinOperator, name), version
        # The older one-byte field is read by old runtimes.
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        model.operatorCodes.append(code)

    return edited(content, edit)


def retyped_table(content: bytes, dtype: int, width: int = WIDTH, scales: int = 1) -> bytes:
    """Give the look-up table another type, width and number of scales; the values do not matter."""

    def edit(model: Any) -> None:
        graph = model.subgraphs[0]
        table = next(tensor for tensor in graph.tensors if list(tensor.shape) == [ROWS, WIDTH])
        table.shape = [ROWS, width]
        table.type = dtype
        table.quantization = schema.QuantizationParametersT()
        table.quantization.scale = [0.5] * scales
        table.quantization.zeroPoint = [0] * scales

    return edited(content, edit)
