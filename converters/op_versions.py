"""Which runtime release first had which version of an operation: the only such table in the project.

The figures are those that the converter itself uses when it stamps a file (`runtime_version.cc` of LiteRT).
"""

from __future__ import annotations

from ondevice.converters.summary import Operator, TensorInfo

OLDEST = "1.5.0"

# One line per operation: the release that brought version 1, version 2, ...; "-" if it never shipped.
_RELEASES = """
ABS                 1.13 2.4 2.5 2.6 2.12
ADD                 1.5 1.14 2.4 2.6 2.13 2.23
ADD_N               1.14
ARG_MAX             1.9 1.14 2.9
ARG_MIN             1.9 1.14 2.9
ASSIGN_VARIABLE     2.6
AVERAGE_POOL_2D     1.5 1.14 2.3
BATCH_MATMUL        2.3 2.3 2.4 2.5
BATCH_TO_SPACE_ND   1.6 1.14 2.3
BITCAST             2.13
BROADCAST_ARGS      2.6
BROADCAST_TO        - 2.5 2.5
BUCKETIZE           2.8
CALL_ONCE           2.5
CAST                1.5 2.7 2.8 2.9 2.12 2.15 2.17 2.21
CEIL                1.14
CONCATENATION       1.5 1.14 2.3 2.14 2.21 2.23
CONV_2D             1.5 1.14 1.14 2.3 2.4 2.9
COS                 1.14 2.23
CUMSUM              2.4
DEPTHWISE_CONV_2D   1.5 1.12 1.14 2.2 2.3 2.3
DEQUANTIZE          1.13.1 1.14 1.15 2.2 2.7 2.18 2.21 2.22
DIV                 1.6 2.3
DYNAMIC_UPDATE_SLICE 2.9
ELU                 1.14
EMBEDDING_LOOKUP    1.13 1.14 1.14 2.18 2.21
EQUAL               1.14 1.14 2.3 2.13 2.21
EXP                 1.7 2.12
EXPAND_DIMS         1.10
FILL                1.13 2.3 2.5 2.12
FLOOR               1.9
FLOOR_DIV           1.14 1.14 2.13
FLOOR_MOD           1.13 2.13
FULLY_CONNECTED     1.5 1.10 1.14 1.14 2.0 2.1 2.3 2.3 2.3 2.11 2.15 2.17 2.18 2.21
GATHER              1.6 1.14 1.15 2.4 2.5 2.13 2.15 2.23
GATHER_ND           1.14 2.3 2.5 2.13 2.16
GELU                2.9 2.9
GREATER             1.14 1.14
GREATER_EQUAL       1.14 1.14 2.13
HARD_SWISH          1.15
HASHTABLE           2.5
HASHTABLE_FIND      2.5
HASHTABLE_IMPORT    2.5
HASHTABLE_SIZE      2.5
IF                  1.15
L2_NORMALIZATION    1.5 1.14
LEAKY_RELU          1.13.1 2.3
LESS                1.14 1.14 2.13
LESS_EQUAL          1.14 1.14
LOG                 1.14 2.15
LOGICAL_AND         1.11
LOGICAL_NOT         1.11
LOGICAL_OR          1.11
LOGISTIC            1.14 1.14 2.3
LOG_SOFTMAX         1.14 1.14
MATRIX_DIAG         1.14
MATRIX_SET_DIAG     1.14
MAXIMUM             1.14 1.14 2.3 2.3
MAX_POOL_2D         1.5 1.14 2.3
MEAN                1.6 1.14 2.4
MINIMUM             1.14 1.14 2.3 2.3
MIRROR_PAD          1.13.1 2.3
MUL                 1.5 1.14 1.15 2.3 2.6 2.11 2.13 2.23
NEG                 1.9
NOT_EQUAL           1.14 1.14 2.3 2.21
ONE_HOT             1.11
PACK                1.11 1.14 2.3 2.13
PAD                 1.5 1.14 2.4 2.6 2.20
PADV2               1.9 1.14 2.4 2.6 2.20
POW                 1.10
PRELU               1.8
QUANTIZE            1.14 1.15 2.7 2.21 2.21 2.21
RANGE               1.13 2.14
RANK                1.14
READ_VARIABLE       2.6
REDUCE_ALL          2.6
REDUCE_ANY          1.11
REDUCE_MAX          1.11 1.14 2.5
REDUCE_MIN          1.11 1.14 2.5
REDUCE_PROD         1.11 2.6
RELU                1.5 2.1 2.5
RELU6               1.5 1.14 2.5
RELU_0_TO_1         2.10
RELU_N1_TO_1        1.5
RESHAPE             1.5
REVERSE_SEQUENCE    1.14
REVERSE_V2          1.14 2.2 2.5
ROUND               1.14
RSQRT               1.10 2.5 2.15
SCATTER_ND          2.1
SEGMENT_SUM         2.2
SELECT              1.14 1.14 2.12 2.12
SELECT_V2           2.2 2.12
SHAPE               1.10
SIGN                2.11 2.12
SIN                 1.9 2.23
SLICE               1.14 1.14 1.14 2.4 2.5 2.14 2.21 2.23
SOFTMAX             1.5 1.14 2.3 2.23
SPACE_TO_BATCH_ND   1.6 1.14 2.3
SPLIT               1.5 1.14 1.14 2.3
SPLIT_V             1.13.1 2.3
SQRT                1.10 2.21
SQUARE              1.12
SQUARED_DIFFERENCE  1.13.1 2.5
SQUEEZE             1.6 2.5
STRIDED_SLICE       1.6 1.14 2.1 2.2 2.5 2.6 2.14 2.14
SUB                 1.6 1.14 2.3 2.4 2.4
SUM                 1.10 1.15
TANH                1.14 1.14 2.3
TILE                1.10.1 2.2 2.8
TOPK_V2             1.7 1.14 2.13
TRANSPOSE           1.6 1.14 1.15 2.3 2.4 2.12 2.14.4 2.22 2.23
UNIDIRECTIONAL_SEQUENCE_LSTM 1.13.1 1.14 2.3
UNPACK              1.11 1.14 2.2 2.3 2.22
VAR_HANDLE          2.6
WHERE               1.14 2.8
WHILE               1.15
ZEROS_LIKE          1.12
"""


def _full(release: str) -> str:
    return release if release.count(".") == 2 else f"{release}.0"


RELEASES: dict[tuple[str, int], str] = {
    (name, version): _full(release)
    for name, *releases in (line.split() for line in _RELEASES.strip().splitlines())
    for version, release in enumerate(releases, start=1)
    if release != "-"
}


_UNVERSIONED = {("GATHER", "float16"): "2.18.0", ("FULLY_CONNECTED", "int4"): "2.14.0"}
"""Operations on a type for which no version tells: the release of the oldest target that was measured to have them."""


def least_version(operator: Operator, tensors: tuple[TensorInfo, ...]) -> int:
    """Return the version that an operation needs for the type and the scales of what it reads.

    What the converter writes has it; quantizers that edit a finished file leave the version of the float operation,
    so that runtimes without the kernel load the file and answer wrongly.

    Args:
        operator: the operation.
        tensors: the tensors of its file.
    """
    table = constant_read(operator, tensors)
    if table is None:
        return 1
    if operator.name == "FULLY_CONNECTED" and tensors[operator.inputs[0]].dtype == "float32":
        return {"int2": 14, "int8": 12 if table.scales > 1 else 3}.get(table.dtype, 1)
    if operator.name == "EMBEDDING_LOOKUP":
        return {"int2": 5, "int4": 4}.get(table.dtype, 4 if table.scales > 1 else 1)
    if operator.name == "GATHER":
        return {"int4": 7, "int8": 2}.get(table.dtype, 1)
    if operator.name == "CAST":
        return {"int4": 6}.get(table.dtype, 1)
    return 1


def unversioned_release(operator: Operator, tensors: tuple[TensorInfo, ...]) -> str:
    """Return the oldest release known to have the operation on the type it reads; `OLDEST` where its version tells.

    Args:
        operator: the operation.
        tensors: the tensors of its file.
    """
    table = constant_read(operator, tensors)
    return OLDEST if table is None else _UNVERSIONED.get((operator.name, table.dtype), OLDEST)


def constant_read(operator: Operator, tensors: tuple[TensorInfo, ...]) -> TensorInfo | None:
    """Return the table of a look-up, the weights of a dense layer or what is cast, None for other operations.

    Args:
        operator: the operation.
        tensors: the tensors of its file.
    """
    # EMBEDDING_LOOKUP has its ids first and the table second.
    place = {"GATHER": 0, "EMBEDDING_LOOKUP": 1, "FULLY_CONNECTED": 1, "CAST": 0}.get(operator.name)
    if place is None or operator.custom or len(operator.inputs) <= place or min(operator.inputs[: place + 1]) < 0:
        return None
    return tensors[operator.inputs[place]]


def order(release: str) -> tuple[int, ...]:
    """Return a key that sorts releases by age, e.g. `(2, 14, 0)`."""
    return tuple(int(part) for part in release.split("."))
