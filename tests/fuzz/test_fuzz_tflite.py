"""Damaged `.tflite` files are refused with a sentence, or are judged for every target in a short time."""

from __future__ import annotations

import itertools
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ondevice.pipeline.inspect import inspect
from tests.fuzz.damage import CASES, damaged_bytes, require_told

ROWS, WIDTH, LENGTH = 20, 8, 3


def _good() -> bytes:
    """Return a file that gathers rows and multiplies them, with a signature and a name for each thing."""
    kinds, codes = schema.TensorType, ("GATHER", "FULLY_CONNECTED")
    table, weights = np.arange(ROWS * WIDTH, dtype=np.float32), np.ones(WIDTH * 2, np.int8)
    data = [b"", table.tobytes(), weights.tobytes(), b"1.6.0".ljust(16, b"\0")]
    shapes = [([LENGTH], "INT32", 0), ([ROWS, WIDTH], "FLOAT32", 1), ([LENGTH, WIDTH], "FLOAT32", 0)]
    shapes += [([2, WIDTH], "INT8", 2), ([LENGTH, 2], "FLOAT32", 0)]
    tensors = [
        schema.TensorT(shape=shape, type=getattr(kinds, kind), buffer=buffer, name=f"tensor {place}")
        for place, (shape, kind, buffer) in enumerate(shapes)
    ]
    tensors[3].quantization = schema.QuantizationParametersT(scale=[0.5], zeroPoint=[0])
    graph = schema.SubGraphT(
        tensors=tensors,
        inputs=[0],
        outputs=[4],
        operators=[
            schema.OperatorT(opcodeIndex=0, inputs=[1, 0], outputs=[2]),
            schema.OperatorT(opcodeIndex=1, inputs=[2, 3, -1], outputs=[4]),
        ],
    )
    sides = [[schema.TensorMapT(name=name, tensorIndex=index)] for name, index in (("ids", 0), ("rows", 4))]
    numbers = [getattr(schema.BuiltinOperator, name) for name in codes]
    model = schema.ModelT(
        version=3,
        operatorCodes=[schema.OperatorCodeT(deprecatedBuiltinCode=n, builtinCode=n, version=1) for n in numbers],
        subgraphs=[graph],
        buffers=[schema.BufferT(data=np.frombuffer(each, np.uint8)) for each in data],
        metadata=[schema.MetadataT(name="min_runtime_version", buffer=3)],
        signatureDefs=[schema.SignatureDefT(inputs=sides[0], outputs=sides[1], signatureKey="serving_default")],
    )
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


GOOD = _good()


def cases(seed: int) -> Iterator[bytes]:
    """Give damaged files without end; in half of them only one whole number of four bytes is another."""
    chosen = random.Random(seed)
    while True:
        if chosen.random() < 0.5:
            content, place = bytearray(GOOD), chosen.randrange(len(GOOD) // 4) * 4
            number = chosen.choice((0, 1, 2, 7, 255, 2**15, 2**31 - 1, 2**31, 2**32 - 1, chosen.randrange(len(GOOD))))
            content[place : place + 4] = number.to_bytes(4, "little")
            yield bytes(content)
        else:
            yield damaged_bytes(GOOD, chosen)


def run(case: bytes) -> None:
    """Inspect a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        path.write_bytes(case)
        found: Any = inspect(path)
    assert found.weight_bytes + found.overhead_bytes == found.summary.file_bytes


def test_the_good_one_is_read() -> None:
    run(GOOD)


def test_damaged_ones_are_told() -> None:
    for case in itertools.islice(cases(0), CASES):
        require_told(run, case)
