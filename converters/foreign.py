"""What a file is that is no `.tflite` file, so that a message can say how to get one from it."""

from __future__ import annotations

from collections.abc import Sequence

_STARTS = (
    (b"version https://git-lfs", "it is a Git LFS pointer, which stands for the file; `git lfs pull` fetches the file"),
    (b"\x1f\x8b", "it is compressed with gzip; unpack it first"),
    (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file, in which Keras keeps models and weights; convert the model first"),
    (b"LITERTLM", "it is a LiteRT-LM archive, which holds a language model and more; unpack it first"),
    (b"\x93NUMPY", "it is an array of NumPy"),
    (b"\x7fELF", "it is a program"),
)
_INSIDE = (
    (("metadata.json", "model.weights.h5"), "it is a Keras model; `ondevice export` makes a bundle of it"),
    (("data.pkl",), "it is a PyTorch model; convert it first"),
    ((".npy",), "it is an archive of NumPy arrays"),
)
_ENDINGS = {
    "onnx": "it is an ONNX model; convert it first",
    "pb": "it is a graph of TensorFlow; convert it first",
}
SHOWN = 3
"""Names of models in an archive that a message repeats."""


def what_it_is(head: bytes, inside: Sequence[str], name: str) -> str:
    """Say what a file is, as the end of a sentence; empty if it is of no kind known here.

    Args:
        head: its first bytes.
        inside: names of the files in it, if it is a zip archive.
        name: its own name.
    """
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if inside:
        return _archive(inside)
    # Both are protocol buffers, which start with the field of their version and have no other mark.
    return _ENDINGS.get(name.rpartition(".")[2].lower(), "") if head[:1] == b"\x08" or not head else ""


def _archive(inside: Sequence[str]) -> str:
    models = [each for each in inside if each.lower().endswith(".tflite")]
    if models:
        more = f" and {len(models) - SHOWN} more" if len(models) > SHOWN else ""
        return f"it is a zip archive with {', '.join(map(repr, models[:SHOWN]))}{more} inside; unpack it first"
    for endings, kind in _INSIDE:
        if all(any(each.endswith(ending) for each in inside) for ending in endings):
            return kind
    return "it is a zip archive without a .tflite file inside"
