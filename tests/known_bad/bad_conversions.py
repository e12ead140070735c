"""Files that the converter itself makes when it is asked in another way: the same model, the same numbers."""

from __future__ import annotations

import tempfile
from typing import Any

from ondevice.bundle import open_bundle
from tests.known_bad.members import Copy, everywhere, known_bad, verdict


def lowered(bundle: Copy, divided_as_int64: bool = False) -> Any:
    """Lower the model of the bundle's run once more, if asked with ids that take a way through int64."""
    import tensorflow as tf

    from converters.lower import lower
    from converters.signatures.ranking import Recommend
    from ondevice.quantize.encode import encode
    from ondevice.training.reference import load_reference

    class Divided(Recommend):
        def call(self, ids: Any) -> dict[str, Any]:
            doubled = tf.cast(ids, tf.int64) * 2
            return super().call(tf.cast(doubled // 2, tf.int32))

    manifest = open_bundle(bundle.folder).manifest
    model, values = load_reference(bundle.run)
    network = lower(model, encode(bundle.run.method(), values, "float32"))
    kind = Divided if divided_as_int64 else Recommend
    return kind(network, manifest.vocabulary_size, manifest.history_length, manifest.top_k, "unknown", True)


@known_bad("memcom, float32", everywhere("runtime"))
def operation_of_tensorflow(bundle: Copy) -> None:
    """Whole division of int64 ids is a Flex operation, which runs only with TensorFlow linked into the app."""
    import tensorflow as tf

    from converters.tflite import SIGNATURE, frozen

    with tempfile.TemporaryDirectory() as saved:
        signatures = {SIGNATURE: frozen(lowered(bundle, divided_as_int64=True))}
        tf.saved_model.save(tf.Module(), saved, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=[SIGNATURE])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        bundle.model.write_bytes(converter.convert())


@known_bad("memcom, float32", verdict(old="runtime", new="values"))
def weights_left_as_variables(bundle: Copy) -> None:
    """The file holds the weights' names and not their values: 2.14 fails when called, LiteRT reads unwritten memory."""
    import tensorflow as tf

    from converters.tflite import SIGNATURE

    module = lowered(bundle)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.function.get_concrete_function()], module)
    bundle.model.write_bytes(converter.convert())
    with bundle.graph() as graph:
        assert graph.operators("READ_VARIABLE")
        graph.sign(SIGNATURE, ["ids"], ["items", "scores"])
