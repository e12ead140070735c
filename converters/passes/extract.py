"""Look-ups alone: a file of what makes vectors of ids, so that any runtime can be asked for every id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from ondevice.converters import flatbuffer
from ondevice.converters.model_file import ModelFile, indices
from ondevice.errors import OnDeviceError
from ondevice.manifest import LookupCall


def extract(model: bytes, signature: str, calls: Sequence[LookupCall]) -> bytes:
    """Return a copy of a file that takes the ids of look-ups and answers with their vectors.

    Operations keep their versions and options, constants their bytes; all else is left out. So is the file's metadata,
    since the runtime version in it is what the whole file needs.

    Args:
        model: the file.
        signature: name of the signature to keep.
        calls: the look-ups. The outputs are `vectors_0` and so on in their order, the inputs `ids_0` and so on, one for
            all that read the same ids.

    Raises:
        OnDeviceError: the file is damaged, lacks the signature or a tensor, or the vectors depend on more than the ids.
    """
    # Read with every check there is, since what follows trusts the file.
    names = [each.name for each in flatbuffer.read(model).signatures]
    if names != [signature]:
        raise OnDeviceError(f"the file's signatures are {names}; expected is {[signature]}.")
    file = ModelFile(model)
    definition, graph = file.model.signatureDefs[0], file.graph
    pairs = [(_computed(file, call.ids), _computed(file, call.vectors)) for call in calls]
    needed = {id(operator) for ids, vectors in pairs for operator in file.between(ids, vectors)}
    graph.operators = [operator for operator in graph.operators if id(operator) in needed]
    graph.inputs, graph.outputs = list(dict.fromkeys(ids for ids, _ in pairs)), [vectors for _, vectors in pairs]
    definition.inputs = [schema.TensorMapT(f"ids_{place}", index) for place, index in enumerate(graph.inputs)]
    definition.outputs = [schema.TensorMapT(f"vectors_{place}", index) for place, index in enumerate(graph.outputs)]
    file.model.subgraphs, file.model.metadata, file.model.metadataBuffer = [graph], None, None
    # A runtime refuses a file for an operation that it lacks, even if nothing uses it.
    codes = sorted({operator.opcodeIndex for operator in graph.operators})
    file.model.operatorCodes = [file.model.operatorCodes[code] for code in codes]
    for operator in graph.operators:
        operator.opcodeIndex = codes.index(operator.opcodeIndex)
    _forget_unused(file, graph)
    return file.write()


def _computed(file: ModelFile, name: str) -> int:
    found = [
        index
        for operator in file.graph.operators
        for index in indices(operator.outputs)
        if (file.graph.tensors[index].name or b"").decode("utf-8", "backslashreplace") == name
    ]
    if len(found) != 1:
        raise OnDeviceError(f"tensor {name!r} must be the name of one computed tensor, it is that of {len(found)}.")
    return found[0]


def _forget_unused(file: ModelFile, graph: Any) -> None:
    """Let tensors that nothing uses have no data; they keep their numbers, by which everything refers to them."""
    used = {index for operator in graph.operators for index in indices(operator.inputs)}
    for index, tensor in enumerate(graph.tensors):
        if index not in used:
            tensor.buffer = 0
