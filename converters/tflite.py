"""The only user of TensorFlow's converter: a module with one signature in, a `.tflite` file of builtins out."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any, Protocol

import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from ondevice import task as tasks
from ondevice.errors import OnDeviceError

SIGNATURE = tasks.load(tasks.RANKING).signature
"""Name of the signature if nobody says otherwise."""


class Module(Protocol):
    """What can be converted: something with a function of one input."""

    function: Any


def frozen(module: Module) -> tf.types.experimental.PolymorphicFunction:
    """Return the module's function with the values of all variables as constants."""
    function = module.function.get_concrete_function()
    constant = convert_variables_to_constants_v2(function)
    names = sorted(function.structured_outputs)
    [spec] = function.structured_input_signature[0]

    @tf.function(input_signature=[spec])
    def answer(ids: Any) -> dict[str, Any]:
        return dict(zip(names, constant(ids), strict=True))

    return answer


def convert(module: Module, dynamic_range: bool = False, signature: str = SIGNATURE) -> bytes:
    """Convert with builtin operations only.

    Variables are turned into constants first, since the converter leaves those of Keras 3 as READ_VARIABLE
    operations; the way then goes through a SavedModel, which keeps the signature's name.

    Args:
        module: what to convert.
        dynamic_range: whether the converter quantizes weights as it does by default when asked to optimize.
        signature: name of the file's only signature.

    Raises:
        OnDeviceError: the graph needs an operation that is not builtin.
    """
    with tempfile.TemporaryDirectory(prefix="ondevice-export-") as folder:
        saved = Path(folder) / "saved"
        tf.saved_model.save(tf.Module(), str(saved), signatures={signature: frozen(module)})
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved), signature_keys=[signature])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if dynamic_range:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        try:
            return converter.convert()
        except ConverterError as error:
            lacking = sorted(set(re.findall(r"'(tf\.\w+)' op", str(error))))
            said = f"there is none for {', '.join(lacking)}" if lacking else str(error).strip().partition("\n")[0]
            raise OnDeviceError(f"the model can't be converted to builtin operations: {said}.") from error
