"""Files that the converter itself makes when it is asked in another way: the same model, the same numbers."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

from ondevice.bundle import open_bundle
from tests.known_bad.members import Copy, everywhere, known_bad, verdict

if TYPE_CHECKING:
    from ondevice.converters.signature import Signature


def served(bundle: Copy, divided_as_int64: bool = False) -> Signature:
    """Return the function of the bundle's run once more, if asked with ids that take a way through int64."""
    import tensorflow as tf

    from ondevice.converters.convert import output_layer, plain_call
    from ondevice.converters.lower import Lowering
    from ondevice.converters.output import lower_output
    from ondevice.converters.signature import Signature
    from ondevice.converters.tables import layers_of
    from ondevice.models.network import load_network
    from ondevice.quantize.encode import encode
    from ondevice.topk.parts import FLOAT32

    class Divided(Signature):
        def _answer(self, *tensors: Any) -> dict[str, Any]:
            return super()._answer(*(tf.cast(tf.cast(each, tf.int64) * 2 // 2, tf.int32) for each in tensors))

    assert bundle.run is not None
    manifest, model = open_bundle(bundle.folder).manifest, load_network(bundle.run.model)
    layers, scores = layers_of(model), output_layer(model)
    assert scores is not None
    lowering = Lowering(
        {id(each.layer): name for name, each in layers.items()},
        {name: encode(each.method, each.values, "float32", offset=each.offset) for name, each in layers.items()},
    )
    output = lower_output(scores.member, scores.values(), FLOAT32)
    kind = Divided if divided_as_int64 else Signature
    function = kind(plain_call(model), manifest.inputs, manifest.head, lowering, output)
    # So that it has the model's variables, which a converter may leave as such.
    function.network = model
    return function


def write(bundle: Copy, content: bytes, function: Signature) -> None:
    """Write what a converter made, with look-ups as the manifest names them, whatever else is wrong."""
    from ondevice.converters.model_file import ModelFile
    from ondevice.converters.passes import Facts, lookups

    file = ModelFile(content)
    lookups.apply(file, Facts({}, tuple(call.layer for call in function.lowering.calls)))
    bundle.model.write_bytes(file.write())


@known_bad("memcom, float32", everywhere("runtime"))
def operation_of_tensorflow(bundle: Copy) -> None:
    """Whole division of int64 ids is a Flex operation, which runs only with TensorFlow linked into the app."""
    import tensorflow as tf

    from ondevice.converters.tflite import frozen

    function, signature = served(bundle, divided_as_int64=True), open_bundle(bundle.folder).manifest.signature
    with tempfile.TemporaryDirectory() as saved:
        signatures = {signature: frozen(function.function, function.specs)}
        tf.saved_model.save(tf.Module(), saved, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=[signature])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        write(bundle, converter.convert(), function)


@known_bad("memcom, float32", verdict(old="runtime", new="values"))
def weights_left_as_variables(bundle: Copy) -> None:
    """The file holds the weights' names and not their values: 2.14 fails when called, LiteRT reads unwritten memory."""
    import tensorflow as tf

    function, signature = served(bundle), open_bundle(bundle.folder).manifest.signature
    concrete = function.function.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], function)
    bundle.model.write_bytes(converter.convert())
    with bundle.graph() as graph:
        assert graph.operators("READ_VARIABLE")
        # The converter reorders outputs and numbers them by their sorted names.
        names = sorted(concrete.structured_outputs)
        places = [int(graph.graph.tensors[output].name.rpartition(b":")[2]) for output in graph.graph.outputs]
        graph.sign(signature, ["ids"], [names[place] for place in places])
    write(bundle, bundle.model.read_bytes(), function)
