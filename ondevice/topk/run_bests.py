"""What a file holds to find the best score of every run: extremes of multipliers, or with biases corners of hulls.

Rows of what is stored stand in front, as products of a hidden vector with the rows that runs share do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FloatArray
from ondevice.topk.hulls import extremes, upper_hulls
from ondevice.topk.parts import FLOAT32, Arrays, Part, as_float

USUAL_CORNERS = 7
"""Corners that all hulls are stored with, about, before the values are known."""
NEVER_HIGHEST = 1e15
"""Far beyond any score, in any unit."""


def parts_of_bests(runs: int, multipliers: str, biased: bool, arrays: Arrays | None) -> tuple[Part, ...]:
    """Declare what `arrays_of_bests` gives; how many corners hulls have depends on the values.

    Args:
        runs: number of runs.
        multipliers: type of the multipliers.
        biased: whether ids have a bias.
        arrays: what `arrays_of_bests` gave; without, it is a guess.
    """
    if not biased:
        return tuple(Part(name, (1, runs), multipliers) for name in ("highest", "lowest"))
    shape = arrays["corner_bias"].shape if arrays else (1, USUAL_CORNERS, runs)
    further = arrays["corner_further"].shape if arrays else (1, 1)
    return (
        Part("corner", shape, multipliers),
        Part("corner_bias", shape, FLOAT32),
        Part("corner_further", further, FLOAT32),
        Part("corner_further_bias", further, FLOAT32),
        Part("corner_fuller", further[1:], "int32"),
    )


def arrays_of_bests(
    multipliers: npt.NDArray[Any], biases: npt.NDArray[Any] | None, step: FloatArray | None, runs: int
) -> dict[str, npt.NDArray[Any]]:
    """Return what finds the best score of every run.

    Biases are float32 here: decoding a few per run in every answer takes longer than reading four times as many bytes.
    Where no run has further lines, one has a line that is never highest.

    Args:
        multipliers: one per id that is an item, as they are stored, `[items]`.
        biases: of the same ids, None where they have none.
        step: what a stored bias is to be multiplied by, `[1, 1]`, None where it is one.
        runs: number of runs.
    """
    items = len(multipliers)
    if biases is None:
        highest, lowest = extremes(multipliers, items, runs)
        return {"highest": highest, "lowest": lowest}
    hulls = upper_hulls(multipliers, biases, items, runs)
    unit = np.float32(1) if step is None else step[0, 0]
    further, further_heights, fuller = hulls.further_slopes, hulls.further_heights, hulls.fuller
    if not len(fuller):
        # Neither zero nor one, products with which the converter would leave out.
        further, further_heights = np.full((1, 1), 2), np.full((1, 1), -NEVER_HIGHEST)
        fuller = np.zeros(1, np.int32)
    return {
        "corner": hulls.slopes[None],
        "corner_bias": hulls.heights[None].astype(np.float32) * unit,
        "corner_further": further.astype(np.float32),
        "corner_further_bias": further_heights.astype(np.float32) * unit,
        "corner_fuller": fuller,
    }


def bests_of_runs(products: Any, arrays: Arrays, place: Any) -> Any:
    """Return the best score of every run within the graph, float32 `[runs]`.

    Args:
        products: what the multipliers of each run are multiplied by, float32 `[1, runs]`.
        arrays: what `arrays_of_bests` gave, among others.
        place: int32 `[1]`, zero; see `ondevice.models.output.Output.scores`.
    """
    import tensorflow as tf

    # By a reshape: taking the first of a row copies it number by number on the runtimes.
    if "highest" in arrays:
        ends = (products * as_float(arrays[name], place) for name in ("highest", "lowest"))
        return tf.reshape(tf.maximum(*ends), [-1])
    # [1, corners, runs]
    bests = tf.reshape(
        tf.reduce_max(products * as_float(arrays["corner"], place) + arrays["corner_bias"], axis=1), [-1]
    )
    fuller = arrays["corner_fuller"]
    further = tf.gather(tf.reshape(products, [-1]), fuller) * arrays["corner_further"]
    higher = tf.reduce_max(further + arrays["corner_further_bias"], axis=0) - tf.gather(bests, fuller)
    return bests + tf.scatter_nd(fuller[:, None], tf.maximum(higher, 0), bests.shape)
