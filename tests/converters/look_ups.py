"""Files of look-ups alone: ids in, the vectors of every embedding out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ondevice.converters.model_file import ModelFile
from ondevice.converters.passes import Facts
from ondevice.converters.placeholder import Placeholder
from ondevice.converters.tflite import SIGNATURE, convert
from ondevice.devices.device import Job, Outcome
from ondevice.devices.kinds.host import Host
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.quantize.encode import EncodedEmbedding


def file_of(answer: Callable[[Any], dict[str, Any]], length: int) -> ModelFile:
    """Return the file of a function of so many ids."""
    specs = [tf.TensorSpec([1, length], tf.int32, name="ids")]
    return ModelFile(convert(tf.function(answer, input_signature=specs, autograph=False), specs))


def looked_up(embeddings: Mapping[str, EncodedEmbedding], length: int) -> ModelFile:
    """Return a file with an output of vectors for each embedding."""
    xp = TensorFlowOps()
    return file_of(lambda ids: {name: each.in_graph(ids, xp) for name, each in embeddings.items()}, length)


def facts_of(embeddings: Mapping[str, EncodedEmbedding], placeholders: Sequence[Placeholder] = ()) -> Facts:
    """Return what the passes have to know of such a file."""
    return Facts(embeddings, tuple(embeddings), tuple(placeholders))


def asked(content: bytes, ids: np.ndarray, runtime: str, folder: Any, works: bool = True) -> Outcome:
    """Ask a file for ids, int32 `[inferences, 1, length]`, which has to work unless said otherwise."""
    path = folder / "model.tflite"
    path.write_bytes(content)
    outcome = Host().run(Job(path, runtime, SIGNATURE, {"ids": ids}, warmups=0))
    assert outcome.measurement.ok or not works, outcome.measurement.message
    return outcome
