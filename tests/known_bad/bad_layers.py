"""Dense layers and activations that a runtime refuses or computes wrongly."""

from __future__ import annotations

import contextlib
import io

import numpy as np

from ondevice.bundle import open_bundle
from tests.known_bad.good_bundles import INT8_TOLERANCE_STEPS, reseal
from tests.known_bad.members import Copy, everywhere, known_bad, verdict


def quantize_per_channel(bundle: Copy) -> None:
    """Quantize the dense layers with a scale per channel, stamped version 1 as the quantizer does it."""
    from ai_edge_quantizer import qtyping, quantizer

    work = quantizer.Quantizer(bundle.model.read_bytes())
    work.add_dynamic_config(
        ".*",
        qtyping.TFLOperationName.FULLY_CONNECTED,
        num_bits=8,
        granularity=qtyping.QuantGranularity.CHANNELWISE,
    )
    with contextlib.redirect_stdout(io.StringIO()):
        bundle.model.write_bytes(bytes(work.quantize().quantized_model))
    reseal(bundle.folder, score_tolerance_steps=INT8_TOLERANCE_STEPS)


@known_bad("memcom, float32", verdict(old="values"))
def dense_int8_per_channel(bundle: Copy) -> None:
    """2.14 loads the file and takes every product for zero, so that only the bias is left; LiteRT is right."""
    quantize_per_channel(bundle)


@known_bad("memcom, float32", verdict(old="runtime"))
def dense_int8_per_channel_stamped_right(bundle: Copy) -> None:
    """FULLY_CONNECTED version 12, as the converter of today stamps it: 2.14 refuses it, LiteRT is right."""
    quantize_per_channel(bundle)
    with bundle.graph() as graph:
        graph.restamp(graph.operator("FULLY_CONNECTED"), 12)


@known_bad("memcom, int8", everywhere("values"))
def output_layer_of_zeros(bundle: Copy) -> None:
    """What a kernel gives that does not understand its weights: right shapes, right types, no sense."""
    with bundle.graph() as graph:
        graph.values(graph.operator("FULLY_CONNECTED").inputs[1], "int8")[:] = 0


@known_bad("memcom, int8", everywhere("values"))
def sign_bit_of_an_output_weight_is_flipped(bundle: Copy) -> None:
    """The heaviest weight among those of the users' best items; the look-ups are right."""
    best = [int(vector.outputs["items"][0]) for vector in open_bundle(bundle.folder).vectors.vectors if not vector.edge]
    with bundle.graph() as graph:
        weights = graph.values(graph.operator("FULLY_CONNECTED").inputs[1], "int8")
        sizes = np.abs(weights[best].astype(int))
        user, column = np.unravel_index(np.argmax(sizes), sizes.shape)
        weights.view(np.uint8)[best[user], column] ^= 0x80


@known_bad("memcom, int8", everywhere("quality"), with_run=True)
def coarse_output_layer_within_a_generous_tolerance(bundle: Copy) -> None:
    """Weights of one and a half bits, and a manifest that allows for it: only the task metric tells what it costs."""
    with bundle.graph() as graph:
        weights = graph.values(graph.operator("FULLY_CONNECTED").inputs[1], "int8")
        weights[:] = np.clip(np.rint(weights / 64) * 64, -127, 127).astype(np.int8)
    reseal(bundle.folder, score_tolerance_steps=255.0)


@known_bad("softmax", everywhere("values"))
def int8_softmax_over_a_large_vocabulary(bundle: Copy) -> None:
    """The output's step is fixed at 1/256, so each of thousands of scores is rounded to zero: the lowest ids win."""
    with bundle.graph() as graph:
        softmax = graph.operator("SOFTMAX")
        logits, scores = softmax.inputs[0], softmax.outputs[0]
        shape = graph.shape(logits)
        given, found = (graph.add_tensor(name, shape, "int8") for name in ("int8_logits", "int8_scores"))
        graph.quantize(given, [0.05])
        graph.quantize(found, [1 / 256], zero_point=-128)
        graph.add_operator("QUANTIZE", 1, [logits], given, before=softmax)
        graph.restamp(softmax, 2)
        softmax.inputs[0], softmax.outputs[0] = given, found
        after = graph.graph.operators[graph.graph.operators.index(softmax) + 1]
        graph.add_operator("DEQUANTIZE", 2, [found], scores, before=after)
    reseal(bundle.folder, score_tolerance_steps=INT8_TOLERANCE_STEPS)
