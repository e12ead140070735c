"""Quantization of the dense layers of a finished float file; embedding tables are already encoded and left alone."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping

from converters.summary import EMBEDDING_SCOPE
from ondevice.errors import unknown_name

OUTSIDE_EMBEDDING = f"^(?!.*{EMBEDDING_SCOPE})"
"""Matches the names of operations that are no part of the look-up: that stays as the method's tables are encoded."""


def _keep(model: bytes) -> bytes:
    return model


def _int8_per_tensor(model: bytes) -> bytes:
    # One scale per tensor: with one per channel tflite-runtime 2.14 loads the file and answers zeros.
    from ai_edge_quantizer import qtyping, quantizer

    work = quantizer.Quantizer(model)
    work.add_dynamic_config(
        OUTSIDE_EMBEDDING,
        qtyping.TFLOperationName.FULLY_CONNECTED,
        num_bits=8,
        granularity=qtyping.QuantGranularity.TENSORWISE,
    )
    # The quantizer reports sizes on stdout, which belongs to the results of this program, and draws progress bars.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return bytes(work.quantize().quantized_model)


FORMATS: Mapping[str, Callable[[bytes], bytes]] = {"float32": _keep, "int8_per_tensor": _int8_per_tensor}
"""How the weights of dense layers may be stored."""


def quantize_dense(model: bytes, dense: str) -> bytes:
    """Return the file with the weights of its dense layers in another number format.

    Args:
        model: a `.tflite` file with float32 dense layers.
        dense: key of `FORMATS`; activations are quantized on the fly by the runtime.
    """
    if dense not in FORMATS:
        raise unknown_name("dense format", dense, FORMATS)
    return FORMATS[dense](model)
