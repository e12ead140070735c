"""Files that hold nothing but vectors: one row per key, with or without the keys."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice import arrays
from ondevice.data.lines import text_lines
from ondevice.errors import OnDeviceError, UsageError

Vectors = tuple[npt.NDArray[np.float32], list[str]]
"""The vectors, float32 `[rows, width]`, and their keys; none where the file has none."""


def read_vectors(path: Path, name: str = "") -> Vectors:
    """Read a matrix: `.npy`, `.npz`, `.safetensors`, a state dict of torch, or the text of word2vec and GloVe.

    Args:
        path: the file.
        name: name of the array in a file of several; without it the only matrix of fractions.

    Raises:
        UsageError: there is no such file or array, or a package that reads it is missing.
        OnDeviceError: it is damaged, or holds no matrix of finite numbers.
    """
    if not path.is_file():
        raise UsageError(f"vectors {str(path)!r} do not exist; allowed is a file of one of {', '.join(READERS)}.")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"vectors {str(path)!r} end with {path.suffix!r}; allowed is one of {', '.join(READERS)}.")
    try:
        found, keys = reader(path)
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise OnDeviceError(f"vectors {str(path)!r} can't be read: {error}.") from error
    matrices = {each: array for each, array in found.items() if array.ndim == 2 and array.dtype.kind == "f"}
    if (name not in matrices) if name else (len(matrices) != 1):
        asked = f"array {name!r} is none" if name else f"{len(matrices)} are there and none is named"
        raise UsageError(
            f"{asked} of the matrices of {str(path)!r}; allowed is one of {', '.join(matrices) or 'none'}."
        )
    vectors = np.ascontiguousarray(matrices[name] if name else next(iter(matrices.values())), np.float32)
    if not vectors.size or not np.isfinite(vectors).all():
        raise OnDeviceError(f"vectors {str(path)!r} are empty or not finite; allowed is a matrix of finite numbers.")
    return vectors, keys


def _text(path: Path) -> tuple[Mapping[str, npt.NDArray[Any]], list[str]]:
    keys: list[str] = []
    rows: list[npt.NDArray[np.float32]] = []
    for number, line in text_lines(path):
        key, *numbers = line.rstrip().split(" ")
        if number == 1 and len(numbers) == 1:
            continue
        if rows and len(numbers) != len(rows[0]):
            raise ValueError(f"line {number} has {len(numbers)} numbers, those before {len(rows[0])}")
        keys.append(key)
        try:
            rows.append(np.array(numbers, np.float32))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
    return {"vectors": np.stack(rows) if rows else np.zeros((0, 0), np.float32)}, keys


def _safetensors(path: Path) -> tuple[Mapping[str, npt.NDArray[Any]], list[str]]:
    package, numpy = _package("safetensors", path), _package("safetensors.numpy", path)
    try:
        return numpy.load_file(path), []
    except package.SafetensorError as error:
        raise ValueError(str(error)) from error


def _torch(path: Path) -> tuple[Mapping[str, npt.NDArray[Any]], list[str]]:
    stored = _package("torch", path).load(path, map_location="cpu", weights_only=True)
    stored = stored.get("state_dict", stored) if isinstance(stored, dict) else {"weight": stored}
    return {name: each.float().numpy() for name, each in stored.items() if hasattr(each, "float")}, []


def _package(name: str, path: Path) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise UsageError(f"{str(path)!r} takes the package {package}, which is not installed.") from error


READERS: Mapping[str, Callable[[Path], tuple[Mapping[str, npt.NDArray[Any]], list[str]]]] = {
    ".npy": lambda path: ({"vectors": arrays.read_array(path, "vectors")}, []),
    ".npz": lambda path: (arrays.read_archive(path, "vectors"), []),
    ".safetensors": _safetensors,
    ".pt": _torch,
    ".pth": _torch,
    ".txt": _text,
    ".vec": _text,
}
"""What reads each kind of file, by the end of its name."""
