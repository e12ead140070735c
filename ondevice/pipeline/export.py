"""Export any Keras model: from a model to a bundle that has passed the gate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondevice import bundle as bundles
from ondevice import files, records
from ondevice.bundle import Bundle
from ondevice.devices.runtimes import DEFAULT_TARGET
from ondevice.errors import UsageError
from ondevice.head import Head, values
from ondevice.manifest import STORED, VOCABULARY
from ondevice.pipeline.conversion import About, write_bundle
from ondevice.pipeline.prove import DEVICES_DIFFER, prove
from ondevice.quantize import recipe as recipes

if TYPE_CHECKING:
    from ondevice.converters.converted import Converted
    from ondevice.quantize.recipe import Recipe

MOST_STEPS = 4
"""How many times the recipe's tolerance the file may be off on the runtimes installed here."""


def export(
    model: Any,
    out: Path | str,
    *,
    sample: Any = None,
    call: Callable[[Any], Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    outputs: Iterable[str] | None = None,
    vocabularies: Mapping[str, Any] | None = None,
    rows: Collection[str] = (),
    head: Head | None = None,
    recipe: str = "int8",
    target: str = DEFAULT_TARGET,
    name: str = "",
) -> Bundle:
    """Quantize, convert and check a Keras model of any kind.

    Variables become constants, the batch is one, ids are int32 and checked by arithmetic; a layer that makes ids of
    texts (StringLookup, IntegerLookup, Hashing, TextVectorization, HashedCrossing) is cut off and becomes a vocabulary
    beside the file. Every look-up of the file is compared with the NumPy reference on every runtime installed here, for
    every id, and the test vectors are run; nothing is written unless all agree.

    Args:
        model: a built model, functional, Sequential or subclassed, or path of a `.keras` file.
        out: bundle folder to write; must not exist.
        sample: a batch as the model takes it (array, dict, list or nested), of several rows; its rows become test
            vectors. A functional model whose inputs have fixed shapes needs none.
        call: a method or function to export instead of `model(batch, training=False)`.
        inputs: what differs from what is found out of an input, by its name, e.g. `{"item_id": {"outside": 1}}`.
        outputs: names of the outputs to keep; all without it.
        vocabularies: keys in the order of the ids, or the lookup layer that has them, by the input's name.
        rows: names of tables of which the app gives the one row it needs, e.g. that of its user, instead of an id.
        head: `ondevice.values()`, which is the default, `ondevice.top_k(...)` or `ondevice.probabilities(...)`.
        recipe: name of the quantization recipe, or path of a file with the fields of one.
        target: runtime that the file is for.
        name: name of the model in the manifest; the model's own if empty.

    Raises:
        UsageError: a name is unknown, the folder is taken, or the sample is no batch of the model.
        OnDeviceError: the model needs what no runtime has built in, or the file did not pass.

    Example:
        >>> bundle = export(model, "out/bundle", sample=batch, recipe="int8")  # doctest: +SKIP
    """
    from ondevice.pipeline.own_model import built, require_file, sample_of
    from ondevice.pipeline.own_vectors import make_texts, make_vectors

    out = Path(out)
    files.refuse_existing(out)
    chosen = _recipe(recipe, target)
    require_file(model)
    # From here on it takes TensorFlow; mistakes are told before.
    from ondevice.converters.convert import convert
    from ondevice.converters.program import describe

    model = built(model)
    sample = sample_of(model) if sample is None else sample
    asked = head or values()
    program = describe(model, sample, call, inputs, outputs, vocabularies, asked, rows=rows)
    if asked.exclude and asked.exclude not in {feature.name for feature in program.features if feature.size}:
        raise UsageError(f"exclude is {asked.exclude!r}; allowed is an input of ids: {_ids(program.features)}.")
    converted = convert(model, program.features, asked, chosen, target, call=program.call, layers=program.layers)
    about = About(
        name or model.name,
        chosen.name,
        target,
        chosen.score_tolerance_steps,
        int(model.count_params()),
        program.vocabularies,
        make_vectors(program, converted, sample),
        make_texts(program, sample),
        orders={
            **{name: VOCABULARY for name in program.free.layers},
            **{name: STORED for name, each in program.layers.items() if each.order is not None},
        },
    )
    with files.new_folder(out) as folder:
        _write(folder, converted, about)
    return bundles.open_bundle(out)


def _recipe(name: str, target: str) -> Recipe:
    from ondevice.converters import target as targets
    from ondevice.converters.dense import require_dense

    if name == recipes.STOCK:
        raise UsageError(f"recipe is {name!r}, which is for models of `ondevice train`; allowed are {recipes.names()}.")
    recipe = recipes.load(name)
    require_dense(recipe.dense, targets.load(target), f" of recipe {name!r}")
    return recipe


def _write(folder: Path, converted: Converted, about: About) -> None:
    """Write a bundle, prove it, and hold other devices to what is measured meanwhile.

    What dense layers of few bits change depends on the model.
    """
    write_bundle(folder, converted, replace(about, tolerance_steps=MOST_STEPS * about.tolerance_steps))
    tolerance = max(about.tolerance_steps, DEVICES_DIFFER * prove(bundles.open_bundle(folder)))
    manifest = bundles.read_manifest(folder / bundles.MANIFEST_FILE)
    records.write(folder / bundles.MANIFEST_FILE, replace(manifest, score_tolerance_steps=tolerance))


def _ids(features: Iterable[Any]) -> str:
    return ", ".join(feature.name for feature in features if feature.size) or "there is none"
