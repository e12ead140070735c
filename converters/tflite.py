"""The only user of TensorFlow's converter: a function in, a `.tflite` file of builtins with one signature out."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from ondevice.errors import OnDeviceError

SIGNATURE = "serving_default"
"""Name of the signature if nobody says otherwise; Keras calls it the same."""

REMEDIES = {
    "DenseBincount": "use keras.ops.one_hot and the largest over the ids instead of CategoryEncoding",
    "FloorDiv": "divide int32, not int64",
    "FloorMod": "divide int32, not int64",
    "LookupTableFindV2": "leave keys to the app and take ids",
    "RaggedTensorToTensor": "pad to a fixed length",
    "StringLower": "leave texts to the app and take ids",
}
"""What to do about an operation that no runtime has built in."""


def frozen(function: Any, specs: Sequence[tf.TensorSpec]) -> Any:
    """Return a function with the values of all variables as constants.

    Args:
        function: a `tf.function` from tensors to a dict of tensors.
        specs: its inputs.
    """
    concrete = function.get_concrete_function()
    # The converter takes loops whole, as those of recurrent layers.
    constant = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    names = sorted(concrete.structured_outputs)

    @tf.function(input_signature=list(specs), autograph=False)
    def answer(*inputs: Any) -> dict[str, Any]:
        found = constant(*inputs)
        return dict(zip(names, found if isinstance(found, (list, tuple)) else [found], strict=True))

    return answer


def convert(
    function: Any, specs: Sequence[tf.TensorSpec], dynamic_range: bool = False, signature: str = SIGNATURE
) -> bytes:
    """Convert with builtin operations only.

    Variables are turned into constants first, since the converter leaves those of Keras 3 as READ_VARIABLE
    operations; the way then goes through a SavedModel, which keeps the signature's name.

    Args:
        function: a `tf.function` from tensors to a dict of tensors.
        specs: its inputs, with the names that they have in the file.
        dynamic_range: whether the converter quantizes weights as it does by default when asked to optimize.
        signature: name of the file's only signature.

    Raises:
        OnDeviceError: the graph needs an operation that is not builtin.
    """
    with tempfile.TemporaryDirectory(prefix="ondevice-export-") as folder:
        saved = Path(folder) / "saved"
        tf.saved_model.save(tf.Module(), str(saved), signatures={signature: frozen(function, specs)})
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved), signature_keys=[signature])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if dynamic_range:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        try:
            return converter.convert()
        except ConverterError as error:
            raise OnDeviceError(
                f"the model can't be converted to builtin operations: {_reason(str(error))}."
            ) from error


def _reason(text: str) -> str:
    """Return which operations are not builtin, in which layers the graph has them, and what to do."""
    lacking = sorted(set(re.findall(r"'(tf\.\w+)' op|(tf\.\w+)\(tensor", text)))
    names = sorted({one or other for one, other in lacking})
    if not names:
        return text.strip().partition("\n")[0].rstrip(".")
    places = sorted({place.rpartition("/")[0] for place in re.findall(r'"([\w/.]+/[\w/.]+)@__inference', text)})[:3]
    where = f", in {' and '.join(places)}" if places else ""
    remedies = [remedy for name in names if (remedy := REMEDIES.get(name.removeprefix("tf.")))]
    instead = "; ".join(remedies) or "compute that before the model or with other operations"
    return f"there is none for {', '.join(names)}{where}: {instead}"
