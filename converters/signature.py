"""The exported function: every input by name, ids checked by arithmetic, the model called, its answer by the head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from ondevice.converters.heads import answer
from ondevice.converters.lower import Lowering, inside, lowered
from ondevice.converters.output import LoweredOutput
from ondevice.converters.passes.lookups import output_names
from ondevice.errors import OnDeviceError
from ondevice.feature import Feature
from ondevice.head import Head
from ondevice.manifest import Tensor

Call = Callable[[Mapping[str, Any]], Any]
"""From the inputs by name to what the model gives."""


class Signature(tf.Module):
    """The function that becomes a file's only signature.

    Args:
        call: calls the model.
        features: the inputs in order.
        head: what the outputs are.
        lowering: what the model's embeddings look up in.
        output: the output layer, if it is lowered apart from the model.
    """

    def __init__(
        self,
        call: Call,
        features: Sequence[Feature],
        head: Head,
        lowering: Lowering,
        output: LoweredOutput | None = None,
    ) -> None:
        super().__init__()
        self.call, self.features, self.head = call, tuple(features), head
        self.lowering, self.output = lowering, output
        self.specs = [tf.TensorSpec(feature.shape, feature.dtype, name=feature.name) for feature in features]
        self.function = tf.function(self._answer, input_signature=self.specs, autograph=False)

    def _answer(self, *tensors: Any) -> dict[str, Any]:
        given = {feature.name: tensor for feature, tensor in zip(self.features, tensors, strict=True)}
        sized = {feature.name: feature for feature in self.features if feature.size}
        checked = {name: inside(given[name], each.size, each.outside) for name, each in sized.items()}
        self.lowering.calls.clear()
        self.lowering.features.update(checked)
        self.lowering.sizes.update({name: feature.size for name, feature in sized.items()})
        given |= checked
        with lowered(self.lowering, self.output is not None):
            found = self.call(given)
        for call in self.lowering.calls:
            if call.vectors.graph is not tf.compat.v1.get_default_graph():
                raise OnDeviceError(
                    f"layer {call.layer!r} looks ids up within a loop or a tf.function; allowed is outside of one."
                )
        outputs = answer(self.head, found, given, self.output)
        # The file's inner tensors are found by these, see `ondevice.converters.passes.lookups`.
        for number, call in enumerate(self.lowering.calls):
            outputs |= dict(zip(output_names(number), (call.ids, call.vectors), strict=True))
        return outputs

    def outputs(self) -> tuple[Tensor, ...]:
        """Return name, shape and type of every output.

        Raises:
            OnDeviceError: a shape depends on the values of the inputs.
        """
        found = self.function.get_concrete_function().structured_outputs
        inner = {name for number in range(len(self.lowering.calls)) for name in output_names(number)}
        outputs = []
        for name, spec in found.items():
            if name in inner:
                continue
            if not spec.shape.is_fully_defined():
                raise OnDeviceError(
                    f"output {name!r} has shape {spec.shape}, which depends on values; allowed is one that does not."
                )
            outputs.append(Tensor(name, tuple(spec.shape.as_list()), spec.dtype.name))
        order = {name: place for place, name in enumerate(self.head.outputs)}
        return tuple(sorted(outputs, key=lambda tensor: order.get(tensor.name, 0)))
