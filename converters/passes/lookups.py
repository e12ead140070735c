"""Look-ups by the names of their layers: the file is converted with ids and vectors as further outputs, which go here.

The converter keeps no name of an inner tensor for sure, but every output keeps its tensor.
"""

from __future__ import annotations

from ondevice.converters.model_file import ModelFile
from ondevice.converters.passes import Facts
from ondevice.errors import OnDeviceError
from ondevice.manifest import LookupCall

INSIDE = "lookup:"
"""What the names of dense layers within a look-up begin with: those stay as the method's tables are encoded."""


def output_names(number: int) -> tuple[str, str]:
    """Return what the ids and the vectors of a look-up are called as outputs, by its number in the graph."""
    return f"lookup_{number}_ids", f"lookup_{number}_vectors"


def apply(file: ModelFile, facts: Facts) -> None:
    """Name ids, vectors and inner dense layers of every look-up, and take these outputs away.

    Raises:
        OnDeviceError: the vectors depend on more than the ids, or are no tensor that the graph computes.
    """
    signature = file.model.signatureDefs[0]
    places = {entry.name.decode(): int(entry.tensorIndex) for entry in signature.outputs}
    extra = {name for number in range(len(facts.traced)) for name in output_names(number)}
    signature.outputs = [entry for entry in signature.outputs if entry.name.decode() not in extra]
    file.graph.outputs = list(dict.fromkeys(entry.tensorIndex for entry in signature.outputs))
    named: dict[int, str] = {}
    for number, layer in enumerate(facts.traced):
        calls = facts.calls.setdefault(layer, [])
        suffix = f"_{len(calls)}" if calls else ""
        ids, vectors = (places[name] for name in output_names(number))
        if file.constant(vectors):
            raise OnDeviceError(f"the look-up of layer {layer!r} became a constant of the file.")
        inside = file.between(ids, vectors)
        for index, name in ((ids, f"{layer}/ids{suffix}"), (vectors, f"{layer}/vectors{suffix}")):
            # What several look-ups read is named once.
            named.setdefault(index, name)
            file.graph.tensors[index].name = named[index].encode()
        for operator in inside:
            if file.name_of(operator) == "FULLY_CONNECTED":
                tensor = file.graph.tensors[operator.outputs[0]]
                tensor.name = f"{INSIDE}{tensor.name.decode()}".encode()
        shape = tuple(int(size) for size in file.graph.tensors[ids].shape)
        calls.append(LookupCall(named[ids], named[vectors], shape))
