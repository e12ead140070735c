"""Bundles made by hand of a few operations, with the fields of the manifest that apps read and no others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ondevice import bundle as bundles
from ondevice.devices.browser import runtime_files
from ondevice.devices.browser.job_page import copy_runtime
from ondevice.devices.browser.server import serving
from ondevice.devices.kinds.web import Web
from ondevice.files import sha256
from ondevice.pipeline.web import BUNDLE_FOLDER
from ondevice.web.sources import PAGE, copy_sources


def tensor(name: str, shape: Sequence[int], dtype: str) -> dict[str, Any]:
    """Return the record of an output."""
    return {"name": name, "shape": list(shape), "dtype": dtype}


def feature(name: str, kind: str, shape: Sequence[int], dtype: str, **more: Any) -> dict[str, Any]:
    """Return the record of an input."""
    known = {"size": 0, "outside": 0, "padding": None, "reserved": 0, "vocabulary": "", "tokenizer": None}
    return {**tensor(name, shape, dtype), "kind": kind, **known, **more}


def vector(name: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return a test vector."""
    return {"name": name, "edge": False, "inputs": inputs, "outputs": outputs, "ranges": {}, "keys": [], **more}


def write_bundle(
    folder: Path,
    function: Callable[..., Any],
    vocabularies: Mapping[str, Sequence[str]],
    vectors: Sequence[Mapping[str, Any]],
    texts: Sequence[Mapping[str, Any]] = (),
    **manifest: Any,
) -> None:
    """Write a bundle.

    Args:
        folder: folder to write.
        function: the model; takes its inputs by name and returns its outputs by name.
        vocabularies: keys by file name.
        vectors: test vectors.
        texts: test texts.
        manifest: `inputs`, `outputs`, `head`, and what else is not as below.
    """
    import tensorflow as tf

    signature = manifest.get("signature", "serving_default")
    specs = {each["name"]: tf.TensorSpec(each["shape"], each["dtype"], each["name"]) for each in manifest["inputs"]}
    traced = tf.function(function).get_concrete_function(**specs)
    module = tf.Module()
    tf.saved_model.save(module, str(folder / "saved"), signatures={signature: traced})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved"), signature_keys=[signature])
    (folder / bundles.MODEL_FILE).write_bytes(converter.convert())
    shutil.rmtree(folder / "saved")
    for name, keys in vocabularies.items():
        (folder / name).write_text("".join(f"{key}\n" for key in keys), encoding="utf-8")
    tests = {"schema_version": bundles.SCHEMA_VERSION, "vectors": vectors, "texts": texts}
    (folder / bundles.TEST_VECTORS_FILE).write_text(json.dumps(tests), encoding="utf-8")
    names = (bundles.MODEL_FILE, *vocabularies, bundles.TEST_VECTORS_FILE)
    described = {
        "schema_version": bundles.SCHEMA_VERSION,
        "name": "hand-made",
        "task": "",
        "signature": signature,
        "embeddings": [],
        "recipe": "float32",
        "file_bytes": (folder / bundles.MODEL_FILE).stat().st_size,
        "minimum_runtime": "2.8.0",
        "score_tolerance_steps": 0.5,
        "sha256": {name: sha256(folder / name) for name in names},
        **manifest,
    }
    (folder / bundles.MANIFEST_FILE).write_text(json.dumps(described), encoding="utf-8")


@contextmanager
def hand_made_site(folder: Path, write: Callable[[Path], None]) -> Iterator[str]:
    """Serve the page of a bundle that was made by hand and give its address.

    Args:
        folder: an empty folder.
        write: writes the bundle to the folder it is given.
    """
    copy_sources(PAGE, folder)
    spec = runtime_files.load(Web("web").runtime)
    copy_runtime(runtime_files.open_runtime(spec), folder, list(spec.files))
    (folder / BUNDLE_FOLDER).mkdir()
    write(folder / BUNDLE_FOLDER)
    with serving(folder) as address:
        yield address
