"""The good bundles that known-bad ones are made of: exported as ever, small, and each made once."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt

from ondevice import bundle as bundles
from ondevice import records
from ondevice.converters.digests import constant_digests
from ondevice.data.lists import Lists
from ondevice.data.vocabulary import Vocabulary
from ondevice.errors import OnDeviceError
from ondevice.files import sha256
from ondevice.manifest import Manifest
from ondevice.pipeline.export_run import export_run
from ondevice.training import run_folder
from ondevice.training.config import TrainConfig
from ondevice.training.evaluation import Evaluation
from ondevice.training.run_folder import Run, TrainResult

INT8_TOLERANCE_STEPS = 4.0
GRID_STEP = 1 / 64
GRID_LARGEST = 7
KERNEL_SPREAD, BIAS_SPREAD = 1.0, 0.2
USERS, HISTORY, KEPT = 20, 48, 50
TWINS, TWIN_IDS = ("from", "to"), 200


@dataclasses.dataclass(frozen=True)
class Good:
    """A good bundle and the run it was exported from, if it was one."""

    folder: Path
    run: Run | None


def reseal(folder: Path, constants: bool = True, **changes: object) -> None:
    """Let the manifest describe the folder as it is now, as a careless exporter would; constants only if asked."""
    manifest = records.read(Manifest, folder / bundles.MANIFEST_FILE, "manifest")
    digests = {name: sha256(folder / name) for name in manifest.sha256}
    if constants:
        # Of a damaged file there are none.
        with contextlib.suppress(OnDeviceError):
            changes["constants"] = constant_digests(folder / bundles.MODEL_FILE)
    size = (folder / bundles.MODEL_FILE).stat().st_size
    changed = dataclasses.replace(manifest, sha256=digests, file_bytes=size, **changes)
    records.write(folder / bundles.MANIFEST_FILE, changed)


def reseal_input(folder: Path, **changes: object) -> None:
    """Let the manifest say something else of its only input, as a careless exporter would."""
    [feature] = records.read(Manifest, folder / bundles.MANIFEST_FILE, "manifest").inputs
    reseal(folder, inputs=(dataclasses.replace(feature, **changes),))


def grid_run(folder: Path, vocabulary_size: int, width: int) -> Run:
    """Write the run of an untrained model: shapes that would take long to train, or that nobody would train.

    The table holds whole multiples, -7 to 7, of a power of two, so that float16, int8 and int4 hold it exactly and
    a file with such a table differs from the reference only where the runtime reads the table wrongly.

    Args:
        folder: run folder to write.
        vocabulary_size: number of ids.
        width: numbers per vector.
    """
    import keras

    from ondevice.embeddings.methods.full import Full
    from ondevice.models.network import pooled_network

    config = TrainConfig(
        "synthetic", method="full", order="as_given", ratio=1.0, width=width, hidden=(16,), history_length=HISTORY
    )
    method = Full(vocabulary_size, width)
    rng = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    model = pooled_network(method, config.hidden, config.dropout)
    steps = rng.integers(-GRID_LARGEST, GRID_LARGEST + 1, (vocabulary_size, width))
    model.get_layer("embedding").tables["table"].assign(steps * GRID_STEP)
    scores = model.get_layer("scores").own
    scores["kernel"].assign(rng.normal(0, KERNEL_SPREAD, scores["kernel"].shape))
    # No two scores are equal, not even those of an empty history.
    scores["bias"].assign(rng.normal(0, BIAS_SPREAD, scores["bias"].shape))

    records.write(folder / run_folder.CONFIG_FILE, config)
    Vocabulary(("<padding>", "<unknown>", *(f"item-{n}" for n in range(method.items)))).write(
        folder / run_folder.VOCABULARY_FILE
    )
    model.save(folder / run_folder.MODEL_FILE)
    _evaluation(rng, model).write(folder / run_folder.EVALUATION_FILE)
    result = TrainResult(
        run_folder.SCHEMA_VERSION, method.parameters(), "untrained", model.count_params(), 0, (), {}, {}
    )
    records.write(folder / run_folder.RESULT_FILE, result)
    return run_folder.open_run(folder)


def _evaluation(rng: np.random.Generator, model: Any) -> Evaluation:
    """Make users of a few popular items, with the model's answers to them."""
    from ondevice.training.score import Scorer

    histories: npt.NDArray[np.int32] = rng.integers(2, 60, (USERS, HISTORY)).astype(np.int32)
    lists = Lists.of(list(histories))
    return Evaluation(histories, lists, lists, *Scorer(model, KEPT).recommend(histories, histories))


def _export(folder: Path, run: Run, recipe: str) -> Good:
    return Good(export_run(run.folder, folder / "bundle", recipe=recipe).folder, run)


def _with_softmax(folder: Path) -> Good:
    """Make and export a model with a softmax behind its scores, which no output layer of the family has."""
    import tensorflow as tf

    from ondevice.models.outputs.dense import Dense

    def probabilities(scores: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments: tf.nn.softmax(scores(*arguments))

    kept = {name: probabilities(getattr(Dense, name)) for name in ("scores", "training_scores")}
    with mock.patch.multiple(Dense, **kept):
        return _export(folder, grid_run(folder / "run", 4_000, 16), "float32")


def _twins(folder: Path) -> Good:
    """Export a model of one's own that looks two inputs up in two tables of one shape."""
    import keras

    import ondevice

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    ids = [keras.Input((), dtype="int32", name=f"{name}_city") for name in TWINS]
    layers = [ondevice.CompressedEmbedding(TWIN_IDS, 8, "memcom", 4, name=name) for name in TWINS]
    vectors = [layer(each) for layer, each in zip(layers, ids, strict=True)]
    for layer in layers:
        layer.write_tables(
            {name: rng.standard_normal(values.shape, np.float32) for name, values in layer.table_values().items()}
        )
    model = keras.Model(ids, keras.layers.Dense(4, name="prices")(keras.layers.Concatenate()(vectors)))
    sample = {each.name: rng.integers(0, TWIN_IDS, USERS).astype(np.int32) for each in ids}
    return Good(ondevice.export(model, folder / "bundle", sample=sample, recipe="float32").folder, None)


class GoodBundles:
    """Makes good bundles, each at its first call.

    Args:
        root: an empty folder.
        tiny_run: gives trained runs by the name of a variant.
    """

    def __init__(self, root: Path, tiny_run: Callable[[str], Run]) -> None:
        self.root = root
        self.made: dict[str, Good] = {}
        self.makers: Mapping[str, Callable[[Path], Good]] = {
            "memcom, float32": lambda folder: _export(folder, tiny_run("memcom block"), "float32"),
            "memcom, int8": lambda folder: _export(folder, tiny_run("memcom block"), "int8"),
            "grid": lambda folder: _export(folder, grid_run(folder / "run", 302, 16), "float32"),
            "odd grid": lambda folder: _export(folder, grid_run(folder / "run", 302, 15), "float32"),
            "large grid": lambda folder: _export(folder, grid_run(folder / "run", 8_000, 256), "float32"),
            "twins": _twins,
            "softmax": _with_softmax,
        }

    def __call__(self, name: str) -> Good:
        """Give the good bundle of this name; it is not to be changed."""
        if name not in self.made:
            self.made[name] = self.makers[name](self.root / name.replace(", ", "-").replace(" ", "-"))
        return self.made[name]
